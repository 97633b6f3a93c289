#!/bin/sh
# Runs the four examples in Python, each on a stack and workers of its own on this machine.
# Installs what they need into .cache.
set -eu
cd "$(dirname "$0")/.."
venv=.cache/languages/venv
scripts/python-venv.sh $venv clients/python/requirements.txt clients/python/requirements-test.txt
export STARBURST_BIN="$PWD/bin/starburst" PYTHONPATH="$PWD/clients/python" PYTHONDONTWRITEBYTECODE=1
reports=example-results-$(date -u +%Y%m%dT%H%M%SZ)
mkdir "$reports"
start=$(date +%s)
for example in montecarlo bootstrap features gridsearch; do
	$venv/bin/python examples/python/$example.py --report "$reports/$example.html"
done
echo "four examples in $(($(date +%s) - start)) s; what each job did and cost: $reports/"
