#!/bin/sh
# Tests the R package: its tests on a fleet of this machine, the worker protocol's vectors, R CMD check, and the examples.
# Installs what is missing from Debian when it may. Nothing is skipped: what cannot run, fails.
set -eu
cd "$(dirname "$0")/../.."
. scripts/r/env.sh
export LC_ALL=C.UTF-8 STARBURST_REQUIRED=1 STARBURST_VECTORS="$PWD/codec/testdata/vectors/messages.json"

"$STARBURST_BIN" worker --selftest -- Rscript -e 'starburst::sb_worker(eval = TRUE)' >.cache/r-selftest.log || {
	grep -v '^ok' .cache/r-selftest.log >&2
	exit 1
}
tail -n 1 .cache/r-selftest.log

Rscript scripts/r/tests.R

# R CMD check runs without the program, as it would elsewhere: what needs a fleet has run above.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && R CMD build --no-build-vignettes "$OLDPWD/clients/r" >/dev/null &&
	env -u STARBURST_BIN -u STARBURST_REQUIRED -u STARBURST_VECTORS _R_CHECK_FORCE_SUGGESTS_=false R CMD check --no-manual starburst_*.tar.gz >check.log 2>&1) || {
	cat "$work/check.log" >&2
	exit 1
}
if grep -E '(WARNING|ERROR)$|^Status: .*(WARNING|ERROR)' "$work/check.log" >&2; then
	cat "$work/check.log" >&2
	exit 1
fi
grep '^Status' "$work/check.log"

scripts/r/demo.sh
