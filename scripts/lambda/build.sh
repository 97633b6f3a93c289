#!/usr/bin/env bash
# Builds the autoscaler's Lambda function for both processors into dist/. The same source and the same Go give the
# same bytes: no paths, no version control, no times.
set -euo pipefail
cd "$(dirname "$0")/../.."
go=${GO:-go}

for arch in arm64 x86_64; do
	goarch=${arch/x86_64/amd64}
	folder=dist/lambda-$arch
	mkdir -p "$folder"
	CGO_ENABLED=0 GOOS=linux GOARCH=$goarch $go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags '-s -w -buildid=' \
		-o "$folder/bootstrap" ./cmd/starburst-lambda
	$go run scripts/lambda/pack.go "$folder/bootstrap" "dist/starburst-lambda-$arch.zip"
done
