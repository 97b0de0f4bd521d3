//! What undoing leaves.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "what an attachment made goes, what it found is as it was, what it ensured stays",
        script: "
            bridge node.5=br0
            veth pod.10=eth0 node.20=veth0
            set node.20 master 5
            set node.20 up
            set pod.10 mac 02:00:00:00:00:99
            set pod.10 up
            address pod.10 10.0.0.2/24
            route pod.10 0.0.0.0/0 via 10.0.0.1
            address node.5 10.0.0.1/24
            masquerade a 10.0.0.2 10.0.0.0/24
            sysctl node net/ipv4/ip_forward 1
            undo
            ? node = lo br0
            ? pod = lo
            ? node.5 = br0 02:00:00:00:01:05 mtu 1500 bridge [10.0.0.1/24]
            ? sysctl node net/ipv4/ip_forward = 1
        ",
    },
    Rule {
        says: "a property that has our value is restored, and one that somebody changed since is left alone",
        script: "
            veth pod.10=eth0 node.20=veth0
            undo
            veth node.30=ens1 node.31=ens2
            move node.30 pod net1
            set pod.30 mtu 1400 lasting
            set pod.30 mac 02:00:00:00:00:99 lasting
            set pod.30 up lasting
            set pod.30 also uplink lasting
            address pod.30 10.0.0.2/24 lasting
            route pod.30 10.9.0.0/16 lasting
            undo
            ? pod = lo
            ? node = lo
        ",
    },
    Rule {
        says: "what has a number of ours goes from the pod under any address, and with any other under ours alone",
        script: "
            other veth node.30=ens1 node.31=ens2
            dummy pod.1048576=eth0
            macvlan pod.1048577=eth1 node.30 bridge
            dummy pod.12=eth2
            other set pod.1048576 mac 02:00:00:00:00:66
            other set pod.1048577 mac 02:00:00:00:00:67
            other set pod.12 mac 02:00:00:00:00:68
            undo
            ? pod = lo eth2
            ? node = lo ens1 ens2
            macvlan pod.1048578=eth3 node.30 bridge
            delete pod.1048578
            other dummy pod.1048578=eth3
            undo
            ? pod = lo eth2 eth3
        ",
    },
];
