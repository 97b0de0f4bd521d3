//! Links by way of other links, with their hardware address.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "an ipvlan is in its namespace at once, with its parent's address and MTU",
        script: "
            veth node.20=wire node.21=far mtu 1400
            ipvlan pod.10=eth0 node.20 l2
            ? pod.10 = eth0 02:00:00:00:01:14 mtu 1400 ipvlan []
            ipvlan pod.11=eth1 node.20 l2 mtu 1300
            ? pod.11 = eth1 02:00:00:00:01:14 mtu 1300 ipvlan []
            compare ipvlan pod.10=eth0 node.20 l2
            set pod.10 up
            address pod.10 10.0.0.1/24
            ? pod.10 = eth0 02:00:00:00:01:14 mtu 1400 up ipvlan [10.0.0.1/24]
            undo
            ? pod = lo
        ",
    },
    Rule {
        says: "an ipvlan is refused if anything of it is taken or can't be",
        script: "
            veth node.20=wire node.21=far
            ipvlan pod.10=eth0 node.20 l3
            ipvlan pod.11=eth0 node.20 l3 ! EEXIST
            ipvlan pod.10=eth1 node.20 l3 ! EEXIST|EBUSY
            ipvlan pod.11=eth1 node.29 l3 ! ENODEV
            ipvlan pod.11=eth1 node.20 l3 mtu 67 ! EINVAL
            ipvlan pod.11=eth1 node.1 l3 ! EINVAL
            ? pod = lo eth0
        ",
    },
    Rule {
        says: "a link has macvlans or ipvlans on it, or is a port",
        script: "
            bridge node.5=br0
            veth node.20=wire node.21=far
            veth node.22=other node.23=end
            set node.20 master 5
            ipvlan pod.10=eth0 node.20 l2 ! EBUSY
            ipvlan pod.10=eth0 node.22 l2
            macvlan pod.11=eth1 node.22 bridge ! EBUSY
            set node.22 master 5 ! EBUSY
            delete pod.10
            macvlan pod.11=eth1 node.22 bridge
            ipvlan pod.10=eth0 node.22 l2 ! EBUSY
        ",
    },
    Rule {
        says: "an ipvlan follows its parent in address and MTU, and is told by its number",
        script: "
            veth node.20=wire node.21=far
            ipvlan pod.10=eth0 node.20 l2 mtu 1400
            set node.20 mac 02:00:00:00:00:77
            ? pod.10 = eth0 02:00:00:00:00:77 mtu 1400 ipvlan []
            set node.20 mtu 1450
            ? pod.10 = eth0 02:00:00:00:00:77 mtu 1450 ipvlan []
            set pod.10 name renamed
            undo
            ? pod = lo
        ",
    },
    Rule {
        says: "an ipvlan on an ipvlan is on what that is on, and all go with it",
        script: "
            veth node.20=wire node.21=far
            ipvlan node.12=iv0 node.20 l2
            ipvlan pod.10=eth0 node.12 l2
            delete node.12
            ? pod = lo eth0
            delete node.20
            ? pod = lo
        ",
    },
];
