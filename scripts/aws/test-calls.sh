#!/usr/bin/env bash
# What `make test-aws` calls, against moto: deploys and tear-downs with a local image registry, the calls that are made without
# the SDK's clients, and the script itself with stand-ins for the tools that cost money.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/servers/with-moto.sh go test -count=1 -run 'Moto' ./internal/deploy ./internal/worklog
exec scripts/aws/test-script.sh
