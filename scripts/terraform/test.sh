#!/usr/bin/env bash
# Tests infra/terraform: format, validation, plans without an account, a scanner on the four examples, and then the
# real thing, applied with the real provider to moto and to MiniStack at the same time, used, planned again, destroyed.
# Needs Terraform 1.9, the provider hashicorp/aws on this disk (found by provider.sh), Python 3 with venv, and Go.
# What cannot be had is named, and fails; nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
cache=$root/.cache/terraform
mkdir -p "$cache"
export GO=${GO:-go} CHECKPOINT_DISABLE=1

say() { echo "test-terraform: $*"; }
die() { say "$*" >&2; exit 1; }

command -v terraform >/dev/null || die "Terraform (terraform) is not installed"
python3 -c 'import venv, ensurepip' 2>/dev/null || die "Python 3 (python3, with venv) is not installed"
command -v "$GO" >/dev/null || die "Go ($GO) is not installed"
mirror=$(scripts/terraform/provider.sh) || exit 1
cat >"$cache/cli.tfrc" <<X
provider_installation {
  filesystem_mirror {
    path    = "$mirror"
    include = ["registry.terraform.io/hashicorp/aws"]
  }
}
X
export TF_CLI_CONFIG_FILE=$cache/cli.tfrc

# step NAME COMMAND…: runs it, with its output kept for when it fails, and says how long it took.
step() {
	local name=$1 start=$SECONDS
	shift
	if ! "$@" >"$cache/$name.log" 2>&1; then
		tail -n 200 "$cache/$name.log" >&2
		say "FAILED: $name after $((SECONDS - start)) s" >&2
		return 1
	fi
	say "$name took $((SECONDS - start)) s"
}

# Servers and checkers from the package index, in environments of their own: 30 s the first time.
venv() { scripts/python-venv.sh "$cache/$1" "$2"; } # name, requirements
build() {
	mkdir -p "$cache/bin"
	"$GO" build -o "$cache/bin/starburst" ./cmd/starburst
	make lambda
	"$GO" test -c -o "$cache/bin/deployed.test" ./internal/deployed
}
# copy of the module, so that nothing is left in it.
module() { # name
	rm -rf "${cache:?}/$1"
	mkdir -p "$cache/$1"
	cp -R infra/terraform/. "$cache/$1"
}
formatted() { terraform fmt -check -diff -recursive infra/terraform && terraform fmt -check -diff scripts/terraform; }
valid() {
	local folder
	module valid
	for folder in "$cache/valid" "$cache"/valid/examples/*; do
		terraform -chdir="$folder" init -no-color -backend=false && terraform -chdir="$folder" validate -no-color || return 1
	done
}
plans() {
	module plans
	terraform -chdir="$cache/plans" init -no-color -backend=false
	terraform -chdir="$cache/plans" test -no-color
}
scanned() { venv checkov scripts/terraform/requirements-checkov.txt && scripts/terraform/scan.sh "$cache/checkov/bin/checkov" "$cache"; }

pids=()
# Ends what was started here, and nothing else.
stop() { for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; }
trap stop EXIT

free_port() {
	local port
	for _ in $(seq 50); do
		port=$((20000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
	die "no free port"
}
answers() { # name, port
	for _ in $(seq 300); do
		(exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return
		sleep 0.1
	done
	tail -20 "$cache/$1.log" >&2
	die "$1 did not answer within 30 s"
}
servers() {
	local moto mini
	moto=$(free_port)
	mini=$(free_port)
	rm -rf "$cache/ministack-state"
	mkdir -p "$cache/ministack-state"
	MOTO_IAM_LOAD_MANAGED_POLICIES=true "$cache/servers/bin/moto_server" -H 127.0.0.1 -p "$moto" >"$cache/moto.log" 2>&1 &
	pids+=($!)
	BIND_HOST=127.0.0.1 GATEWAY_PORT=$mini MINISTACK_HOST=127.0.0.1 LOG_LEVEL=WARNING \
		S3_DATA_DIR=$cache/ministack-state/s3 STATE_DIR=$cache/ministack-state/state "$cache/servers/bin/ministack" >"$cache/ministack.log" 2>&1 &
	pids+=($!)
	answers moto "$moto"
	answers ministack "$mini"
	export STARBURST_TEST_MOTO=http://127.0.0.1:$moto STARBURST_TEST_MINISTACK=http://127.0.0.1:$mini
}

step format formatted
step servers-installed venv servers scripts/terraform/requirements-servers.txt
step build build
servers

export STARBURST_TEST_PYTHON=$cache/servers/bin/python STARBURST_TEST_BIN=$cache/bin STARBURST_TEST_DIST=$root/dist
# The emulators spend most of the time waiting for the provider's own pauses; the checks that need none run beside them.
(cd internal/deployed && "$cache/bin/deployed.test" -test.v -test.timeout 12m -test.parallel 2 -test.run '^Test(Moto|MiniStack)$') >"$cache/deployed.log" 2>&1 &
real=$!
pids=("$real" "${pids[@]}") # it ends first, and its workers with it
failed=0
step validate valid || failed=1
step plans plans || failed=1
step checkov scanned || failed=1
if ! wait "$real"; then
	failed=1
	tail -n 300 "$cache/deployed.log" | cut -c1-400 >&2
	say "FAILED: the real thing" >&2
fi
grep -aE '^ +[a-z_]+_test.go:[0-9]+: |^(---|ok|PASS|FAIL) ' "$cache/deployed.log" || true
say "all of it took $SECONDS s"
exit "$failed"
