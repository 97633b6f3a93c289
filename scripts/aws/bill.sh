#!/usr/bin/env bash
# A day after `make test-aws`: what AWS has billed for its stack, by the tag, against what we counted. Needs the AWS CLI, the right to
# ce:GetCostAndUsage, and the tag starburst:stack activated for cost allocation (Billing console, once; it takes a day).
# Our own count is of workers and requests; AWS's also has the minutes of the rest of the stack. It fails when ours is off by more than TOLERANCE (20 %) and 5 cents.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { echo "test-aws-bill: $*" >&2; }
die() { say "$*"; exit 1; }

[ "${STARBURST_AWS_TEST:-}" = 1 ] || die "this reads your account's cost report (a cent a request) and was not asked for: set STARBURST_AWS_TEST=1"
run=${1:-${STARBURST_AWS_RUNS:-.cache/aws}/last}
[ -e "$run/run.env" ] || die "there is no run of make test-aws in $run"
command -v aws >/dev/null || die "the AWS CLI (aws) is not installed"
value() { sed -n "s/^$1=//p" "$run/run.env" | head -n 1; }
name=$(value name)
spent=$(value spent)
[ -n "$spent" ] || die "the run $name did not get as far as to count its cost"
began=$(cut -c1-10 "$run/began")
# The report's end is exclusive, and its days are UTC's.
until=$(date -u -d "$(cut -c1-10 "$run/ended") + 1 day" +%F 2>/dev/null || date -u -v+1d -j -f %F "$(cut -c1-10 "$run/ended")" +%F)
[ "$(date -u +%F)" != "$(cut -c1-10 "$run/ended")" ] || say "the run ended today: AWS's report is complete a day later"

billed=$(aws ce get-cost-and-usage --region us-east-1 --time-period "Start=$began,End=$until" --granularity DAILY --metrics UnblendedCost \
	--filter "{\"Tags\":{\"Key\":\"starburst:stack\",\"Values\":[\"$name\"]}}" --query 'ResultsByTime[].Total.UnblendedCost.Amount' --output text) || die "AWS does not tell the cost: see above"
billed=$(tr '\t' '\n' <<<"$billed" | awk '{ s += $1 } END { printf "%.4f", s }')
say "$name: AWS has billed \$$billed, we counted \$$spent"
echo "| billed by AWS (tag starburst:stack=$name, $began to $until) | \$$billed |" >>"$run/summary.md"
awk -v b="$billed" 'BEGIN { exit !(b > 0) }' || die "AWS has billed nothing under that tag: is starburst:stack activated for cost allocation? It takes a day from then on"
awk -v b="$billed" -v s="$spent" -v t="${TOLERANCE:-0.2}" 'BEGIN { d = b > s ? b - s : s - b; exit !(d <= t * b || d <= 0.05) }' || die "that is too far apart"
