#!/usr/bin/env bash
# The four examples as Starburst runs them on this machine, from the process's start to its report, with endpoint, autoscaler and
# workers, against the same algorithms in sequence in R, without R's own start. Both take turns, ROUNDS (default 5) times; the table has
# medians. It fails when one of ours is not faster, or all together are not twice as fast. Needs R.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5}
command -v Rscript >/dev/null || { echo "bench-examples: Rscript is not installed" >&2; exit 1; }
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
export XDG_STATE_HOME=$state
for _ in $(seq "$rounds"); do
	for e in montecarlo bootstrap features gridsearch; do
		echo "$e R $(Rscript bench/sequential.R "examples/r/$e.R")"
		start=$EPOCHREALTIME
		"bin/$e" >/dev/null 2>"$state/err" || { cat "$state/err" >&2; exit 1; }
		echo "$e ours $(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
	done
done | sort -k1,1 -k2,2 -k3,3n | awk '
	{ n[$1, $2]++; v[$1, $2, n[$1, $2]] = $3; seen[$1] = 1 }
	function median(e, side) { k = n[e, side]; return (v[e, side, int((k + 1) / 2)] + v[e, side, int(k / 2) + 1]) / 2 }
	END {
		printf "%-12s %10s %10s %7s\n", "seconds", "R", "starburst", "ratio"
		for (e in seen) {
			r = median(e, "R"); o = median(e, "ours"); R += r; O += o
			printf "%-12s %10.2f %10.2f %7.1f\n", e, r, o, r / o
			if (o >= r) { print "bench-examples: " e " is not faster"; bad = 1 }
		}
		printf "%-12s %10.2f %10.2f %7.1f\n", "together", R, O, R / O
		if (R < 2 * O) { print "bench-examples: not twice as fast together"; bad = 1 }
		exit bad
	}'
