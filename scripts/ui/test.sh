#!/bin/sh
# Looks at the page of `starburst ui` in a real browser. Needs Chromium (Debian: chromium; CHROMIUM names another one) and npm, which
# fetches axe-core once into .cache/. Screenshots are left in build/ui-screenshots.
set -eu
cd "$(dirname "$0")/../.."
version=4.14.1 # MPL-2.0; used by the test alone
sum=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
axe=$PWD/.cache/axe-core-$version.min.js
scripts/vendor-ui.sh --check
if [ ! -e "$axe" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && npm pack --silent "axe-core@$version" >/dev/null && tar xzf "axe-core-$version.tgz")
	echo "$sum  $work/package/axe.min.js" | sha256sum --check --quiet
	mkdir -p .cache
	cp "$work/package/axe.min.js" "$axe"
fi
command -v "${CHROMIUM:-chromium}" >/dev/null || command -v google-chrome >/dev/null || { echo "Chromium is not installed; where it has another name, set CHROMIUM" >&2; exit 1; }
rm -rf build/ui-screenshots
cd internal/ui/browsertest
AXE=$axe exec "${GO:-go}" test -count=1 -timeout=140s "$@" ./...
