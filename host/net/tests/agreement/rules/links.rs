//! Links and what they have by themselves.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a namespace has a loopback, down and without addresses",
        script: "
            ? pod = lo
            ? pod.1 = lo 00:00:00:00:00:00 mtu 65536 []
            ? node.1 = lo 00:00:00:00:00:00 mtu 65536 []
            ? pod.2 = nothing
        ",
    },
    Rule {
        says: "a pair is there at once, down, with the numbers, names and addresses that were asked for",
        script: "
            veth pod.10=eth0 node.20=veth0 mtu 1400
            ? pod = lo eth0
            ? node = lo veth0
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1400 veth []
            ? node.20 = veth0 02:00:00:00:01:14 mtu 1400 veth []
            veth pod.11=eth1 node.21=veth1
            ? pod.11 = eth1 02:00:00:00:00:0b mtu 1500 veth []
            compare veth pod.10=eth0 node.20=veth0
        ",
    },
    Rule {
        says: "a pair is refused whole if anything of it is taken",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth0 node.21=veth1 ! EEXIST
            veth pod.11=eth1 node.21=veth0 ! EEXIST
            veth pod.10=eth1 node.21=veth1 ! EBUSY
            veth pod.11=eth1 node.20=veth1 ! EEXIST
            veth pod.1=eth1 node.21=veth1 ! EBUSY
            veth pod.10=eth0 node.20=veth0 ! EEXIST
            set pod.10 also eth1
            veth pod.11=eth1 node.21=veth1 ! EEXIST
            ? node = lo veth0
        ",
    },
    Rule {
        says: "a pair is refused whole if anything of it can't be",
        script: "
            veth pod.10=eth0 node.20=veth0 mtu 67 ! EINVAL
            veth pod.10=eth0 node.20=veth0 mtu 65536 ! EINVAL
            veth pod.10=eth0 mac 01:00:5e:00:00:01 node.20=veth0 ! EADDRNOTAVAIL
            veth pod.10=eth0 node.20=veth0 mac 00:00:00:00:00:00 ! EADDRNOTAVAIL
            veth pod.10=eth0 node.20=veth0 mac ff:ff:ff:ff:ff:ff ! EADDRNOTAVAIL
            veth pod.10=eth0/1 node.20=veth0 ! EINVAL
            veth pod.10=all node.20=veth0 ! EINVAL
            veth pod.10=eth0 node.20=default ! EINVAL
            veth pod.10=eth0 node.20=sixteenletters-0 ! ERANGE
            veth pod.10=sixteenletters-0 node.20=veth0 ! ERANGE
            ? node = lo
            ? pod = lo
            veth pod.10=eth0 node.20=fifteenletters0 mtu 68
            veth pod.11=eth1 node.21=veth1 mtu 65535
        ",
    },
    Rule {
        says: "two ends in one namespace need two names and numbers",
        script: "
            veth node.10=one node.20=other
            ? node = lo one other
            veth node.11=same node.21=same ! EEXIST
            veth node.12=third node.12=fourth ! EBUSY
            delete node.10
            ? node = lo
        ",
    },
    Rule {
        says: "one end takes the other along",
        script: "
            veth pod.10=eth0 node.20=veth0
            delete node.20
            ? pod = lo
            ? node = lo
            veth pod.10=eth0 node.20=veth0
            delete pod.10
            ? pod = lo
            ? node = lo
            compare veth pod.10=eth0 node.20=veth0 ! there is no veth
        ",
    },
    Rule {
        says: "a loopback can't be deleted",
        script: "
            delete node.1
            ? node = lo
        ",
    },
    Rule {
        says: "a link that is not there can't be changed",
        script: "
            set pod.10 up ! ENODEV
            set pod.10 mtu 1400 ! ENODEV
            set pod.10 mac 02:00:00:00:00:01 ! ENODEV
            set pod.10 nomaster ! ENODEV
            set pod.10 promiscuous on ! ENODEV
            set pod.10 hairpin on ! ENODEV
            set pod.10 name eth0 ! ENODEV
            set pod.10 also eth0 ! ENODEV
            address pod.10 10.0.0.1/24 ! ENODEV
            address pod.10 fd00::1/64 ! ENODEV
            route pod.10 10.0.0.0/24 ! ENODEV
            route pod.10 fd00::/64 ! ENODEV
            neighbour pod.10 10.0.0.1 02:00:00:00:00:01 ! ENODEV
            move pod.10 node eth0 ! ENODEV
            spoof-check a node.20 02:00:00:00:00:01
            announce pod.10 10.0.0.1 ! ENODEV
            settle pod.10 ! ENODEV
            drop pod.10 10.0.0.1/24
            drop pod.10 fd00::1/64
            noaddress pod.10 10.0.0.1/24
            noroute pod.10 10.0.0.0/24 ! ESRCH
            noroute pod.10 fd00::/64 ! ESRCH
            ? routes pod.10 =
            ? neighbours pod.10 =
        ",
    },
    Rule {
        says: "flags and MTU are what was set",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            set pod.10 up
            set pod.10 mtu 9000
            set pod.10 promiscuous on
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 9000 up promiscuous veth []
            set pod.10 all-multicast on
            set pod.10 queue 500
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 9000 up promiscuous all-multicast queue 500 veth []
            compare set pod.10 all-multicast on
            compare set pod.10 all-multicast off ! has all-multicast on
            compare set pod.10 queue 501 ! has queue of 500 packets
            set pod.10 all-multicast off
            set pod.10 queue 0
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 9000 up promiscuous queue 0 veth []
            set pod.10 queue 1000
            set pod.10 mtu 67 ! EINVAL
            set pod.10 mtu 65536 ! EINVAL
            set pod.10 mtu 4294967295 ! EINVAL
            set pod.10 down
            set pod.10 promiscuous off
            set pod.10 mtu 68
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 68 veth []
            compare set pod.10 mtu 68
            compare set pod.10 mtu 69 ! has MTU 68
            compare set pod.10 up ! has down
        ",
    },
    Rule {
        says: "a loopback takes any MTU",
        script: "
            set pod.1 mtu 0
            set pod.1 mtu 2147483647
            set pod.1 mtu 2147483648 ! EINVAL
            ? pod.1 = lo 00:00:00:00:00:00 mtu 2147483647 []
        ",
    },
    Rule {
        says: "a hardware address is of one host, also that of a link which is up, and of two links",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            set pod.10 mac 02:00:00:00:00:77
            ? pod.10 = eth0 02:00:00:00:00:77 mtu 1500 up veth []
            set pod.10 mac 02:00:00:00:01:14
            set pod.10 mac 03:00:00:00:00:01 ! EADDRNOTAVAIL
            set pod.10 mac 00:00:00:00:00:00 ! EADDRNOTAVAIL
            set pod.1 mac 02:00:00:00:00:01
            set pod.1 mac 00:00:00:00:00:00 ! EADDRNOTAVAIL
            ? pod.1 = lo 02:00:00:00:00:01 mtu 65536 []
        ",
    },
];
