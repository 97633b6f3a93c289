#!/usr/bin/env bash
# Runs checkov on the four examples: nothing may fail. Then once more on the hardened one without any skip: what fails
# then must be what the README says no setting mends.
set -euo pipefail
checkov=$1
cache=$2
module=$cache/scan
check() { "$checkov" -d "$1" --framework terraform --quiet --compact --skip-download; }

rm -rf "$module"
mkdir -p "$module"
cp -R infra/terraform/. "$module"
for example in "$module"/examples/*/; do
	echo "== $(basename "$example")"
	check "$example"
done

echo "== actions"
"$(dirname "$checkov")/python" scripts/terraform/actions.py infra/terraform

echo "== hardened-kms, without skips"
find "$module" -name '*.tf' -exec sed -i.bak '/#checkov:skip=/d' {} +
found=$(check "$module/examples/hardened-kms" | sed -n 's/^Check: \(CKV[0-9A-Z_]*\):.*/\1/p' | sort -u || true)
said=$(sed -n 's/^| `\(CKV[0-9A-Z_]*\)` | .* | always |$/\1/p' infra/terraform/README.md | sort -u)
echo "fails: ${found//$'\n'/ }"
[ "$found" = "$said" ] || { echo "the README's table says: ${said//$'\n'/ }" >&2; exit 1; }
