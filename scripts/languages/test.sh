#!/usr/bin/env bash
# Runs the helpers' own tests (clients/python, clients/node), whose executors and workers
# start stacks of their own; then enqueues tasks with each client of examples/enqueue, and
# runs clients/*/test.sh, on the local endpoint and on ElasticMQ with DynamoDB Local.
# Installs what they need into .cache and into their own folders. A toolchain that is
# missing is named, and nothing is run then: none is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
tool() { # name, the command that shows it works…
	local name=$1
	shift
	"$@" >/dev/null 2>&1 || missing+=("$name")
}
tool "Go (go)" go version
tool "Python 3 (python3, with venv)" python3 -c 'import venv, ensurepip'
tool "Node.js (node)" node --version
tool "npm (npm)" npm --version
tool "a JDK (java, javac)" javac --version
tool "Maven (mvn)" mvn --version
tool "Rust (cargo)" cargo --version
tool "a C compiler (cc), for Rust" cc --version
tool "curl" curl --version
if [ ${#missing[@]} -gt 0 ]; then
	printf 'test-languages: not installed, or not working: %s\n' "${missing[@]}" >&2
	exit 1
fi

cache=$PWD/.cache/languages
examples=$PWD/examples/enqueue
mkdir -p "$cache"

step() { # name, command…
	local name=$1 start=$SECONDS
	shift
	"$@" || { echo "test-languages: $name: cannot install or build what it needs" >&2; exit 1; }
	echo "test-languages: $name is ready after $((SECONDS - start)) s"
}
python() {
	scripts/python-venv.sh "$cache/venv" "$examples/python/requirements.txt" scripts/languages/requirements.txt clients/python/requirements*.txt
}
node_modules() {
	local folder
	for folder in "$examples/node" clients/node; do
		[ ! -e "$folder/package-lock.json" ] || npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error
	done
}
java_jars() { mvn -q -B -f "$examples/java/pom.xml" dependency:copy-dependencies; }
rust() { cargo build --quiet --manifest-path "$examples/rust/Cargo.toml" --target-dir "$cache/rust"; }
go_module() { go build -C "$examples/go" -o "$cache/go-enqueue" .; }
command_line() { go build -o "$cache/starburst" ./cmd/starburst; }

step Python python
step Node.js node_modules
step Java java_jars
step Rust rust
step Go go_module
step starburst command_line

export STARBURST_TEST_LANGUAGES=$cache # from here on, what cannot be run is no longer skipped
export STARBURST_BIN=$cache/starburst
for language in python node; do
	start=$SECONDS
	PATH=$cache/venv/bin:$PATH clients/$language/test.sh
	echo "test-languages: clients/$language and its examples without a stack: ok after $((SECONDS - start)) s"
done
exec scripts/servers/with-servers.sh go test -count=1 -timeout 5m -v ./internal/languages/
