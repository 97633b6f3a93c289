#!/usr/bin/env bash
# Does what README.md tells a new user, word for word, in a copy of what git would check out, and looks whether each way
# ends with results, a report and a cost. The part in Python needs .cache/languages/venv (make demo-python makes it), the
# message by hand the AWS CLI; what is missing is named and passed over, but in CI, where it is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.cache/languages/venv
tmp=$(mktemp -d)
dev=
end() {
	[ -z "$dev" ] || { kill -INT "$dev" && wait "$dev"; } || true
	rm -rf "$tmp"
}
trap end EXIT
git ls-files -z | xargs -0 cp --parents -t "$tmp"
cd "$tmp"
for name in $(compgen -e | grep -E '^(AWS|STARBURST)_'); do unset "$name"; done
export XDG_STATE_HOME=$tmp/state

untried() { # what
	echo "first-steps: $1" >&2
	[ -z "${CI:-}" ] || exit 1
}

# The lines of a section that are commands: indented, and not of a program.
commands() { # heading
	awk -v heading="## $1" '/^```/ { code = !code } /^## / { on = $0 ~ "^" heading } on && !code && /^    / { print substr($0, 5) }' README.md
}
program() { # heading
	awk -v heading="## $1" '/^## / { on = $0 ~ "^" heading } on && /^```/ { code++; next } on && code == 1' README.md
}
try() { # command
	echo "$ $1"
	(eval "$1") >>out 2> >(tee -a err >&2) || { echo "first-steps: exit code $? of: $1" >&2; cat out >&2; exit 1; }
}
steps() { # heading
	: >out
	: >err
	while read -r line; do try "$line"; done < <(commands "$1" | grep -v '^$\|JOB\|^go mod')
}
want() { # file, text…
	for text in "${@:2}"; do grep -qF -- "$text" "$1" || { echo "first-steps: $1 lacks: $text" >&2; cat "$1" >&2; exit 1; }; done
}

steps "A program per input"
want out 400 "TOTAL" "19,true,400," "hello Edsger" '"result":"'
want err "exec: 20 tasks done in" "more:  starburst report --state run squares" "report: words.html, cost \$"
want squares.html "20: 20 ok, 0 failed" "The bill"
want words.html "The bill"

mkdir try
program "A Go function per input" >try/main.go
steps "A Go function per input"
want out "[1 4 9]"
want err "report: squares.html, cost \$"
want squares.html "3: 3 ok, 0 failed" "The bill"

if [ -x "$python/bin/python3" ]; then
	# shellcheck source=/dev/null
	. "$python/bin/activate"
	program "A Python function per input" >try.py
	steps "A Python function per input"
	want out 333283335000
	want squares.html "10,000 ok, 0 failed" "The bill"
else
	untried "no Python environment (make demo-python makes one): that part was not tried"
fi

serve=$(commands "A stack that stays" | head -1)
echo "$ $serve &"
bash -c "exec ${serve/ dev / dev --port 0 }" >serve 2>&1 &
dev=$!
for _ in $(seq 300); do grep -q ^workers: serve && break || sleep 0.1; done
: >out
: >err
while read -r line; do try "$line"; done < <(commands "A stack that stays" | tail -n +2 | grep -v '^$\|JOB')
want out "100 %  20/20" "19,true,400," "TOTAL" '"result":"16"' "settled     20 ok, 0 failed, 0 missing"
want slow.html "20: 20 ok, 0 failed" "The bill"

if command -v aws >/dev/null; then
	by_hand=$(commands "Any language" | sed '/--by job/q')
	echo "$by_hand"
	(eval "$by_hand") >out
	want out 49 TOTAL
else
	untried "no AWS CLI: no message was sent by hand"
fi
echo "first-steps: all of it ends with results, a report and a cost"
