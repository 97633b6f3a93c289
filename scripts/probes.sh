#!/usr/bin/env bash
# Runs the behaviour probes, which were written apart from this project against
# the AWS API references, on the embedded endpoint. PROBES names their folder.
set -euo pipefail
cd "$(dirname "$0")/.."
probes=${PROBES:-../shared/probe}
[ -d "$probes" ] || { echo "probes: no folder $probes; set PROBES" >&2; exit 1; }

work=$(mktemp -d)
endpoint_pid=
stop() {
	[ -z "$endpoint_pid" ] || { kill "$endpoint_pid" 2>/dev/null || true; wait "$endpoint_pid" 2>/dev/null || true; }
	rm -rf "$work"
}
trap stop EXIT

go build -o "$work/starburst" ./cmd/starburst
cp -R "$probes" "$work/probe"
chmod -R u+w "$work/probe"
(cd "$work/probe" && go build -o "$work/" ./cmd/...)

: >"$work/exports" # there before it is read
XDG_STATE_HOME=$work/state "$work/starburst" dev --port 0 >"$work/exports" 2>"$work/log" &
endpoint_pid=$!
for _ in $(seq 200); do
	url=$(sed -n 's/^export AWS_ENDPOINT_URL=//p' "$work/exports")
	[ -n "$url" ] && break
	sleep 0.05
done
[ -n "$url" ] || { echo "probes: the endpoint did not start:" >&2; cat "$work/log" >&2; exit 1; }

status=0
probe() { # name, number of checks that must pass
	"$work/$1" "$url" >"$work/$1.out" 2>&1 || true
	grep -E '^FAIL' "$work/$1.out" || true
	local sum
	sum=$(tail -1 "$work/$1.out")
	echo "$1: $sum"
	[ "$sum" = "== $2 ok, 0 failed" ] || status=1
}
probe sqsprobe 45
probe s3probe 10
probe ddbprobe 40
exit $status
