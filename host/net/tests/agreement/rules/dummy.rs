//! Links that lead nowhere.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a dummy is made as asked, and taken back",
        script: "
            dummy pod.10=eth0
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 dummy []
            dummy pod.11=eth1 mtu 9000
            ? pod.11 = eth1 02:00:00:00:00:0b mtu 9000 dummy []
            compare dummy pod.10=eth0
            set pod.10 up
            address pod.10 10.0.0.1/24
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253
            set pod.10 mac 02:00:00:00:00:77
            undo
            ? pod = lo
        ",
    },
    Rule {
        says: "a dummy is refused if anything of it is taken or can't be",
        script: "
            dummy pod.10=eth0
            dummy pod.11=eth0 ! EEXIST
            dummy pod.10=eth1 ! EEXIST
            dummy pod.11=eth1 mac 01:00:5e:00:00:01 ! EADDRNOTAVAIL
            ? pod = lo eth0
        ",
    },
];
