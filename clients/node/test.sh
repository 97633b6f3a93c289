#!/bin/sh
# Runs the helpers' tests. With a stack in the environment: those on it. Without one: all others; with
# STARBURST_BIN, those that start stacks of their own too. Needs `npm ci` first.
# Prints the report of each test only when one has failed.
set -eu
cd "$(dirname "$0")"
if [ -n "${STARBURST_QUEUE_URL-}" ]; then
	set -- stack.test.mjs
else
	set -- client.test.mjs vectors.test.mjs worker.test.mjs local.test.mjs
fi
report=$(node --test "$@" 2>&1) || { printf '%s\n' "$report"; exit 1; }
printf '%s\n' "$report" | tail -8
