#!/usr/bin/env bash
# Tests test.sh and bill.sh without an account: Terraform, the command and the examples are stand-ins that note how they were
# called and do what a case says. What must hold: without the opt-in nothing is called, and whatever fails, destroy is called.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tools=$work/bin
mkdir -p "$tools"
calls=$work/calls
cat >"$tools/terraform" <<'X'
#!/usr/bin/env bash
echo "terraform ${*:2}" >>"$CALLS"
case " $* " in
*" output "*) echo '{"schema":1}' ;;
*" apply "*) [ "${CASE:-}" != apply-fails ] ;;
*" destroy "*) [ "${CASE:-}" != destroy-fails ] ;;
*" state list "*) ;;
esac
X
cat >"$tools/starburst" <<'X'
#!/usr/bin/env bash
echo "starburst $*" >>"$CALLS"
case "$1" in
init) echo "export STARBURST_QUEUE_URL=q STARBURST_TABLE=t AWS_REGION=eu-west-1" ;;
deploy) [ "${CASE:-}" != deploy-fails ] ;;
status) echo '{"job":"j1","state":"done"}' ;;
cost) [ "${CASE:-}" = dear ] && usd=9.5 || usd=0.0123; case "$*" in *json*) echo '{"fleet":"default","total_pico_usd":1,"total_usd":"'$usd'","rows":[]}' ;; *) echo "total $usd" ;; esac ;;
doctor) [ "${CASE:-}" != sick ] ;;
esac
X
cat >"$tools/montecarlo" <<'X'
#!/usr/bin/env bash
echo "montecarlo ${STARBURST_QUEUE_URL:-laptop} $*" >>"$CALLS"
[ "${CASE:-}" != dear ] || sleep 5
[ "${CASE:-}" != run-fails ] || [ -z "${STARBURST_QUEUE_URL:-}" ] || exit 1
result=1
[ "${CASE:-}" != differs ] || result=${STARBURST_QUEUE_URL:-laptop}
mkdir -p "$EXAMPLE_RESULTS_DIR/montecarlo"
printf '{\n  "started": "%s",\n  "elapsed_seconds": %s,\n  "results": ["%s"]\n}\n' "$RANDOM" "$RANDOM" "$result" >"$EXAMPLE_RESULTS_DIR/montecarlo/results.json"
X
cat >"$tools/aws" <<'X'
#!/usr/bin/env bash
echo "aws $*" >>"$CALLS"
printf '%s\t0.001\n' "${BILLED:-0.0120}"
X
chmod +x "$tools"/*
# A real run keeps its Terraform state beside this one.
export STARBURST_AWS_RUNS=$work/runs CALLS=$calls PATH=$tools:$PATH

failed=0
# run CASE STATUS PATTERN…: runs test.sh; the exit status, and that its messages and the calls have every pattern.
run() {
	local case=$1 status=$2 got=0 pattern
	shift 2
	: >"$calls"
	CASE=$case STARBURST_AWS_BIN=$tools STARBURST_AWS_TERRAFORM=$tools/terraform STARBURST_AWS_EXAMPLES=montecarlo STARBURST_AWS_WATCH_SECONDS=0.2 \
		STARBURST_AWS_TEST=${OPT-1} AWS_REGION=${REGION-eu-west-1} STARBURST_AWS_MAX_USD=${CAP-2} scripts/aws/test.sh >"$work/out" 2>&1 || got=$?
	[ "$got" = "$status" ] || { echo "$case: exit status $got, want $status" >&2; cat "$work/out" >&2; failed=1; }
	for pattern in "$@"; do
		grep -q -e "$pattern" "$work/out" "$calls" || { echo "$case: nothing says '$pattern'" >&2; cat "$work/out" "$calls" >&2; failed=1; }
	done
}
untouched() { [ ! -s "$calls" ] || { echo "$1: something was called" >&2; cat "$calls" >&2; failed=1; }; }

OPT='' run not-asked 1 'STARBURST_AWS_TEST=1'; untouched not-asked
REGION='' run no-region 1 'AWS_REGION is not set'; untouched no-region
CAP='' run no-cap 1 'most dollars'; untouched no-cap
CAP=0 run no-money 1 'most dollars'; untouched no-money
CAP='2;x' run odd-cap 1 'most dollars'; untouched odd-cap
run good 0 'all results are equal' 'starburst down .*--yes' 'terraform destroy' 'everything of .* is removed' 'montecarlo laptop' 'montecarlo q -workers'
grep -q 'results | equal' "$STARBURST_AWS_RUNS"/last/summary.md && grep -q 'terraform apply | ' "$STARBURST_AWS_RUNS"/last/summary.md && grep -q 'cost j1' "$STARBURST_AWS_RUNS"/last/summary.md || { echo "good: the summary lacks something" >&2; cat "$STARBURST_AWS_RUNS"/last/summary.md >&2; failed=1; }
grep -q 'max_cost_per_day = 2' "$STARBURST_AWS_RUNS"/last/stack/main.tf || { echo "good: the stack has no cap" >&2; failed=1; }
bill() { # status, pattern
	local got=0
	STARBURST_AWS_TEST=${OPT-1} scripts/aws/bill.sh >"$work/out" 2>&1 || got=$?
	[ "$got" = "$1" ] && grep -q -e "$2" "$work/out" || { echo "bill: exit status $got, want $1 and '$2'" >&2; cat "$work/out" >&2; failed=1; }
}
bill 0 'billed \$0.0130, we counted \$0.0123'
BILLED=5 bill 1 'too far apart'
BILLED=-0.001 bill 1 'activated for cost allocation'
OPT='' bill 1 'STARBURST_AWS_TEST=1'
run apply-fails 1 'terraform apply failed' 'terraform destroy'
run deploy-fails 1 'could not be deployed' 'terraform destroy'
run run-fails 1 'terraform destroy' 'is removed'
run differs 1 'not as it should be: montecarlo' 'terraform destroy'
run sick 1 'not as it should be: doctor' 'terraform destroy'
run dear 1 'ended by the cap: 9.5 dollars' 'starburst down' 'terraform destroy'
run destroy-fails 1 'NOT REMOVED, AND COSTS MONEY' 'try 3'
[ "$failed" = 0 ] && echo "test-aws: its script holds in 12 cases, that of the bill in 4"
exit "$failed"
