#!/bin/bash
# Installs the peers, in the versions that are compared, into FOLDER (default perf/run/peers); needs npm, nginx and wrk
# from the system. Portkey's own dependencies are pinned: a newer hono breaks its streams.
#   install_peers.sh [FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
peers=${1:-$(dirname "$here")/run/peers}
mkdir -p "$peers/npm"
for each in "venv-litellm litellm[proxy]==1.106.2" "venv-tz tensorzero==2026.6.0"; do
    read -r folder package <<<"$each"
    [ -x "$peers/$folder/bin/python" ] || python3 -m venv "$peers/$folder"
    "$peers/$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$package"
done
cp "$here/peers/portkey.package.json" "$peers/npm/package.json"
(cd "$peers/npm" && npm install --silent --no-audit --no-fund)
