#!/bin/sh
# Runs bench/bench.py with what it needs, installed into .cache and clients/node.
set -eu
cd "$(dirname "$0")/../.."
node --version >/dev/null || { echo "bench-languages: Node.js is not installed" >&2; exit 1; }
venv=.cache/languages/venv
scripts/python-venv.sh $venv clients/python/requirements.txt
[ -d clients/node/node_modules ] || npm ci --prefix clients/node --no-audit --no-fund --loglevel=error
export STARBURST_BIN="$PWD/bin/starburst" PYTHONPATH="$PWD/clients/python" PYTHONDONTWRITEBYTECODE=1
exec $venv/bin/python scripts/languages/bench/bench.py "$@"
