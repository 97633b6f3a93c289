#!/usr/bin/env bash
# Runs a command with a moto server started for it on this machine and STARBURST_TEST_MOTO set to its URL.
# Needs Python 3 with venv. Ends only the process it started.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${STARBURST_SERVERS_CACHE:-$here/../../.cache/servers}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

command -v curl >/dev/null || { echo "with-moto: curl is not installed" >&2; exit 1; }
"$here/../python-venv.sh" "$cache/moto" "$here/moto-requirements.txt"

pid=
port=
stop() { if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi; }
trap stop EXIT
# A port that was free may be taken before moto has it: then the next one is tried.
for _ in $(seq 5); do
	port=$((20000 + RANDOM % 20000))
	"$cache/moto/bin/moto_server" -H 127.0.0.1 -p "$port" >"$cache/moto.log" 2>&1 &
	pid=$!
	for _ in $(seq 300); do
		kill -0 "$pid" 2>/dev/null || break
		curl -sf -o /dev/null "http://127.0.0.1:$port/moto-api/data.json" && break 2
		sleep 0.1
	done
	stop
	pid=
done
if [ -z "$pid" ]; then
	echo "with-moto: moto did not answer within 30 s; its log:" >&2
	tail -20 "$cache/moto.log" >&2
	exit 1
fi
export STARBURST_TEST_MOTO="http://127.0.0.1:$port"
"$@"
