#!/usr/bin/env bash
# Fuzzes every target in the tree for FUZZTIME each: a duration (10m), or a count of
# executions (20000x). CI counts: at the end of a duration Go's fuzzer now and then
# reports its own deadline as a failure, without any failing input.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${FUZZTIME:-20s}
found=0
while IFS=: read -r file target; do
	found=1
	echo "fuzz: $target in ./$(dirname "$file") for $time"
	# Minimising large inputs can eat the whole budget; 200 steps are enough to read one.
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 200x "./$(dirname "$file")"
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/func //')
[ "$found" = 1 ] || { echo "fuzz: no targets found" >&2; exit 1; }
