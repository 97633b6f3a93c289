#!/bin/sh
# Makes the virtual environment FOLDER with what requirement files name, and installs nothing when it has that already:
#
#	scripts/python-venv.sh FOLDER FILE…
#
# Several may call it at once. Without Python 3, or without its venv module, it says so and fails.
set -eu
folder=$1
shift
python3 -c 'import venv, ensurepip' 2>/dev/null || { echo "Python 3 (python3, with venv) is not installed" >&2; exit 1; }
mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
if command -v flock >/dev/null; then flock 9; fi
"$folder/bin/python" -c '' 2>/dev/null || python3 -m venv --clear "$folder"
stamp=$folder/installed-$(cat "$@" | cksum | tr ' ' '-')
[ ! -e "$stamp" ] || exit 0
for file in "$@"; do
	set -- "$@" -r "$file"
	shift
done
"$folder/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
: >"$stamp"
