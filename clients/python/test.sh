#!/bin/sh
# Runs the helper's tests with the python3 of the PATH; on a stack too, if the environment names one.
set -eu
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1
exec python3 -m pytest -q -p no:cacheprovider
