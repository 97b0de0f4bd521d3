//! Links whose ports have a routing table of their own.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "the routes of a vrf's port are in its table, and back in the main one afterwards",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            address pod.10 fd00::1/64
            route pod.10 10.9.0.0/16 via 10.0.0.2
            vrf pod.30=blue 5
            ? vrfs = blue 5
            set pod.30 up
            set pod.10 master 30
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up veth port of 30 [10.0.0.1/24]
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 table 5 scope 253
            address pod.10 fd00::1/64
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 table 5 scope 253; fd00::/64 metric 256 table 5 scope 0
            route pod.10 10.9.0.0/16 via 10.0.0.2 table 5
            set pod.10 nomaster
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up veth [10.0.0.1/24]
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253
        ",
    },
    Rule {
        says: "a vrf goes with the last of its ports",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            vrf pod.30=blue 5
            set pod.10 master 30
            undo
            ? pod = lo
            veth pod.10=eth0 node.20=veth0
            vrf pod.30=blue 5
            set pod.10 master 30
            compare vrf pod.30=blue 5
        ",
    },
    Rule {
        says: "not everything can be a vrf, or its port",
        script: "
            veth pod.10=eth0 node.20=veth0
            vrf pod.30=blue 5
            vrf pod.31=red 6
            vrf pod.32=blue 7 ! EEXIST
            vrf pod.32=green 0 ! EINVAL
            vrf pod.30=green 7 ! EEXIST
            set pod.1 master 30 ! EOPNOTSUPP
            set pod.31 master 30 ! EINVAL
            set pod.10 master 30
            set pod.10 master 31
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 veth port of 31 []
            delete pod.31
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 veth []
            compare set pod.10 hairpin on ! has no hairpin
        ",
    },
];
