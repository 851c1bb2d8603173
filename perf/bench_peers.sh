#!/bin/bash
# `make bench-peers`: the gateway, its peers and the bare upstream in one sitting, one at a time on one core.
#   bench_peers.sh [NAME...]     NAME: direct nginx tensorzero portkey litellm reference gateway noop (default: all)
# ROUNDS (2) and SECS (5) say how long; windows go to JSON (perf/run/peers.jsonl, begun anew), tables to standard output.
# Needs wrk, rustc and nginx, and the peers of harness/install_peers.sh (in PEERS, default perf/run/peers).
set -eu
cd "$(dirname "$0")"
harness=$PWD/harness
json=${JSON:-$PWD/run/peers.jsonl}
rounds=${ROUNDS:-2} secs=${SECS:-5}
mkdir -p run log
: >"$json"
free_port() { python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'; }
upstream=$(free_port)
read -ra names <<<"${*:-$("$harness/peers.sh" names)}"

stop_all() {
    for name in "${names[@]}" mock; do "$harness/serve.sh" stop "$name"; done
}
trap stop_all EXIT

measure() { # NAME OPTION...: starts the peer, measures it, stops it
    local name=$1 how
    shift
    if ! how=$("$harness/peers.sh" start "$name" "$(free_port)" "127.0.0.1:$upstream"); then
        echo "$name did not start and is left out" >&2
    else
        # shellcheck disable=SC2086
        python3 "$harness/measure.py" $how --secs "$secs" --json "$json" "$@" >&2 || echo "$name: no figures" >&2
    fi
    "$harness/serve.sh" stop "$name"
}

for _ in $(seq "$rounds"); do
    "$harness/serve.sh" mock "$upstream"
    for name in "${names[@]}"; do
        measure "$name" --conc 32,1
        measure "$name" --conc 1,20,200 --stream
    done
    "$harness/serve.sh" mock "$upstream" 10
    for name in "${names[@]}"; do measure "$name" --conc 1,20,200 --stream --pace 10; done
done
python3 "$harness/tables.py" "$json"
