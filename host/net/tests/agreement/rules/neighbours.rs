//! Permanent neighbours.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a link, up or down, has one neighbour of an address",
        script: "
            veth pod.10=eth0 node.20=veth0
            neighbour pod.10 10.0.0.2 02:00:00:00:00:02
            neighbour pod.10 10.0.0.2 02:00:00:00:00:03 ! EEXIST
            neighbour pod.10 fd00::2 02:00:00:00:00:02
            neighbour pod.10 fd00::2 02:00:00:00:00:02 ! EEXIST
            ? neighbours pod.10 = 10.0.0.2 at 02:00:00:00:00:02; fd00::2 at 02:00:00:00:00:02
            compare neighbour pod.10 10.0.0.2 02:00:00:00:00:02
            compare neighbour pod.10 10.0.0.2 02:00:00:00:00:03 ! there is no neighbour
            set pod.10 up
            ? neighbours pod.10 = 10.0.0.2 at 02:00:00:00:00:02; fd00::2 at 02:00:00:00:00:02
        ",
    },
    Rule {
        says: "neighbours are forgotten when a link goes down, but not when its other end does",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            set node.20 up
            neighbour pod.10 10.0.0.2 02:00:00:00:00:02
            neighbour pod.10 fd00::2 02:00:00:00:00:02
            set node.20 down
            ? neighbours pod.10 = 10.0.0.2 at 02:00:00:00:00:02; fd00::2 at 02:00:00:00:00:02
            set pod.10 down
            ? neighbours pod.10 =
        ",
    },
    Rule {
        says: "neighbours are forgotten when a link gets a hardware address, be it the one that it had",
        script: "
            veth pod.10=eth0 node.20=veth0
            neighbour pod.10 10.0.0.2 02:00:00:00:00:02
            neighbour pod.10 fd00::2 02:00:00:00:00:02
            set pod.10 mac 02:00:00:00:00:0a
            ? neighbours pod.10 =
        ",
    },
    Rule {
        says: "on the loopback all IPv4 neighbours are one",
        script: "
            neighbour pod.1 10.0.0.2 02:00:00:00:00:02
            ? neighbours pod.1 = 0.0.0.0 at 02:00:00:00:00:02
            neighbour pod.1 10.0.0.3 02:00:00:00:00:03
            neighbour pod.1 0.0.0.0 02:00:00:00:00:04 ! EEXIST
            ? neighbours pod.1 = 0.0.0.0 at 02:00:00:00:00:03
            neighbour pod.1 fd00::2 02:00:00:00:00:02
        ",
    },
];
