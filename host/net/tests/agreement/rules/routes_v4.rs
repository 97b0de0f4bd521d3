//! IPv4 routes. Metric 0 is none, the kernel's own routes have none.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a route needs a link that is up",
        script: "
            veth pod.10=eth0 node.20=veth0
            address pod.10 10.0.0.1/24
            route pod.10 10.9.0.0/16 ! ENETDOWN
            route pod.10 10.9.0.0/16 via 10.0.0.2 ! ENETUNREACH
            route pod.10 10.9.0.0/16 via 10.0.0.2 onlink ! ENETDOWN
            route pod.10 10.9.0.0/16 via 10.0.0.1 ! ENETDOWN
            set pod.10 up
            route pod.10 10.9.0.0/16
            route pod.10 0.0.0.0/0 via 10.0.0.2
            set pod.10 down
            ? routes pod.10 =
            set pod.10 up
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253
        ",
    },
    Rule {
        says: "a route is told from others by table, destination and metric, whatever its link",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 10.0.0.1/24
            address pod.11 10.1.0.1/24
            route pod.10 10.9.0.0/16 via 10.0.0.2
            route pod.10 10.9.0.0/16 via 10.0.0.3 ! EEXIST
            route pod.11 10.9.0.0/16 via 10.1.0.2 ! EEXIST
            route pod.11 10.9.0.0/16 ! EEXIST
            route pod.11 10.9.0.0/16 metric 0 ! EEXIST
            route pod.11 10.9.0.0/16 table 254 ! EEXIST
            route pod.11 10.9.0.0/16 table 0 ! EEXIST
            route pod.11 10.9.0.0/16 metric 5
            route pod.11 10.9.0.0/16 table 100
            route pod.11 10.9.0.0/17
            route pod.10 10.0.0.0/24 ! EEXIST
            route pod.10 10.0.0.0/24 metric 7
            route pod.10 10.9.0.0/16 metric 4294967295
            route pod.10 10.9.0.0/16 table 4000000000
            ? routes pod.10 = 10.0.0.0/24 metric 7 scope 253; 10.0.0.0/24 src 10.0.0.1 scope 253; 10.9.0.0/16 metric 4294967295 scope 253; 10.9.0.0/16 table 4000000000 scope 253; 10.9.0.0/16 via 10.0.0.2 scope 0
            ? routes pod.11 = 10.1.0.0/24 src 10.1.0.1 scope 253; 10.9.0.0/16 metric 5 scope 253; 10.9.0.0/16 table 100 scope 253; 10.9.0.0/17 scope 253
            compare route pod.11 10.9.0.0/16 metric 5
            compare route pod.11 10.9.0.0/16 metric 6 ! there is no route
        ",
    },
    Rule {
        says: "a gateway is on the link: on a network of it, or where a route says",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 10.0.0.1/24
            address pod.11 10.1.0.1/24
            route pod.10 10.9.0.0/16 via 10.2.0.2 ! ENETUNREACH
            route pod.10 10.9.0.0/16 via 10.1.0.2 ! ENETUNREACH
            route pod.10 10.9.0.0/16 via 10.0.0.255 ! EINVAL
            route pod.10 10.9.0.0/16 via 224.0.0.1 ! ENETUNREACH
            route pod.10 10.2.0.2/32
            route pod.10 10.9.0.0/16 via 10.2.0.2
            route pod.10 10.8.0.0/16 via 10.9.0.2 ! ENETUNREACH
            route pod.10 10.3.0.2/32 scope 0
            route pod.10 10.8.0.0/16 via 10.3.0.2 ! ENETUNREACH
            noroute pod.10 10.2.0.2/32
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; 10.3.0.2/32 scope 0; 10.9.0.0/16 via 10.2.0.2 scope 0
        ",
    },
    Rule {
        says: "a gateway that is said to be on the link is believed",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            route pod.10 10.9.0.0/16 via 10.2.0.2 onlink
            route pod.10 10.8.0.0/16 via 10.0.0.2 onlink
            route pod.10 10.7.0.0/16 via 10.0.0.1 onlink ! EINVAL
            route pod.10 10.7.0.0/16 via 10.0.0.255 onlink ! EINVAL
            route pod.10 10.7.0.0/16 via 224.0.0.1 onlink ! EINVAL
            route pod.10 10.7.0.0/16 via 255.255.255.255 onlink ! EINVAL
            route pod.10 10.7.0.0/16 via 10.2.0.2 onlink scope 253 ! EINVAL
            route pod.10 10.7.0.0/16 onlink ! EINVAL
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; 10.8.0.0/16 via 10.0.0.2 scope 0 onlink; 10.9.0.0/16 via 10.2.0.2 scope 0 onlink
        ",
    },
    Rule {
        says: "the kernel takes an address of the same link as a gateway, and no broadcast address",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 10.0.0.1/24
            address pod.11 10.1.0.1/24
            address pod.11 10.0.0.77/32
            route pod.10 10.9.0.0/16 via 10.0.0.1
            route pod.10 10.8.0.0/16 via 10.1.0.1 ! ENETUNREACH
            route pod.10 10.7.0.0/16 via 10.0.0.77
            route pod.10 10.6.0.0/16 via 0.0.0.0
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; 10.6.0.0/16 scope 0; 10.7.0.0/16 via 10.0.0.77 scope 0; 10.9.0.0/16 via 10.0.0.1 scope 0
        ",
    },
    Rule {
        says: "a gateway may be found in the route's own table, and else in the usual ones",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            route pod.10 10.2.0.0/16 table 100
            route pod.10 10.9.0.0/16 via 10.2.0.2 table 100
            route pod.10 10.9.0.0/16 via 10.2.0.2 ! ENETUNREACH
            route pod.10 10.8.0.0/16 via 10.0.0.2 table 100
            route pod.10 10.8.0.0/16 via 10.2.0.2 table 101 ! ENETUNREACH
            route pod.10 10.3.0.0/16 table 253
            route pod.10 10.9.0.0/16 via 10.3.0.2
        ",
    },
    Rule {
        says: "a scope says how near the destination is, and a gateway has to be nearer",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            address pod.10 10.0.0.1/24
            route pod.10 10.9.0.0/16 scope 255 ! EINVAL
            route pod.10 10.9.0.0/16 scope 200
            route pod.10 10.8.0.0/16 via 10.0.0.2 scope 200
            route pod.10 10.7.0.0/16 via 10.0.0.2 scope 253 ! ENETUNREACH
            route pod.10 10.7.0.0/16 via 10.0.0.1 scope 253
            route pod.10 10.6.0.0/16 via 10.0.0.2 scope 254 ! EINVAL
            route pod.11 10.5.0.0/16 scope 254
            ? routes pod.11 = 10.5.0.0/16 scope 254
            set pod.10 down
            set pod.11 up
            set pod.11 down
            ? routes pod.11 = 10.5.0.0/16 scope 254
        ",
    },
    Rule {
        says: "a source is an address of the namespace, on any link",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            address pod.10 10.0.0.1/24
            address pod.11 10.1.0.1/24
            route pod.10 10.9.0.0/16 src 10.0.0.1
            route pod.10 10.8.0.0/16 src 10.1.0.1
            route pod.10 10.7.0.0/16 src 10.0.0.2 ! EINVAL
            route pod.10 10.7.0.0/16 src 10.0.0.255 ! EINVAL
            route pod.10 10.7.0.0/16 src 127.0.0.1 ! EINVAL
            set pod.1 up
            route pod.10 10.7.0.0/16 src 127.0.0.1
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; 10.7.0.0/16 src 127.0.0.1 scope 253; 10.8.0.0/16 src 10.1.0.1 scope 253; 10.9.0.0/16 src 10.0.0.1 scope 253
        ",
    },
    Rule {
        says: "a destination has no bits of a host, and is of the family of gateway and source",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            route pod.10 10.9.0.1/16 ! EINVAL
            route pod.10 10.9.0.0/16 via fd00::1 ! EINVAL
            route pod.10 10.9.0.0/16 src fd00::1 ! EINVAL
            route pod.10 224.0.0.0/4
            route pod.10 127.1.0.0/16
            route pod.10 255.255.255.255/32
            noroute pod.10 10.9.0.1/16 ! EINVAL
        ",
    },
    Rule {
        says: "metrics hold no more than a packet can have",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            route pod.10 10.9.0.0/16 mtu 100000 advmss 100000
            route pod.10 10.8.0.0/16 mtu 1400 advmss 1360
            ? routes pod.10 = 10.8.0.0/16 scope 253 mtu 1400 advmss 1360; 10.9.0.0/16 scope 253 mtu 65520 advmss 65495
            compare route pod.10 10.8.0.0/16 mtu 1400
            compare route pod.10 10.8.0.0/16 mtu 1300 ! there is no route
        ",
    },
    Rule {
        says: "the first route that fits is deleted: the one with the lowest metric, also if the kernel made it",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 10.0.0.1/24
            route pod.10 10.9.0.0/16 metric 7
            route pod.10 10.9.0.0/16 via 10.0.0.2 metric 5
            route pod.10 10.9.0.0/16 via 10.0.0.3 metric 6
            noroute pod.11 10.9.0.0/16 ! ESRCH
            noroute pod.10 10.9.0.0/16 via 10.0.0.4 ! ESRCH
            noroute pod.10 10.9.0.0/16 metric 8 ! ESRCH
            noroute pod.10 10.9.0.0/16 table 100 ! ESRCH
            noroute pod.10 10.9.0.0/16 via 10.0.0.3
            noroute pod.10 10.9.0.0/16
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; 10.9.0.0/16 metric 7 scope 253
            noroute pod.10 10.0.0.0/24
            ? routes pod.10 = 10.9.0.0/16 metric 7 scope 253
            compare noroute pod.10 10.0.0.0/24
            compare noroute pod.10 10.9.0.0/16 ! again
            route pod.10 10.8.0.0/16 via 10.0.0.2 ! ENETUNREACH
            set pod.10 down
            set pod.10 up
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253
        ",
    },
    Rule {
        says: "a route of the loopback is like others",
        script: "
            set pod.1 up
            route pod.1 10.9.0.0/16
            route pod.1 10.8.0.0/16 via 127.0.0.9
            ? routes pod.1 = 10.8.0.0/16 via 127.0.0.9 scope 0; 10.9.0.0/16 scope 253
            set pod.1 down
            ? routes pod.1 =
        ",
    },
];
