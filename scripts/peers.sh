#!/usr/bin/env bash
# Measures Starburst and other queue clients on ElasticMQ and DynamoDB Local, in turns.
# Arguments go to bench/peers (see its --help). Installs the peers of other languages into
# .cache/peers; needs Python 3, Node.js with npm, Java and Maven.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$PWD/.cache/peers
mkdir -p "$cache/node"
go build -o bin/ ./cmd/starburst
go build -C bench -o "$cache/peers" ./peers
scripts/python-venv.sh "$cache/venv" bench/peers/python/requirements.txt
cp bench/peers/node/package.json bench/peers/node/peer.mjs "$cache/node/"
[ -d "$cache/node/node_modules/sqs-consumer" ] || (cd "$cache/node" && npm install --silent --no-audit --no-fund --no-package-lock)
cd bench
exec ../scripts/servers/with-servers.sh "$cache/peers" -starburst ../bin/starburst -python "$cache/venv/bin/python" -node "$cache/node" "$@"
