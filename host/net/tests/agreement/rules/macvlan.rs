//! Links by way of other links.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a macvlan is in its namespace at once, with its parent's MTU if it has none of its own",
        script: "
            veth node.20=wire node.21=far mtu 1400
            macvlan pod.10=eth0 node.20 bridge
            ? pod = lo eth0
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1400 macvlan []
            macvlan pod.11=eth1 node.20 private mtu 1300
            macvlan node.12=mv0 node.20 vepa
            ? pod.11 = eth1 02:00:00:00:00:0b mtu 1300 macvlan []
            compare macvlan pod.10=eth0 node.20 bridge
            set pod.10 up
            address pod.10 10.0.0.1/24
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1400 up macvlan [10.0.0.1/24]
        ",
    },
    Rule {
        says: "a macvlan is refused if anything of it is taken or can't be",
        script: "
            veth node.20=wire node.21=far
            macvlan pod.10=eth0 node.20 bridge
            macvlan pod.11=eth0 node.20 bridge ! EEXIST
            macvlan pod.10=eth1 node.20 bridge ! EEXIST or EBUSY
            macvlan pod.11=eth1 node.29 bridge ! ENODEV
            macvlan pod.11=eth1 node.20 bridge mtu 1501 ! EINVAL
            macvlan pod.11=eth1 node.20 bridge mtu 67 ! EINVAL
            macvlan pod.11=eth1 mac 01:00:5e:00:00:01 node.20 bridge ! EADDRNOTAVAIL
            ? pod = lo eth0
        ",
    },
    Rule {
        says: "a port of a bridge has no others on it, and an only one is alone",
        script: "
            bridge node.5=br0
            veth node.20=wire node.21=far
            veth node.22=other node.23=end
            set node.20 master 5
            macvlan pod.10=eth0 node.20 bridge ! EBUSY
            macvlan pod.10=eth0 mac 02:00:00:00:01:16 node.22 passthru
            macvlan pod.11=eth1 node.22 bridge ! EINVAL
            ? pod = lo eth0
            delete pod.10
            macvlan pod.11=eth1 node.22 bridge
            macvlan pod.10=eth0 mac 02:00:00:00:01:16 node.22 passthru ! EINVAL
        ",
    },
    Rule {
        says: "a macvlan on a macvlan is on what that is on",
        script: "
            veth node.20=wire node.21=far
            macvlan node.12=mv0 node.20 bridge mtu 1400
            macvlan pod.10=eth0 node.12 bridge
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 macvlan []
            delete node.12
            ? pod = lo eth0
            delete node.20
            ? pod = lo
        ",
    },
    Rule {
        says: "a macvlan goes with its parent, and with its namespace",
        script: "
            veth node.20=wire node.21=far
            macvlan pod.10=eth0 node.20 bridge
            delete node.21
            ? node = lo
            ? pod = lo
            veth node.20=wire node.21=far
            macvlan pod.10=eth0 node.20 bridge
            end
            ? node = lo wire far
        ",
    },
    Rule {
        says: "a macvlan of ours is deleted under whatever name it has by then",
        script: "
            bridge node.5=br0
            macvlan pod.10=eth0 node.5 bridge
            set pod.10 up
            address pod.10 10.0.0.1/24
            set pod.10 name renamed
            set pod.10 mac 02:00:00:00:00:99
            ? pod = lo renamed
            undo
            ? pod = lo
            ? node = lo br0
        ",
    },
];
