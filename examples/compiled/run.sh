#!/bin/sh
# Compiles price.c, prices 60 options with it on this machine's cores, and holds each price against the
# exact one: four standard errors are allowed. STARBURST names the command, PATHS the size of a simulation.
set -eu
cd "$(dirname "$0")"
starburst=${STARBURST:-../../bin/starburst}
paths=${PATHS:-200000}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"${CC:-cc}" -O2 -o "$out/price" price.c -lm
"$starburst" run --state compiled \
	--grid strike=80,85,90,95,100,105,110,115,120,125 --grid years=0.25,0.5,1,1.5,2,3 \
	--result json -o jsonl --joblog "$out/joblog" --timeout 60 --halt soon,fail=10% \
	-- "$out/price" 100 {.strike} 0.2 {.years} 0.03 "$paths" {index} >"$out/prices.jsonl"

awk -F '[:,}]' '
{
	for (i = 1; i < NF; i++) {
		if ($i ~ /"strike"/) strike = $(i + 1)
		if ($i ~ /"years"/) years = $(i + 1)
		if ($i ~ /"price"/) price = $(i + 1)
		if ($i ~ /"error"/) error = $(i + 1)
		if ($i ~ /"exact"/) exact = $(i + 1)
	}
	off = (price - exact) / error
	if (NR % 12 == 1) printf "strike %3d, %4.2f years: %9.4f ± %.4f, exactly %9.4f\n", strike, years, price, error, exact
	if (off > 4 || off < -4) { bad++; printf "off by %.1f standard errors: strike %d, %.2f years\n", off, strike, years }
}
END {
	printf "%d options, %d of them off by more than four standard errors\n", NR, bad
	exit NR != 60 || bad > 0
}' "$out/prices.jsonl"
awk -F '\t' 'NR > 1 { busy += $4 } END { printf "%d lines in the job log, %.2f s of work\n", NR - 1, busy; exit NR != 61 }' "$out/joblog"
