"""Prints the flags of the gcloud commands that deploy/ uses, as JSON.

    python3 deploy/testdata/flags.py /usr/lib/google-cloud-sdk/data/cli/gcloud_completions.py
"""
import json
import runpy
import sys

COMMANDS = [
    "run deploy",
    "run services update-traffic",
    "run services describe",
    "run jobs execute",
    "run jobs update",
    "artifacts docker images scan",
    "artifacts docker images list-vulnerabilities",
    "builds list",
    # What docs/rollout.md, cloudbuild.yaml and the scripts advise.
    "builds submit",
    "builds cancel",
    "run revisions list",
    "run jobs executions list",
    "run services logs read",
]

sys.setrecursionlimit(10000)
tree = runpy.run_path(sys.argv[1])["STATIC_COMPLETION_CLI_TREE"]
known = {}
for command in COMMANDS:
    node, flags = tree, dict(tree["flags"])
    for word in command.split():
        node = node["commands"][word]
        flags.update(node["flags"])
    known[command] = {name: "bool" if kind == "bool" else "value" for name, kind in sorted(flags.items())}
print(json.dumps(known, indent=1))
