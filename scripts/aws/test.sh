#!/usr/bin/env bash
# The whole thing on a real account: a stack by Terraform, the four examples deployed and run there and on this machine with
# equal results, times, cost against estimate, and everything removed at the end, also after a failure. Opt-in:
#
#   STARBURST_AWS_TEST=1 AWS_REGION=eu-west-1 STARBURST_AWS_MAX_USD=2 make test-aws
#
# Money is bounded three times: the stack's autoscaler stops at the cap (max_cost_per_day), every program is given it, and
# a watch here asks every 20 s what was spent and ends the workers when it is more. What AWS bills besides workers for
# an hour of such a stack is some cents. The summary is for docs/benchmarks.md; `make test-aws-bill` checks the cost a day later.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD

say() { echo "test-aws: $*" >&2; }
die() { say "$*"; exit 1; }

[ "${STARBURST_AWS_TEST:-}" = 1 ] || die "this test costs money on your AWS account and was not asked for: set STARBURST_AWS_TEST=1, AWS_REGION and STARBURST_AWS_MAX_USD"
[ -n "${AWS_REGION:-}" ] || die "AWS_REGION is not set: which Region may be used?"
cap=${STARBURST_AWS_MAX_USD:-}
[[ $cap =~ ^[0-9]{1,3}(\.[0-9]{1,2})?$ ]] && awk -v c="$cap" 'BEGIN { exit !(c > 0) }' || die "STARBURST_AWS_MAX_USD is '$cap': the most dollars that may be spent, such as 2"
workers=${STARBURST_AWS_WORKERS:-10}
examples=${STARBURST_AWS_EXAMPLES:-montecarlo bootstrap features gridsearch}

# Stand-ins for the test of this script.
terraform=${STARBURST_AWS_TERRAFORM:-terraform}
bin=${STARBURST_AWS_BIN:-$root/bin}
every=${STARBURST_AWS_WATCH_SECONDS:-20}
runs=${STARBURST_AWS_RUNS:-$root/.cache/aws}

command -v "$terraform" >/dev/null || die "Terraform ($terraform) is not installed"
if [ -z "${STARBURST_AWS_BIN:-}" ]; then make build lambda >&2; fi

# Names of things at AWS and in bills; small letters, digits and hyphens.
name=sbtest-$(date -u +%m%d%H%M)-$((10000 + RANDOM))
run=$runs/$name
mkdir -p "$run/stack" "$run/here" "$run/there"
summary=$run/summary.md
ln -sfn "$name" "$runs/last"
unset STARBURST_QUEUE_URL STARBURST_TABLE STARBURST_STACK STARBURST_LOCAL STARBURST_ROLE AWS_ENDPOINT_URL

cat >"$run/stack/main.tf" <<X
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
provider "aws" {
  region = "$AWS_REGION"
}
module "starburst" {
  source           = "$root/infra/terraform"
  name             = "$name"
  max_workers      = $workers
  max_cost_per_day = $cap
  force_destroy    = true
  alarms_enabled   = true
}
output "config" {
  value = module.starburst.config
}
X
tf() { "$terraform" -chdir="$run/stack" "$@"; }
now() { date +%s; }
timed() { # what, command…: runs it, and puts a line into the summary
	local what=$1 start
	start=$(now)
	shift
	"$@" || return # also where errors do not end the script by themselves
	echo "| $what | $(($(now) - start)) s |" >>"$summary"
}

watch=
applied=
ended=
# Whatever happens, nothing is left that costs money; what cannot be removed is named.
tear_down() {
	local status=$? try removed=
	trap '' INT TERM
	[ -z "$watch" ] || { kill "$watch" 2>/dev/null || true; wait "$watch" 2>/dev/null || true; }
	if [ -n "$applied" ] && [ -z "$ended" ]; then
		ended=1
		"$bin/starburst" down --from-terraform "$run/site.json" --yes --revisions --wait 3m >&2 2>&1 || say "the workers could not be ended by 'down'; destroying all the same"
		for try in 1 2 3; do
			if tf destroy -auto-approve -no-color >"$run/destroy.$try.log" 2>&1 && [ -z "$(tf state list 2>/dev/null)" ]; then
				removed=1
				break
			fi
			say "terraform destroy, try $try, failed: $run/destroy.$try.log"
		done
		if [ -n "$removed" ]; then
			say "everything of $name is removed"
			echo "| removed | at $(date -u +%H:%M) UTC |" >>"$summary"
		else
			say "NOT REMOVED, AND COSTS MONEY: $name in $AWS_REGION. Again: $terraform -chdir=$run/stack destroy"
			status=1
		fi
	fi
	date -u +%FT%TZ >"$run/ended"
	if [ -e "$run/over" ]; then
		say "ended by the cap: $(cat "$run/over") dollars spent, at most $cap allowed"
		status=1
	fi
	[ ! -e "$summary" ] || say "summary: $summary"
	exit "$status"
}
trap tear_down EXIT
trap 'exit 130' INT TERM

# spent prints the dollars of all workers of this stack so far; nothing when it cannot be told.
spent() { "$bin/starburst" cost --since 24h -o json 2>/dev/null | tr ',' '\n' | sed -n 's/.*"total_usd": *"\$*\([0-9.]*\)".*/\1/p' | head -n 1; }
# guard ends the workers, and with them this script, when more than the cap was spent.
guard() {
	local usd
	while sleep "$every"; do
		usd=$(spent) || true
		if [ -n "$usd" ] && awk -v u="$usd" -v c="$cap" 'BEGIN { exit !(u > c) }'; then
			echo "$usd" >"$run/over"
			kill -TERM $$
			return
		fi
	done
}

date -u +%FT%TZ >"$run/began"
cat >"$run/run.env" <<X
name=$name
region=$AWS_REGION
cap=$cap
X
cat >"$summary" <<X
# $name in $AWS_REGION, $(date -u +%F)

$(git rev-parse --short HEAD 2>/dev/null || echo unknown), at most $workers workers, at most \$$cap.

| step | took |
|---|---|
X

say "making the stack $name in $AWS_REGION, for at most \$$cap"
tf init -no-color -input=false >"$run/init.log" 2>&1 || { tail -20 "$run/init.log" >&2; die "terraform init failed"; }
applied=1
timed "terraform apply" tf apply -auto-approve -no-color -input=false >"$run/apply.log" 2>&1 || { tail -40 "$run/apply.log" >&2; die "terraform apply failed"; }
tf output -json config >"$run/site.json"
eval "$("$bin/starburst" init --from-terraform "$run/site.json")"
export STARBURST_MAX_COST_PER_DAY=$cap
guard &
watch=$!

# same reports whether two runs of an example have the same results.
same() { # a, b
	cmp -s <(grep -v -e '"started"' -e '"elapsed_seconds"' "$1") <(grep -v -e '"started"' -e '"elapsed_seconds"' "$2")
}
local_run() { # example
	env -u STARBURST_QUEUE_URL -u STARBURST_DLQ_URL -u STARBURST_TABLE -u STARBURST_BUCKET -u STARBURST_CLUSTER -u STARBURST_SERVICE -u STARBURST_SERVICES \
		-u STARBURST_FALLBACK_SERVICE -u STARBURST_FLEET -u STARBURST_STACK EXAMPLE_RESULTS_DIR="$run/here" "$bin/$1" >"$run/here/$1.txt"
}
there_run() { EXAMPLE_RESULTS_DIR="$run/there" "$bin/$1" -workers "$workers" >"$run/there/$1.txt"; }

failed=
for example in $examples; do
	say "$example"
	timed "$example: deploy" "$bin/starburst" deploy --from-terraform "$run/site.json" "${STARBURST_AWS_SOURCES:-$root/examples}/$example" >"$run/$example.deploy" || die "$example could not be deployed"
	timed "$example: on AWS" there_run "$example"
	timed "$example: on this machine" local_run "$example"
	if same "$run/here/$example/results.json" "$run/there/$example/results.json"; then
		echo "| $example: results | equal |" >>"$summary"
	else
		failed="$failed $example"
		echo "| $example: results | DIFFERENT |" >>"$summary"
	fi
	job=$("$bin/starburst" status -o json | sed -n 's/.*"job": *"\([^"]*\)".*/\1/p' | head -n 1)
	{ echo; echo "    starburst cost $job    # $example"; "$bin/starburst" cost "$job" | sed 's/^/    /'; } >>"$run/costs.md"
done
timed "hello, warm" "$bin/starburst" hello --within 10m --max-cost "$cap" >&2
"$bin/starburst" doctor --from-terraform "$run/site.json" >"$run/doctor.txt" || failed="$failed doctor"
usd=$(spent)
echo "spent=$usd" >>"$run/run.env"
echo "| workers cost, by our own count | \$$usd |" >>"$summary"
cat "$run/costs.md" >>"$summary"
[ -z "$failed" ] || die "not as it should be:$failed"
say "all results are equal; \$$usd by our own count"
