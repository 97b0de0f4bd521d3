//! The end of a pod's namespace.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "virtual links go with their namespace, and one end of a pair with the other",
        script: "
            bridge node.5=br0
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 pod.12=eth2
            veth node.30=ens1 node.31=ens2
            set node.20 master 5
            move node.30 pod net1
            end
            ? node = lo br0
            ? pod =
        ",
    },
    Rule {
        says: "in a namespace that is gone nothing is there, and nothing can be done",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth node.30=ens1 node.31=ens2
            end
            ? pod.10 = nothing
            ? routes pod.10 =
            ? neighbours pod.10 =
            ? sysctl pod net/ipv4/ip_forward = ENOENT
            veth pod.10=eth0 node.20=veth0 ! ENOENT
            set pod.10 up ! ENOENT
            address pod.10 10.0.0.1/24 ! ENOENT
            route pod.10 10.9.0.0/16 ! ENOENT
            noroute pod.10 10.9.0.0/16 ! ENOENT
            neighbour pod.10 10.0.0.2 02:00:00:00:00:02 ! ENOENT
            announce pod.10 10.0.0.1 ! ENODEV
            settle pod.10 ! ENOENT
            move node.30 pod net1 ! ENOENT
            noaddress pod.10 10.0.0.1/24
            drop pod.10 10.0.0.1/24
            ? node = lo ens1 ens2
            compare veth pod.10=eth0 node.20=veth0 ! the pod's namespace is gone
        ",
    },
];
