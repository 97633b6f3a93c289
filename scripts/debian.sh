#!/bin/sh
# Sees to it that Debian packages are installed: installs those that are missing where that is allowed, and fails, naming them, elsewhere.
#   scripts/debian.sh chromium fish
set -eu
missing() {
	for p in "$@"; do
		dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || echo "$p"
	done
}
want=$(missing "$@")
[ -n "$want" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "not installed here: $(echo $want)" >&2
	exit 1
fi
echo "installing: $(echo $want)" >&2
export DEBIAN_FRONTEND=noninteractive
# The lists may be old, or not there yet.
apt-get install -y --no-install-recommends $want >/dev/null 2>&1 ||
	{ apt-get update >/dev/null && apt-get install -y --no-install-recommends $want >/dev/null; }
want=$(missing "$@")
[ -z "$want" ] || { echo "could not install: $(echo $want)" >&2; exit 1; }
