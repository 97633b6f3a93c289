#!/usr/bin/env bash
# Formatting, go vet and golangci-lint, in the version that tools/go.mod pins:
# $GOLANGCI_LINT if it is set, else golangci-lint from PATH, else (none there, or
# another version) a build of the pinned one, which is kept in .cache. The first
# build compiles some 200 modules and takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
module=github.com/golangci/golangci-lint/v2
version=$(go list -C tools -m -f '{{.Version}}' "$module")

version_of() { # v2.15.0 for the binary $1; nothing when it cannot tell
	"$1" version --short 2>/dev/null | sed 's/^v*/v/' || true
}

unformatted=$(find . -name '*.go' -not -path './.cache/*' -print0 | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	printf 'lint: not formatted; run gofmt -w on:\n%s\n' "$unformatted" >&2
	exit 1
fi

go vet ./...

built=.cache/golangci-lint-$version
if [ -n "${GOLANGCI_LINT:-}" ]; then
	lint=$GOLANGCI_LINT
elif lint=$(command -v golangci-lint) && [ "$(version_of "$lint")" = "$version" ]; then
	:
else
	lint=$built
	if [ ! -x "$built" ]; then
		echo "lint: building golangci-lint $version"
		mkdir -p .cache
		# Renamed when it is whole: an interrupted build leaves nothing to run.
		go build -C tools -ldflags "-X main.version=$version" -o "../$built.part" "$module/cmd/golangci-lint"
		mv "$built.part" "$built"
	fi
fi
if have=$(version_of "$lint") && [ "$have" != "$version" ]; then
	echo "lint: $lint is golangci-lint ${have:-of unknown version}, and tools/go.mod pins $version; unset GOLANGCI_LINT to have it built" >&2
	exit 1
fi
"$lint" run ./...
