#!/bin/sh
# Runs the four examples in laptop mode: each through a local SQS, DynamoDB and
# ECS service whose workers are processes. Reports go to standard output, and
# with the results into one folder.
set -eu
cd "$(dirname "$0")/.."
export STARBURST_PROFILE=none # on this machine, whatever stack its user has chosen
EXAMPLE_RESULTS_DIR="example-results-$(date -u +%Y%m%dT%H%M%SZ)"
export EXAMPLE_RESULTS_DIR
start=$(date +%s)
for example in montecarlo bootstrap features gridsearch; do
	"bin/$example"
	echo
done
echo "four examples in $(($(date +%s) - start)) s; results in $EXAMPLE_RESULTS_DIR/"
