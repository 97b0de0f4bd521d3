"""Lets pods use a network only if they carry its label.

Settings: { "labels": { "storage/*": "storage=yes" } }, network by network, with the wildcards of a shell.
"""

import json
from fnmatch import fnmatchcase

from wit_world import exports
from wit_world.exports.policy import Verdict_Allow, Verdict_Deny


class Policy(exports.Policy):
    def review(self, attachment, plugins, settings):
        pod = dict(attachment.pod.labels) if attachment.pod else {}
        for network, label in json.loads(settings)["labels"].items():
            key, _, value = label.partition("=")
            if not fnmatchcase(attachment.network, network):
                continue
            if key not in pod:
                return Verdict_Deny(f"network {attachment.network} is for pods with the label {label}")
            if pod[key] != value:
                return Verdict_Deny(f"network {attachment.network} is for pods with {label}, not {key}={pod[key]}")
        print(f"{len(plugins)} plugin(s) for {attachment.interface_name}")
        return Verdict_Allow()
