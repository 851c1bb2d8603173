#!/bin/bash
# Starts and stops what is measured, each on its core; pids go to perf/run, what they say to perf/log.
#   serve.sh build                       the mock upstream and the stream load, with rustc, into perf/bin
#   serve.sh mock PORT [PACE_MS]         the mock upstream, on MOCK_CORE (default 1)
#   serve.sh run NAME PORT COMMAND...    any server, on PROXY_CORE (default 0); a port of - is not waited for
#   serve.sh stop NAME
set -eu
here=$(cd "$(dirname "$0")" && pwd)
perf=$(dirname "$here")
mkdir -p "$perf/run" "$perf/log" "$perf/bin"

build() {
    for program in mock_upstream stream_load; do
        [ "$perf/bin/$program" -nt "$here/$program.rs" ] || rustc -C opt-level=3 -o "$perf/bin/$program" "$here/$program.rs"
    done
}

stop() {
    local file="$perf/run/$1.pid" pid
    [ -f "$file" ] || return 0
    pid=$(cat "$file")
    rm -f "$file"
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null || true
}

until_open() { # PORT PID
    for _ in $(seq 600); do
        kill -0 "$2" 2>/dev/null || break
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.1
    done
    echo "port $1 never opened; see $perf/log" >&2
    return 1
}

start() { # NAME PORT CORE COMMAND...
    local name=$1 port=$2 core=$3
    shift 3
    stop "$name"
    setsid "$here/prio.sh" taskset -c "$core" "$@" >"$perf/log/$name.log" 2>&1 &
    echo $! >"$perf/run/$name.pid"
    [ "$port" = - ] || until_open "$port" $!
}

command=${1:-}
case "$command" in
build) build ;;
mock) build; start mock "$2" "${MOCK_CORE:-1}" "$perf/bin/mock_upstream" "$2" "${3:-0}" ;;
run) name=$2; port=$3; shift 3; start "$name" "$port" "${PROXY_CORE:-0}" "$@" ;;
stop) stop "$2" ;;
*) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
esac
