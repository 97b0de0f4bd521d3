//! Ports of bridges that tell VLANs apart, and those that see no others.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a port has VLAN 1 until it is given others",
        script: "
            bridge node.5=br0 filtering
            ? filtering node.5 = true
            bridge node.6=br1
            ? filtering node.6 = false
            veth pod.10=eth0 node.20=veth0
            ? vlans node.20 =
            set node.20 master 5
            ? vlans node.20 = 1 pvid untagged
            vlans node.20 100 pvid untagged 200-202
            ? vlans node.20 = 1 untagged, 100 pvid untagged, 200-202
            compare vlans node.20 100 pvid untagged 201
            compare vlans node.20 100 ! no VLANs 100
            compare vlans node.20 1 pvid untagged ! no VLANs 1
            novlans node.20 1
            ? vlans node.20 = 100 pvid untagged, 200-202
            compare novlans node.20 1
            compare novlans node.20 100 ! again
            set node.20 nomaster
            ? vlans node.20 =
        ",
    },
    Rule {
        says: "VLANs are a port's, and have numbers from 1 to 4094",
        script: "
            bridge node.5=br0 filtering
            veth pod.10=eth0 node.20=veth0
            vlans node.20 100 ! EOPNOTSUPP
            set node.20 master 5
            vlans node.20 0 ! EINVAL
            vlans node.20 4095 ! EINVAL
            vlans node.20 9-2 ! EINVAL
            vlans node.20 2-9 pvid ! EINVAL
            vlans node.20 2-4094
            ? vlans node.20 = 1 pvid untagged, 2-4094
        ",
    },
    Rule {
        says: "isolation is a port's, and goes with the port",
        script: "
            bridge node.5=br0
            veth pod.10=eth0 node.20=veth0
            set node.20 isolated on ! EOPNOTSUPP
            set node.20 master 5
            compare set node.20 isolated on ! isolation off
            set node.20 isolated on
            compare set node.20 isolated on
            set node.20 hairpin on
            compare set node.20 isolated on
            set node.20 nomaster
            compare set node.20 isolated on ! has no isolation
        ",
    },
];
