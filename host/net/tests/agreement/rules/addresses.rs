//! Addresses, and the routes that come and go with them.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a network is reached while the link is up",
        script: "
            veth pod.10=eth0 node.20=veth0
            address pod.10 10.0.0.1/24
            address pod.10 fd00::1/64
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 veth [10.0.0.1/24 fd00::1/64]
            ? routes pod.10 =
            set pod.10 up
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; fd00::/64 metric 256 scope 0
            address pod.10 10.1.0.1/16
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; 10.1.0.0/16 src 10.1.0.1 scope 253; fd00::/64 metric 256 scope 0
            compare address pod.10 10.1.0.1/16
        ",
    },
    Rule {
        says: "a link that goes down keeps its IPv4 addresses, and loses those of IPv6",
        script: "
            veth pod.10=eth0 node.20=veth0
            address pod.10 10.0.0.1/24
            address pod.10 fd00::1/64
            set pod.10 up
            set pod.10 down
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 veth [10.0.0.1/24]
            ? routes pod.10 =
            set pod.10 up
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253
            compare address pod.10 fd00::1/64 ! there is no address
        ",
    },
    Rule {
        says: "an address is a link's once; two links, or two lengths of an IPv4 address, are others",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            address pod.10 10.0.0.1/24
            address pod.10 10.0.0.1/24 ! EEXIST
            address pod.10 10.0.0.1/25
            address pod.11 10.0.0.1/24
            address pod.10 fd00::1/64
            address pod.10 fd00::1/64 ! EEXIST
            address pod.10 fd00::1/80 ! EEXIST
            address pod.11 fd00::1/64
            set pod.10 up
            set pod.11 up
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; 10.0.0.0/25 src 10.0.0.1 scope 253; fd00::/64 metric 256 scope 0
            ? routes pod.11 = 10.0.0.0/24 src 10.0.0.1 scope 253; fd00::/64 metric 256 scope 0
        ",
    },
    Rule {
        says: "some addresses can't be a host's, and some may be",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 0.0.0.0/0
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up veth []
            address pod.10 224.0.0.1/24
            address pod.10 255.255.255.255/32
            address pod.10 10.2.0.0/24
            address pod.10 10.3.0.255/24
            address pod.10 10.4.0.1/31
            address pod.10 10.5.0.1/32
            address pod.10 10.6.0.1/0
            address pod.10 ::/64 ! EADDRNOTAVAIL
            address pod.10 ff02::7/64 ! EADDRNOTAVAIL
            address pod.10 ::1/128 ! EADDRNOTAVAIL
            address pod.10 fd05::1/128
            address pod.10 fd06::/64
            address pod.10 fe80::7/64
            address pod.10 ::7/0
            ? routes pod.10 = 10.2.0.0/24 src 10.2.0.0 scope 253; 10.3.0.0/24 src 10.3.0.255 scope 253; 10.4.0.0/31 src 10.4.0.1 scope 253; default metric 256 scope 0; fd05::1/128 metric 256 scope 0; fd06::/64 metric 256 scope 0; fe80::/64 metric 256 scope 0
        ",
    },
    Rule {
        says: "addresses are listed by when they came, and for IPv6 the last and widest first",
        script: "
            veth pod.10=eth0 node.20=veth0
            address pod.10 10.0.0.1/24
            address pod.10 10.0.0.2/24
            address pod.10 10.1.0.1/24
            address pod.10 fd00::1/64
            address pod.10 fe80::1/64
            address pod.10 fec0::1/64
            address pod.10 fd00::2/64
            address pod.10 fe80::2/64
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 veth [10.0.0.1/24 10.1.0.1/24 10.0.0.2/24 fd00::2/64 fd00::1/64 fec0::1/64 fe80::2/64 fe80::1/64]
        ",
    },
    Rule {
        says: "an address that is taken off takes its network's route along, and one that is not there is good",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            address pod.10 10.1.0.1/24
            address pod.10 fd00::1/64
            drop pod.10 10.0.0.1/25
            drop pod.10 10.0.0.2/24
            drop pod.10 fd00::1/65
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up veth [10.0.0.1/24 10.1.0.1/24 fd00::1/64]
            drop pod.10 10.0.0.1/24
            noaddress pod.10 fd00::1/64
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up veth [10.1.0.1/24]
            ? routes pod.10 = 10.1.0.0/24 src 10.1.0.1 scope 253
            compare noaddress pod.10 fd00::1/64
            compare noaddress pod.10 10.1.0.1/24 ! again
        ",
    },
    Rule {
        says: "a network's first IPv4 address takes the others along",
        script: "
            sysctl pod net/ipv4/conf/all/promote_secondaries 0
            sysctl pod net/ipv4/conf/default/promote_secondaries 0
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            address pod.10 10.0.0.2/24
            address pod.10 10.1.0.1/24
            address pod.10 10.0.0.3/24
            drop pod.10 10.0.0.2/24
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up veth [10.0.0.1/24 10.1.0.1/24 10.0.0.3/24]
            drop pod.10 10.0.0.1/24
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up veth [10.1.0.1/24]
            ? routes pod.10 = 10.1.0.0/24 src 10.1.0.1 scope 253
        ",
    },
    Rule {
        says: "or, where the node says so, the next one takes its place",
        script: "
            sysctl pod net/ipv4/conf/all/promote_secondaries 1
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            address pod.10 10.0.0.2/24
            address pod.10 10.1.0.1/24
            address pod.10 10.0.0.3/24
            drop pod.10 10.0.0.1/24
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 up veth [10.1.0.1/24 10.0.0.2/24 10.0.0.3/24]
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.2 scope 253; 10.1.0.0/24 src 10.1.0.1 scope 253
        ",
    },
    Rule {
        says: "an IPv6 network's route stays as long as one address of it does",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 fd00::1/64
            address pod.10 fd00::2/64
            address pod.11 fd00::3/64
            drop pod.10 fd00::1/64
            ? routes pod.10 = fd00::/64 metric 256 scope 0
            drop pod.10 fd00::2/64
            ? routes pod.10 =
            ? routes pod.11 = fd00::/64 metric 256 scope 0
        ",
    },
    Rule {
        says: "with an IPv6 address the first route to its network goes, whoever made it",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 fd00::1/64
            route pod.10 fd00::/64 metric 5
            drop pod.10 fd00::1/64
            ? routes pod.10 = fd00::/64 metric 256 scope 0
        ",
    },
    Rule {
        says: "with its last IPv4 address a link loses its IPv4 routes and neighbours",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            address pod.10 fd00::1/64
            route pod.10 10.9.0.0/16
            route pod.10 10.8.0.0/16 scope 254
            route pod.10 10.9.0.0/16 via 10.0.0.2 table 100
            route pod.10 fd09::/64
            neighbour pod.10 10.0.0.2 02:00:00:00:00:02
            neighbour pod.10 fd00::2 02:00:00:00:00:02
            drop pod.10 10.0.0.1/24
            ? routes pod.10 = fd00::/64 metric 256 scope 0; fd09::/64 metric 1024 scope 0
            ? neighbours pod.10 = fd00::2 at 02:00:00:00:00:02
            drop pod.10 fd00::1/64
            ? routes pod.10 = fd09::/64 metric 1024 scope 0
        ",
    },
    Rule {
        says: "with an address go the main table's IPv4 routes that have it as their source; an IPv6 route loses it",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 10.0.0.1/24
            address pod.10 10.1.0.1/24
            address pod.11 10.2.0.1/24
            route pod.10 10.9.0.0/16 src 10.1.0.1
            route pod.11 10.8.0.0/16 src 10.1.0.1
            route pod.11 10.7.0.0/16 src 10.1.0.1 table 100
            address pod.10 fd00::1/64
            address pod.11 fd01::1/64
            route pod.10 fd09::/64 src fd00::1
            route pod.11 fd08::/64 src fd00::1
            drop pod.10 10.1.0.1/24
            drop pod.10 fd00::1/64
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; fd09::/64 metric 1024 scope 0
            ? routes pod.11 = 10.2.0.0/24 src 10.2.0.1 scope 253; 10.7.0.0/16 src 10.1.0.1 table 100 scope 253; fd01::/64 metric 256 scope 0; fd08::/64 metric 1024 scope 0
        ",
    },
    Rule {
        says: "unless another link has the address, too",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 10.0.0.1/24
            address pod.10 10.1.0.1/24
            address pod.11 10.0.0.1/32
            route pod.10 10.9.0.0/16 src 10.0.0.1
            drop pod.10 10.0.0.1/24
            ? routes pod.10 = 10.1.0.0/24 src 10.1.0.1 scope 253; 10.9.0.0/16 src 10.0.0.1 scope 253
            delete pod.11
            ? routes pod.10 = 10.1.0.0/24 src 10.1.0.1 scope 253
        ",
    },
    Rule {
        says: "the loopback gets its addresses when it comes up, and its networks have no routes in the main table",
        script: "
            set pod.1 up
            ? pod.1 = lo 00:00:00:00:00:00 mtu 65536 up [127.0.0.1/8 ::1/128]
            ? routes pod.1 =
            address pod.1 127.0.0.5/8 ! EINVAL
            address pod.1 127.1.0.5/16
            address pod.1 10.0.0.1/24
            address pod.1 fd00::1/64
            ? routes pod.1 = fd00::/64 metric 256 scope 0
            set pod.1 down
            ? pod.1 = lo 00:00:00:00:00:00 mtu 65536 [127.0.0.1/8 127.1.0.5/16 10.0.0.1/24]
            drop pod.1 127.0.0.1/8
            set pod.1 up
            ? pod.1 = lo 00:00:00:00:00:00 mtu 65536 up [127.0.0.1/8 127.1.0.5/16 10.0.0.1/24 ::1/128]
        ",
    },
    Rule {
        says: "below an MTU of 1280 bytes there is no IPv6",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            address pod.10 fd00::1/64
            route pod.10 fd09::/64
            neighbour pod.10 fd00::2 02:00:00:00:00:02
            set pod.10 mtu 1279
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1279 up veth [10.0.0.1/24]
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253
            ? neighbours pod.10 =
            address pod.10 fd00::1/64 ! EINVAL
            route pod.10 fd09::/64 ! ENODEV
            neighbour pod.10 fd00::2 02:00:00:00:00:02 ! EINVAL
            drop pod.10 fd00::1/64
            set pod.10 mtu 1280
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1280 up veth [10.0.0.1/24]
            address pod.10 fd00::1/64
        ",
    },
    Rule {
        says: "the loopback loses its addresses, too, but takes new ones of IPv6",
        script: "
            set pod.1 up
            address pod.1 10.0.0.1/24
            set pod.1 mtu 1000
            ? pod.1 = lo 00:00:00:00:00:00 mtu 1000 up [127.0.0.1/8 10.0.0.1/24]
            address pod.1 fd00::1/64
            set pod.1 mtu 67
            ? pod.1 = lo 00:00:00:00:00:00 mtu 67 up []
            address pod.1 10.0.0.1/24 ! ENOBUFS
            set pod.1 mtu 1500
            ? pod.1 = lo 00:00:00:00:00:00 mtu 1500 up []
            set pod.1 down
            set pod.1 mtu 67
            set pod.1 up
            ? pod.1 = lo 00:00:00:00:00:00 mtu 67 up []
        ",
    },
];
