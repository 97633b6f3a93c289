#!/bin/sh
# Runs the four examples in R, in sequence and on a fleet of this machine.
set -eu
cd "$(dirname "$0")/../.."
. scripts/r/env.sh
start=$(date +%s)
for example in montecarlo bootstrap features gridsearch; do
	Rscript "examples/r/$example.R"
done
echo
echo "four examples in R, both ways, in $(($(date +%s) - start)) s"
