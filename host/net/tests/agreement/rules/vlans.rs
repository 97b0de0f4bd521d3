//! One VLAN of a link, as a link.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a VLAN is in its namespace at once, with its parent's MTU if it has none of its own",
        script: "
            veth node.20=wire node.21=far mtu 1400
            vlan pod.10=eth0 node.20 100
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1400 vlan []
            vlan pod.11=eth1 mac 02:00:00:00:01:14 node.20 101 mtu 1300
            ? pod.11 = eth1 02:00:00:00:01:14 mtu 1300 vlan []
            compare vlan pod.10=eth0 node.20 100
            undo
            ? pod = lo
            ? node = lo
        ",
    },
    Rule {
        says: "a VLAN is refused if anything of it is taken or can't be",
        script: "
            veth node.20=wire node.21=far
            vlan pod.10=eth0 node.20 100
            vlan pod.11=eth1 node.20 100 ! EEXIST
            vlan pod.11=eth0 node.20 101 ! EEXIST
            vlan pod.10=eth1 node.20 101 ! EEXIST|EBUSY
            vlan pod.11=eth1 node.29 101 ! ENODEV
            vlan pod.11=eth1 node.20 101 mtu 1501 ! EINVAL
            vlan pod.11=eth1 mac 01:00:5e:00:00:01 node.20 101 ! EADDRNOTAVAIL
            vlan pod.11=eth1 node.1 101 ! EOPNOTSUPP
            ? pod = lo eth0
        ",
    },
    Rule {
        says: "a VLAN is up only while its parent is",
        script: "
            veth node.20=wire node.21=far
            vlan pod.10=eth0 node.20 100
            set pod.10 up ! ENETDOWN
            set node.20 up
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up vlan []
            address pod.10 10.0.0.1/24
            set node.20 down
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 vlan [10.0.0.1/24]
            set node.20 up
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up vlan [10.0.0.1/24]
        ",
    },
    Rule {
        says: "a VLAN has no greater an MTU than its parent, and keeps its address",
        script: "
            veth node.20=wire node.21=far
            vlan pod.10=eth0 mac 02:00:00:00:01:14 node.20 100
            set node.20 mtu 1400
            set node.20 mac 02:00:00:00:00:77
            ? pod.10 = eth0 02:00:00:00:01:14 mtu 1400 vlan []
            set node.20 mtu 1500
            ? pod.10 = eth0 02:00:00:00:01:14 mtu 1400 vlan []
        ",
    },
    Rule {
        says: "a VLAN goes with its parent, may be on a port, and be one",
        script: "
            bridge node.5=br0
            veth node.20=wire node.21=far
            set node.20 master 5
            vlan node.12=wire.100 node.20 100
            set node.12 master 5
            vlan pod.10=eth0 node.5 7
            delete node.20
            ? node = lo br0
            delete node.5
            ? pod = lo
        ",
    },
];
