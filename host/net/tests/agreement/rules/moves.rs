//! Links that change namespaces.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a link that moves is down, without addresses, routes, neighbours or master, and keeps the rest",
        script: "
            bridge node.5=br0
            veth node.30=ens1 node.31=ens2
            set node.30 master 5
            set node.30 hairpin on
            set node.30 mtu 1400
            set node.30 promiscuous on
            set node.30 all-multicast on
            set node.30 queue 500
            set node.30 also uplink
            set node.30 up
            address node.30 10.0.0.1/24
            address node.30 fd00::1/64
            route node.30 10.9.0.0/16
            neighbour node.30 10.0.0.2 02:00:00:00:00:02
            move node.30 pod net1
            ? node = lo br0 ens2
            ? node.5 = br0 02:00:00:00:01:05 mtu 1500 bridge []
            ? pod.30 = net1 02:00:00:00:01:1e mtu 1400 promiscuous all-multicast queue 500 veth also uplink []
            ? routes pod.30 =
            ? neighbours pod.30 =
            compare move node.30 pod net1
            delete node.31
            ? pod = lo
        ",
    },
    Rule {
        says: "a name that is taken there is in the way, whatever it is called here",
        script: "
            veth node.30=ens1 node.31=ens2
            veth pod.10=eth0 node.20=veth0
            set pod.10 also uplink
            move node.30 pod eth0 ! EEXIST
            move node.30 pod uplink ! EEXIST
            set node.30 also eth0
            move node.30 pod net1 ! EEXIST
            set node.31 name eth0 ! EEXIST
            set node.31 name uplink
            move node.31 pod net1
            ? pod = lo eth0 net1
        ",
    },
    Rule {
        says: "its name of before is free there or taken: it has the new one",
        script: "
            veth node.30=eth0 node.31=ens2
            veth pod.10=eth0 node.20=veth0
            move node.30 pod net1
            ? pod = lo eth0 net1
            move node.31 pod ens2
            ? pod = lo eth0 net1 ens2
        ",
    },
    Rule {
        says: "a number that is taken there is another one there",
        script: "
            veth node.30=ens1 node.31=ens2
            veth pod.30=eth0 node.20=veth0
            move node.30 pod net1
            ? pod = lo net1 eth0
            ? pod.2 = net1 02:00:00:00:01:1e mtu 1500 veth []
            veth pod.3=eth3 node.22=veth3
            veth pod.31=eth4 node.21=veth4
            move node.31 pod net2
            ? pod.4 = net2 02:00:00:00:01:1f mtu 1500 veth []
        ",
    },
    Rule {
        says: "a name that can't be leaves it where and as it was",
        script: "
            veth node.30=ens1 node.31=ens2
            set node.30 up
            address node.30 10.0.0.1/24
            move node.30 pod all ! EINVAL
            move node.30 pod eth%d ! EINVAL
            set node.30 also uplink
            move node.30 pod uplink ! EEXIST
            move node.30 pod sixteenletters-0 ! ERANGE
            move node.30 pod a/b ! EINVAL
            ? node = lo ens1 ens2
        ",
    },
    Rule {
        says: "loopbacks and bridges stay",
        script: "
            bridge node.5=br0
            move node.5 pod br0 ! EINVAL
            move node.1 pod lo1 ! EINVAL
            ? node = lo br0
        ",
    },
    Rule {
        says: "both ends of a pair may move, also into one namespace, and still go together",
        script: "
            veth pod.10=eth0 node.20=veth0
            move node.20 pod veth0
            ? pod = lo eth0 veth0
            move pod.10 node eth0
            ? node = lo eth0
            delete node.10
            ? pod = lo
        ",
    },
    Rule {
        says: "a move within a namespace is another name",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            move pod.10 pod net1
            ? pod.10 = net1 02:00:00:00:00:0a mtu 1500 up veth [10.0.0.1/24]
        ",
    },
];
