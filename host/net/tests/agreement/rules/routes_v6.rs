//! IPv6 routes. One without a metric has 1024, the kernel's own have 256; they have no scope.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a route needs a link that is up",
        script: "
            veth pod.10=eth0 node.20=veth0
            address pod.10 fd00::1/64
            route pod.10 fd09::/64 ! ENETDOWN
            route pod.10 fd09::/64 via fd00::2 ! EHOSTUNREACH
            route pod.10 fd09::/64 via fe80::2 ! ENETDOWN
            route pod.10 fd09::/64 via fd00::2 onlink ! ENETDOWN
            set pod.10 up
            route pod.10 fd09::/64
            route pod.10 ::/0 via fd00::2
            set pod.10 down
            ? routes pod.10 =
        ",
    },
    Rule {
        says: "a route is told from others by table, destination and metric, whatever its link",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 fd00::1/64
            address pod.11 fd01::1/64
            route pod.10 fd09::/64 via fd00::2
            route pod.10 fd09::/64 via fd00::3 ! EEXIST
            route pod.11 fd09::/64 via fd01::2 ! EEXIST
            route pod.11 fd09::/64 ! EEXIST
            route pod.11 fd09::/64 metric 1024 ! EEXIST
            route pod.11 fd09::/64 metric 0 ! EEXIST
            route pod.11 fd09::/64 table 254 ! EEXIST
            route pod.11 fd09::/64 metric 5
            route pod.11 fd09::/64 table 100
            route pod.11 fd09::/65
            route pod.10 fd00::/64 metric 256 ! EEXIST
            route pod.11 fd00::/64 metric 256 ! EEXIST
            route pod.10 fd00::/64
            route pod.10 fd09::/64 table 4000000000
            ? routes pod.10 = fd00::/64 metric 1024 scope 0; fd00::/64 metric 256 scope 0; fd09::/64 metric 1024 table 4000000000 scope 0; fd09::/64 via fd00::2 metric 1024 scope 0
            ? routes pod.11 = fd01::/64 metric 256 scope 0; fd09::/64 metric 1024 table 100 scope 0; fd09::/64 metric 5 scope 0; fd09::/65 metric 1024 scope 0
        ",
    },
    Rule {
        says: "the kernel's own routes come also where such a route is",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            route pod.10 fd00::/64 metric 256
            address pod.11 fd00::1/64
            address pod.10 fd00::2/64
            ? routes pod.10 = fd00::/64 metric 256 scope 0
            ? routes pod.11 = fd00::/64 metric 256 scope 0
            drop pod.10 fd00::2/64
            ? routes pod.10 =
            ? routes pod.11 = fd00::/64 metric 256 scope 0
        ",
    },
    Rule {
        says: "a gateway is on the link: link-local, on a network of it, or where a route without gateway says",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 fd00::1/64
            address pod.11 fd01::1/64
            route pod.10 fd09::/64 via fd02::2 ! EHOSTUNREACH
            route pod.10 fd09::/64 via fd01::2 ! EHOSTUNREACH
            route pod.10 fd09::/64 via ff02::2 ! EINVAL
            route pod.10 fd09::/64 via :: ! EINVAL
            route pod.10 fd09::/64 via fe80::2
            route pod.10 fd02::2/128
            route pod.10 fd08::/64 via fd02::2
            route pod.10 fd07::/64 via fd08::2 ! EHOSTUNREACH
            route pod.10 ::/0 via fd00::2
            route pod.10 fd07::/64 via fd03::2 ! EHOSTUNREACH
            route pod.10 ::/0 metric 5
            route pod.10 fd07::/64 via fd03::2
        ",
    },
    Rule {
        says: "an address of the namespace is no gateway; a link-local one only on its own link",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 fd00::1/64
            address pod.10 fe80::1/64
            address pod.11 fd00::5/128
            route pod.10 fd09::/64 via fd00::1 ! EINVAL
            route pod.10 fd09::/64 via fd00::1 onlink ! EINVAL
            route pod.10 fd09::/64 via fd00::5 ! EINVAL
            route pod.10 fd09::/64 via fe80::1 ! EINVAL
            route pod.11 fd09::/64 via fe80::1
        ",
    },
    Rule {
        says: "a gateway that is said to be on the link is believed, unless it is known to be on another",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 fd00::1/64
            address pod.11 fd01::1/64
            route pod.10 fd09::/64 via fd02::2 onlink
            route pod.10 fd08::/64 via fd00::2 onlink
            route pod.10 fd07::/64 via fd01::2 onlink ! EINVAL
            route pod.11 ::/0
            route pod.10 fd07::/64 via fd03::2 onlink
            ? routes pod.10 = fd00::/64 metric 256 scope 0; fd07::/64 via fd03::2 metric 1024 scope 0 onlink; fd08::/64 via fd00::2 metric 1024 scope 0 onlink; fd09::/64 via fd02::2 metric 1024 scope 0 onlink
        ",
    },
    Rule {
        says: "a gateway may be found in the route's own table, and else in the main one",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 fd00::1/64
            route pod.10 fd02::/64 table 100
            route pod.10 fd09::/64 via fd02::2 table 100
            route pod.10 fd09::/64 via fd02::2 ! EHOSTUNREACH
            route pod.10 fd08::/64 via fd00::2 table 100
            route pod.10 fd08::/64 via fd02::2 table 101 ! EHOSTUNREACH
        ",
    },
    Rule {
        says: "a source is an address of the namespace; a link-local one of the same link",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            address pod.10 fd00::1/64
            address pod.11 fd01::1/64
            address pod.11 fe80::1/64
            route pod.10 fd09::/64 src fd00::1
            route pod.10 fd08::/64 src fd01::1
            route pod.10 fd07::/64 src fe80::1 ! EINVAL
            route pod.10 fd07::/64 src fd00::2 ! EINVAL
            ? routes pod.10 = fd00::/64 metric 256 scope 0; fd08::/64 src fd01::1 metric 1024 scope 0; fd09::/64 src fd00::1 metric 1024 scope 0
        ",
    },
    Rule {
        says: "bits of a host are left out, as is a scope",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            route pod.10 fd09::1/64 scope 7
            ? routes pod.10 = fd09::/64 metric 1024 scope 0
            route pod.10 fd08::/64 via 10.0.0.1 ! EINVAL
            route pod.10 fd08::/64 src 10.0.0.1 ! EINVAL
            route pod.10 ff05::/16
            noroute pod.10 fd09::2/64
            ? routes pod.10 = ff05::/16 metric 1024 scope 0
        ",
    },
    Rule {
        says: "the MTU of a route follows its link's: down with it, and up if it was the same",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            route pod.10 fd06::/64
            route pod.10 fd07::/64 mtu 1400
            route pod.10 fd08::/64 mtu 1500
            route pod.10 fd09::/64 mtu 9000 advmss 100000
            set pod.10 mtu 1450
            ? routes pod.10 = fd06::/64 metric 1024 scope 0; fd07::/64 metric 1024 scope 0 mtu 1400; fd08::/64 metric 1024 scope 0 mtu 1450; fd09::/64 metric 1024 scope 0 mtu 1450 advmss 65495
            set pod.10 mtu 1600
            ? routes pod.10 = fd06::/64 metric 1024 scope 0; fd07::/64 metric 1024 scope 0 mtu 1400; fd08::/64 metric 1024 scope 0 mtu 1600; fd09::/64 metric 1024 scope 0 mtu 1600 advmss 65495
        ",
    },
    Rule {
        says: "the first route that fits is deleted: the one with the lowest metric, also if the kernel made it",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 fd00::1/64
            route pod.10 fd09::/64 metric 7
            route pod.10 fd09::/64 via fd00::2 metric 5
            route pod.10 fd09::/64 via fd00::3 metric 6
            noroute pod.10 fd09::/64 via fd00::4 ! ESRCH
            noroute pod.10 fd09::/64 metric 8 ! ESRCH
            noroute pod.10 fd09::/64 table 100 ! ESRCH
            noroute pod.10 fd09::/64 via fd00::3
            noroute pod.10 fd09::/64
            ? routes pod.10 = fd00::/64 metric 256 scope 0; fd09::/64 metric 7 scope 0
            noroute pod.10 fd00::/64
            ? routes pod.10 = fd09::/64 metric 7 scope 0
        ",
    },
];
