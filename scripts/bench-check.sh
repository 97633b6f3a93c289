#!/usr/bin/env bash
# Compares the pure benchmarks of this tree with those of the commit that bench/baseline
# names, on this machine, in turns: ROUNDS (default 8) of each. It fails when one is slower by more than
# LIMIT (default 25) percent and the difference is no chance (benchstat, p ≤ 0.01). Times on
# another machine or of another hour play no part. A wanted change of speed moves the baseline.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-8} limit=${LIMIT:-25}
baseline=$(grep -v '^#' bench/baseline)
cache=$PWD/.cache/bench-check
# package, benchmarks: those that only compute.
benchmarks=(
	"codec Encode100|Decode100|Guard|Hasher|Marshal|Unmarshal"
	"autoscale Decide$|DecideSized"
	"cost/sample JobCost"
	"producer Sources"
)

git cat-file -e "$baseline^{commit}" 2>/dev/null || {
	echo "bench-check: the baseline $baseline of bench/baseline is not in this clone: fetch the whole history, or name another" >&2
	exit 1
}
old=$cache/tree
rm -rf "$cache"
mkdir -p "$cache"
git worktree prune
git worktree add --quiet --detach "$old" "$baseline"
trap 'git worktree remove --force "$old"' EXIT

build() { # tree, where to
	mkdir -p "$2"
	for b in "${benchmarks[@]}"; do
		go test -C "$1" -c -o "$2/${b%% *}/bench" "./${b%% *}"
	done
}
build "$old" "$cache/old"
build "$PWD" "$cache/new"

for _ in $(seq "$rounds"); do
	for b in "${benchmarks[@]}"; do
		package=${b%% *}
		for side in old new; do
			tree=$PWD
			[ "$side" = old ] && tree=$old
			(cd "$tree/$package" && "$cache/$side/$package/bench" -test.run '^$' -test.bench "${b#* }" -test.benchtime 20ms -test.cpu 1 >>"$cache/$side.txt")
		done
	done
done

go tool -C tools benchstat -alpha 0.01 -filter '.unit:sec/op' "old=$cache/old.txt" "new=$cache/new.txt"
go tool -C tools benchstat -alpha 0.01 -filter '.unit:sec/op' -format csv "old=$cache/old.txt" "new=$cache/new.txt" 2>/dev/null |
	awk -F, -v limit="$limit" '
		NF >= 7 && $1 != "geomean" && $6 ~ /%$/ { seen++; v = $6; gsub(/[+%]/, "", v); if (v + 0 > limit) { print "bench-check: " $1 " is slower by " v " %"; bad++ } }
		NF >= 7 && $1 != "geomean" && $6 == "~" { seen++ }
		END {
			if (!seen) { print "bench-check: benchstat has compared nothing"; exit 1 }
			if (bad) { exit 1 }
			print "bench-check: " seen " benchmarks, none slower by more than " limit " % than " "'"$baseline"'"
		}'
