//! Networks by links of kinds that a kernel may lack: they are in the stories where it has them.

use multus_tests::{Module, ip, kinds, left_out};
use serde_json::{Value, json};

use crate::scene::lease;

const KINDS: [&str; 8] = ["ipvlan", "vlan", "vrf", "dummy", "filtering", "ifb", "limit", "redirect"];
/// What `bandwidth` takes of them.
pub(crate) const LIMITS: [&str; 3] = ["ifb", "limit", "redirect"];

/// Those that there are here; the others are left out aloud.
pub(crate) fn there() -> Vec<&'static str> {
    let (lacking, there): (Vec<_>, Vec<_>) = KINDS.into_iter().partition(|kind| kinds::lacks(kind));
    if !lacking.is_empty() {
        left_out(&format!("crashes of {}: this kernel has no such things", lacking.join(", ")));
    }
    there
}

pub(crate) fn modules() -> [Module; 4] {
    let ipam = ["links=dev*", "ipam=host-local", "sysctls=net/ipv4/conf/*/arp_notify"];
    [
        Module::delegate("ipvlan", &ipam),
        Module::delegate("vlan", &ipam),
        Module::delegate("vrf", &["names=blue"]),
        Module::delegate("dummy", &ipam),
    ]
}

/// The end of a cable in the place of a wire, up, since a VLAN is up only then.
pub(crate) fn wire() {
    ip("link add dev2 address 02:00:00:00:00:07 type veth peer name trunk");
    ip("link set dev2 up");
}

/// A network for each of these kinds; two share a vrf.
pub(crate) fn networks(there: &[&str]) -> Vec<Value> {
    let blue = || json!({ "type": "vrf", "vrfname": "blue" });
    let networks = [
        ("ipvlan", json!({ "type": "ipvlan", "master": "dev2", "ipam": lease("10.7.0.0/24") })),
        ("vlan", json!({ "type": "vlan", "master": "dev2", "vlanId": 100, "ipam": lease("10.8.0.0/24") })),
        ("dummy", json!({ "type": "dummy", "ipam": lease("10.9.0.0/24") })),
        (
            "filtering",
            json!({ "type": "bridge", "bridge": "lab1", "vlan": 100, "preserveDefaultVlan": false,
                    "vlanTrunk": [{ "minID": 200, "maxID": 202 }, { "id": 300 }], "ipam": lease("10.10.0.0/24") }),
        ),
    ];
    let of_kind = networks.into_iter().filter(|(kind, _)| there.contains(kind)).map(|(kind, plugin)| {
        let chained = there.contains(&"vrf") && ["vlan", "dummy"].contains(&kind);
        let plugins: Vec<_> = std::iter::once(plugin).chain(chained.then(blue)).collect();
        json!({ "cniVersion": "1.0.0", "name": kind, "plugins": plugins })
    });
    of_kind.collect()
}
