#!/bin/sh
# Runs the four examples in Python, each on a stack and workers of its own on this machine.
# Installs what they need into .cache.
set -eu
cd "$(dirname "$0")/.."
python3 -c 'import venv, ensurepip' || { echo "demo-python: Python 3 with venv is not installed" >&2; exit 1; }
venv=.cache/languages/venv
[ -x $venv/bin/python ] || python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check -r clients/python/requirements.txt -r clients/python/requirements-test.txt
export STARBURST_BIN="$PWD/bin/starburst" PYTHONPATH="$PWD/clients/python" PYTHONDONTWRITEBYTECODE=1
start=$(date +%s)
for example in montecarlo bootstrap features gridsearch; do
	$venv/bin/python examples/python/$example.py
done
echo "four examples in $(($(date +%s) - start)) s"
