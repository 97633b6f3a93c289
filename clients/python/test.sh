#!/bin/sh
# Runs the helper's tests with the python3 of the PATH. With a stack in the environment: those on it.
# Without one: all others, and the examples'; with STARBURST_BIN, those that start stacks of their own too.
set -eu
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PWD"
if [ -n "${STARBURST_QUEUE_URL-}" ]; then
	exec python3 -m pytest -q -p no:cacheprovider test_stack.py
fi
exec python3 -m pytest -q -p no:cacheprovider --ignore test_stack.py . ../../examples/python
