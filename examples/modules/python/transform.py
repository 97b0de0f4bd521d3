"""Sets the MTU of a namespace's networks.

Settings: { "mtu": 1500, "namespaces": { "storage": 9000 } }.
"""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.types import Failure


class Transform(exports.Transform):
    def transform(self, attachment, plugin, settings):
        settings = json.loads(settings)
        namespace = attachment.network.partition("/")[0]
        mtu = settings.get("namespaces", {}).get(namespace, settings.get("mtu"))
        if mtu is None:
            raise Err(Failure(7, f"no MTU for networks of {namespace}", "write `mtu` into the settings"))
        # Only what changes has to be touched: the host compares values, and keeps the spelling of what stayed.
        return json.dumps(json.loads(plugin) | {"mtu": mtu})
