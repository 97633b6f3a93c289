#!/bin/sh
# Runs the example in Node.js on a stack and workers of its own on this machine.
set -eu
cd "$(dirname "$0")/.."
node --version >/dev/null || { echo "demo-node: Node.js is not installed" >&2; exit 1; }
[ -d clients/node/node_modules ] || npm ci --prefix clients/node --no-audit --no-fund --loglevel=error
STARBURST_BIN="$PWD/bin/starburst" node --no-warnings examples/node/montecarlo.mjs
