#!/bin/sh
# Fetches what the page of `starburst ui` uses of others, and puts it where the program embeds it. Each file must have the
# SHA-256 below, and the package the licence: another release is a change of this file.
# Needs npm. With --check it fetches nothing and looks at the committed files alone.
set -eu
cd "$(dirname "$0")/.."
into=internal/ui/static/vendor
version=1.6.32
licence=MIT
sums="19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f  uPlot.iife.min.js
df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04  uPlot.min.css
8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd  LICENSE"
if [ "${1:-}" != --check ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	(cd "$work" && npm pack --silent "uplot@$version" >/dev/null && tar xzf "uplot-$version.tgz")
	grep -q "\"license\": \"$licence\"" "$work/package/package.json" || { echo "uplot $version is not under the $licence licence any more" >&2; exit 1; }
	(cd "$work/package" && cp dist/uPlot.iife.min.js dist/uPlot.min.css . && echo "$sums" | sha256sum --check --quiet)
	mkdir -p "$into"
	for file in uPlot.iife.min.js uPlot.min.css LICENSE; do cp "$work/package/$file" "$into/$file"; done
fi
cd "$into" && echo "$sums" | sha256sum --check --quiet && echo "uplot $version, $licence: as it should be"
