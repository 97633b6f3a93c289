#!/usr/bin/env bash
# Prints the folder of a filesystem mirror that holds the provider hashicorp/aws for this machine: $TF_PLUGIN_MIRROR, else the
# mirrors that the CLI's configuration names, else the usual places. Fails by name when there is none.
set -euo pipefail

provider=registry.terraform.io/hashicorp/aws

holds() { [ -n "$1" ] && compgen -G "$1/$provider/[0-9]*/*_*/terraform-provider-aws*" >/dev/null || compgen -G "$1/$provider/terraform-provider-aws_*.zip" >/dev/null; }

configured() {
	local file
	for file in "${TF_CLI_CONFIG_FILE:-}" "$HOME/.terraformrc" "$HOME/.tofurc"; do
		[ -f "$file" ] && sed -n 's/^[[:space:]]*path[[:space:]]*=[[:space:]]*"\(.*\)".*/\1/p' "$file"
	done
	true
}
usual() {
	printf '%s\n' "$HOME/.terraform.d/plugins" "$HOME/.terraform.d/plugin-cache" "${TF_PLUGIN_CACHE_DIR:-}" \
		"${XDG_DATA_HOME:-$HOME/.local/share}/terraform/plugins" /usr/local/share/terraform/plugins /usr/share/terraform/plugins
}
searched() {
	find /opt /usr/local /usr/share /srv /var/lib "$HOME" -maxdepth 6 -type d -path "*/$provider" 2>/dev/null | sed "s|/$provider\$||"
}

{
	printf '%s\n' "${TF_PLUGIN_MIRROR:-}"
	configured
	usual
	searched
} | while IFS= read -r folder; do
	if holds "$folder"; then
		echo "$folder"
		exit 10 # leaves the loop; below it is success
	fi
done || { [ $? -eq 10 ] && exit 0; }

echo "test-terraform: the provider hashicorp/aws is not on this disk: set TF_PLUGIN_MIRROR to a folder made by" >&2
echo "\`terraform providers mirror FOLDER\`, one that holds $provider" >&2
exit 1
