#!/usr/bin/env bash
# Measures one warm child in Python and one in Node.js: the round trip of a task that returns
# its argument of 1 KiB, and the throughput in chunks. Installs what the helpers need into .cache and
# clients/node. A toolchain that is missing is an error, and nothing is measured then.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in "node --version" "npm --version"; do
	eval "$tool" >/dev/null 2>&1 || { echo "bench-workers: does not work: $tool" >&2; exit 1; }
done
cache=$PWD/.cache/bench-workers
mkdir -p "$cache"
scripts/python-venv.sh "$cache/venv" clients/python/requirements.txt
[ -d clients/node/node_modules ] || npm ci --prefix clients/node --no-audit --no-fund --loglevel=error

cat >"$cache/worker.py" <<PY
import sys
sys.path.insert(0, "$PWD/clients/python")
import starburst
starburst.serve()
PY
cat >"$cache/worker.mjs" <<JS
import { serve } from "$PWD/clients/node/worker.mjs";
serve({});
JS
bin/starburst worker --bench -- "$cache/venv/bin/python" "$cache/worker.py"
bin/starburst worker --bench -- node "$cache/worker.mjs"
