#!/usr/bin/env bash
# Runs the long tier of internal/chaos with SEEDS different seeds (default 1),
# or with SEED alone; prints a line a seed and keeps the logs of failed ones in
# .cache/chaos. SERVERS=1 also runs the scenarios that have it on ElasticMQ and
# DynamoDB Local (needs Java and Maven).
#
#   chaos.sh        the scenarios
#   chaos.sh soak   the soak alone, for SOAK (default 30m)
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${SERVERS:-}" = 1 ] && [ -z "${AWS_ENDPOINT_URL_SQS:-}" ]; then
	exec scripts/servers/with-servers.sh "$0" "$@"
fi
logs=.cache/chaos
mkdir -p "$logs"
logs=$(cd "$logs" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -c -o "$work/chaos.test" ./internal/chaos
cd internal/chaos

if [ "${1:-}" = soak ]; then
	STARBURST_SOAK=${SOAK:-30m} "$work/chaos.test" -test.run '^TestSoak$' -test.v -test.timeout 0
	exit
fi

failed=0
for n in $(seq "${SEEDS:-1}"); do
	seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
	log=$logs/$seed.log
	begin=$(date +%s)
	# Most of the time is spent waiting, so that four scenarios go side by side.
	if STARBURST_CHAOS=full STARBURST_SEED=$seed "$work/chaos.test" -test.v -test.parallel 4 -test.timeout 15m >"$log" 2>&1; then
		echo "chaos: $n: seed $seed passed in $(($(date +%s) - begin)) s ($(grep -c -- '--- PASS' "$log") tests, load $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || uptime | sed 's/.*average[s]*: //'))"
		rm "$log"
	else
		echo "chaos: $n: seed $seed FAILED; its log is $log" >&2
		grep -A 30 -- '--- FAIL' "$log" | head -200 >&2 || tail -5 "$log" >&2
		failed=1
	fi
done
exit $failed
