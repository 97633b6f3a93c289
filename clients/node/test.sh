#!/bin/sh
# Runs the helper's tests; on a stack too, if the environment names one. Needs `npm ci` first.
# Prints the report of each test only when one has failed.
set -eu
cd "$(dirname "$0")"
report=$(node --test 2>&1) || { printf '%s\n' "$report"; exit 1; }
printf '%s\n' "$report" | tail -8
