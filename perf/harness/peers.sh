#!/bin/bash
# Starts one peer on its core, in front of the mock upstream, and says how to ask it.
#   peers.sh start NAME PORT UPSTREAM_HOST:PORT    prints the options for measure.py
#   peers.sh names
# Installed peers are looked for in PEERS (default perf/run/peers; see install_peers.sh), the gateway in .venv.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
perf=$(dirname "$here")
root=$(dirname "$perf")
installed=${PEERS:-$perf/run/peers}
if [ "${1:-}" = names ]; then
    echo direct nginx tensorzero portkey litellm reference gateway noop
    exit
fi
name=$2 port=$3 upstream=$4
key=sk-bench-7f3a9c2e5b1d4860a1b2c3d4e5f60718 # recent LiteLLM refuses to start without a strong one

filled() { # TEMPLATE: gives the path of the configuration with its blanks filled
    mkdir -p "$perf/run" "$perf/log"
    sed -e "s#@UPSTREAM@#$upstream#g; s#@PORT@#$port#g; s#@RUN@#$perf/run#g; s#@LOG@#$perf/log#g; s#@KEY@#$key#g" \
        "$here/peers/$1.in" >"$perf/run/$1"
    echo "$perf/run/$1"
}

run() { "$here/serve.sh" run "$name" "$port" "$@"; }

gateway() { # OPTION...
    local data="$perf/run/data-$name"
    rm -rf "$data"
    run env -u OPENAI_API_KEY "$root/.venv/bin/lukhas" serve --port "$port" --upstream "http://$upstream/v1" --data "$data" "$@"
}

base="http://127.0.0.1:$port"
more=()
case "$name" in
direct)
    base="http://$upstream"
    more=(--core "${PROXY_CORE:-0}")
    ;;
nginx) run nginx -p "$perf/run" -c "$(filled nginx.conf)" ;;
tensorzero)
    # The embedded server picks its own port and prints it.
    "$here/serve.sh" run "$name" - "$installed/venv-tz/bin/python" "$here/peers/tz_serve.py" "$(filled tensorzero.toml)"
    for _ in $(seq 300); do
        base=$(sed -n 's#^\(http://[^/]*\)/openai/v1.*#\1#p' "$perf/log/$name.log")
        [ -z "$base" ] || break
        sleep 0.1
    done
    more=(--path /openai/v1/chat/completions --model tensorzero::model_name::gpt-4o-mini)
    ;;
portkey)
    run env NODE_ENV=production node "$installed/npm/node_modules/@portkey-ai/gateway/build/start-server.js" "--port=$port" --headless
    more=(--header "x-portkey-provider:openai" --header "x-portkey-custom-host:http://$upstream/v1")
    ;;
litellm)
    run env LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_LOG=ERROR LITELLM_MODE=PRODUCTION NO_PROXY='*' \
        "$installed/venv-litellm/bin/litellm" --config "$(filled litellm.yaml)" --host 127.0.0.1 --port "$port" \
        --num_workers 1 --telemetry False
    more=(--auth "$key")
    ;;
reference) run env "PYTHONPATH=$root" "$root/.venv/bin/python" -m perf.reference_proxy --port "$port" --upstream "http://$upstream/v1" ;;
gateway) gateway ;;
noop) gateway --config "$perf/noop.yaml" ;;
*) echo "unknown peer $name" >&2; exit 2 ;;
esac
pid=$(cat "$perf/run/$name.pid" 2>/dev/null || cat "$perf/run/mock.pid")
echo "$base" --name "$name" --pid "$pid" "${more[@]}"
