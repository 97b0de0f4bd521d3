//! Bridges and their ports.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a bridge is made once, and another link of its name is in the way",
        script: "
            bridge node.5=br0 mtu 1400
            ? node.5 = br0 02:00:00:00:01:05 mtu 1400 bridge []
            bridge node.5=br0
            bridge node.6=br0 mtu 9000
            ? node.5 = br0 02:00:00:00:01:05 mtu 1400 bridge []
            bridge node.5=br1 ! EEXIST
            bridge node.6=br1 mtu 67 ! EINVAL
            bridge node.6=br1 mtu 65536 ! EINVAL
            bridge node.6=br1 mac 01:00:00:00:00:01 ! EADDRNOTAVAIL
            bridge node.6=a/b ! EINVAL
            bridge node.6=sixteenletters-0 ! ERANGE
            veth pod.10=eth0 node.20=veth0
            bridge node.6=veth0 ! EEXIST
            bridge node.6=lo ! EEXIST
            ? node = lo br0 veth0
            compare bridge node.6=br0
            compare bridge node.6=veth0 ! there is no bridge
        ",
    },
    Rule {
        says: "a bridge that is found by its alternative name is that bridge",
        script: "
            bridge node.5=br0
            set node.5 also cni0
            bridge node.6=cni0
            ? node = lo br0
        ",
    },
    Rule {
        says: "a pair of the node's own is made once, and another link of its name is in the way",
        script: "
            bridge node.5=br0
            pair node.6=br0.100 node.7=veth0 mtu 1400
            ? node.6 = br0.100 02:00:00:00:01:06 mtu 1400 veth []
            ? node.7 = veth0 02:00:00:00:01:07 mtu 1400 veth []
            pair node.6=br0.100 node.7=veth0
            pair node.8=br0.100 node.9=veth1 mtu 1300
            ? node = lo br0 br0.100 veth0
            ? node.6 = br0.100 02:00:00:00:01:06 mtu 1400 veth []
            set node.7 master 5
            compare pair node.8=br0.100 node.9=veth1
            pair node.8=br0 node.9=veth1 ! EEXIST
            pair node.8=br0.200 node.7=veth1 ! EEXIST|EBUSY
            pair node.8=br0.200 node.9=veth0 ! EEXIST
            pair node.8=a/b node.9=veth1 ! EINVAL
            compare pair node.8=br0.200 node.9=veth1 ! there is no pair
            ? node = lo br0 br0.100 veth0
        ",
    },
    Rule {
        says: "ports come and go, from one bridge to another at once",
        script: "
            bridge node.5=br0
            bridge node.6=br1
            veth pod.10=eth0 node.20=veth0
            set node.20 nomaster
            set node.20 master 5
            set node.20 master 5
            ? node.20 = veth0 02:00:00:00:01:14 mtu 1500 veth port of 5 []
            compare set node.20 master 5
            set node.20 master 6
            ? node.20 = veth0 02:00:00:00:01:14 mtu 1500 veth port of 6 []
            compare set node.20 master 5 ! port of link 6
            set node.20 nomaster
            ? node.20 = veth0 02:00:00:00:01:14 mtu 1500 veth []
        ",
    },
    Rule {
        says: "not everything can be a port, or have ports",
        script: "
            bridge node.5=br0
            bridge node.6=br1
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set node.5 master 6 ! ELOOP
            set node.5 master 5 ! ELOOP
            set node.1 master 5 ! EINVAL
            set node.20 master 21 ! EOPNOTSUPP
            set node.20 master 20 ! EOPNOTSUPP
            set node.20 master 77 ! EINVAL
        ",
    },
    Rule {
        says: "hairpin is a port's, and goes with the port",
        script: "
            bridge node.5=br0
            bridge node.6=br1
            veth pod.10=eth0 node.20=veth0
            set node.20 hairpin on ! EOPNOTSUPP
            set node.5 hairpin on ! EOPNOTSUPP
            set node.1 hairpin on ! EOPNOTSUPP
            set node.20 master 5
            compare set node.20 hairpin on ! hairpin off
            set node.20 hairpin on
            compare set node.20 hairpin on
            set node.20 master 5
            compare set node.20 hairpin on
            set node.20 master 6
            compare set node.20 hairpin off
            set node.20 hairpin on
            set node.20 nomaster
            compare set node.20 hairpin on ! has no hairpin
        ",
    },
    Rule {
        says: "a bridge has the smallest MTU of its ports, until it is given one",
        script: "
            bridge node.5=br0 mtu 1450
            veth pod.10=eth0 node.20=veth0 mtu 1400
            veth pod.11=eth1 node.21=veth1
            set node.20 master 5
            ? node.5 = br0 02:00:00:00:01:05 mtu 1400 bridge []
            set node.21 master 5
            set node.20 mtu 1300
            ? node.5 = br0 02:00:00:00:01:05 mtu 1300 bridge []
            set node.20 nomaster
            ? node.5 = br0 02:00:00:00:01:05 mtu 1500 bridge []
            set node.21 mtu 9000
            ? node.5 = br0 02:00:00:00:01:05 mtu 9000 bridge []
            delete node.21
            ? node.5 = br0 02:00:00:00:01:05 mtu 1500 bridge []
            set node.5 mtu 1480
            set node.20 master 5
            ? node.5 = br0 02:00:00:00:01:05 mtu 1480 bridge []
            set node.20 mtu 1200
            ? node.5 = br0 02:00:00:00:01:05 mtu 1480 bridge []
        ",
    },
    Rule {
        says: "the MTU that it has already is one that it is given, too",
        script: "
            bridge node.5=br0
            set node.5 mtu 1500
            veth pod.10=eth0 node.20=veth0 mtu 1400
            set node.20 master 5
            ? node.5 = br0 02:00:00:00:01:05 mtu 1400 bridge []
        ",
    },
    Rule {
        says: "with the MTU that a port brings along, a bridge may lose IPv6",
        script: "
            bridge node.5=br0
            set node.5 up
            address node.5 fd00::1/64
            veth pod.10=eth0 node.20=veth0 mtu 1200
            set node.20 master 5
            ? node.5 = br0 02:00:00:00:01:05 mtu 1200 up bridge []
        ",
    },
    Rule {
        says: "a bridge that is deleted frees its ports",
        script: "
            bridge node.5=br0
            veth pod.10=eth0 node.20=veth0
            set node.20 master 5
            set node.20 up
            address node.20 10.0.0.1/24
            delete node.5
            ? node.20 = veth0 02:00:00:00:01:14 mtu 1500 up veth [10.0.0.1/24]
            ? routes node.20 = 10.0.0.0/24 src 10.0.0.1 scope 253
        ",
    },
    Rule {
        says: "a bridge keeps the hardware address that it was made with",
        script: "
            bridge node.5=br0
            veth pod.10=eth0 node.20=veth0 mac 02:00:00:00:00:01
            set node.20 master 5
            set node.5 up
            set node.20 up
            ? node.5 = br0 02:00:00:00:01:05 mtu 1500 up bridge []
            set node.5 mac 02:00:00:00:00:01
            ? node.5 = br0 02:00:00:00:00:01 mtu 1500 up bridge []
        ",
    },
];
