#!/usr/bin/env bash
# The tests that judge our code, and our endpoint, by servers nobody here wrote.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec scripts/servers/with-servers.sh go test -count=1 ./internal/endtoend/... ./store/... ./internal/localaws/dynamodb/...
