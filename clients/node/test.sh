#!/bin/sh
# Runs the helper's tests; on a stack too, if the environment names one. Needs `npm ci` first.
set -eu
cd "$(dirname "$0")"
exec node --test
