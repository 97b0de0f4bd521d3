//! How fast packets leave, which way they take, by which table they are routed.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "each end of a pair knows the other one",
        script: "
            veth pod.10=eth0 node.20=veth0
            ? end pod.10 = veth0
            set node.20 name uplink
            ? end pod.10 = uplink
            dummy pod.11=dummy0
            ? end pod.11 = nothing
            ? end pod.12 = nothing
            veth pod.13=a pod.20=b
            ? end pod.13 = nothing
        ",
    },
    Rule {
        says: "an ifb has a short queue and any MTU",
        script: "
            ifb node.30=ifb0
            ? node.30 = ifb0 02:00:00:00:01:1e mtu 1500 queue 32 ifb []
            ifb node.30=ifb1 ! EEXIST
            ifb node.31=ifb0 ! EEXIST
            ifb node.31=ifb1 mtu 70000
            set node.30 mtu 20
            set node.30 up
            undo
            ? node = lo
        ",
    },
    Rule {
        says: "a link has one limit",
        script: "
            veth pod.10=eth0 node.20=veth0
            limit node.21 1000000 20000 45000 ! ENODEV
            limit node.20 1000000 20000 45000
            limit node.20 1000000 20000 45000 ! EEXIST
            compare limit node.20 1000000 20000 45000
            compare limit node.20 1000000 20000 45001 ! rate 1000000 limit 45000 by link20 on the node, and it was
            set node.20 up
            set node.20 down
            compare limit node.20 1000000 20000 45000
            limit pod.10 5000000000 20000 45000
            compare limit pod.10 5000000000 20000 45000
            undo
            veth pod.10=eth0 node.20=veth0
            compare limit node.20 1000000 20000 45000 ! there is no
        ",
    },
    Rule {
        says: "a limit of somebody else's link is taken off, if it is ours and the link has its name",
        script: "
            veth pod.10=eth0 node.20=link20
            forget
            limit node.20 1000000 20000 45000
            undo
            limit node.20 1000000 20000 45000
            set node.20 name other
            undo
            limit node.20 1000000 20000 45000 ! EEXIST
        ",
    },
    Rule {
        says: "a limit is for some packets, and the rest leaves as it likes",
        script: "
            veth pod.10=eth0 node.20=link20
            limit node.21 1000000 20000 45000 of to 10.0.0.0/8 ! ENODEV
            limit node.20 1000000 20000 45000 of to 10.0.0.0/8,192.0.2.7/32,2001:db8:abcd:1234:e000::/68
            limit node.20 1000000 20000 45000 of to 10.0.0.0/8 ! EEXIST
            limit node.20 1000000 20000 45000 ! EEXIST
            compare limit node.20 1000000 20000 45000 of to 10.0.0.0/8,192.0.2.7/32,2001:db8:abcd:1234:e000::/68
            compare limit node.20 1000000 20000 45000 but to 10.0.0.0/8,192.0.2.7/32,2001:db8:abcd:1234:e000::/68 ! of what goes to 10.0.0.0/8
            compare limit node.20 1000000 20000 45000 of from 10.0.0.0/8,192.0.2.7/32,2001:db8:abcd:1234:e000::/68 ! of what goes to 10.0.0.0/8
            compare limit node.20 1000000 20000 45000 of to 10.0.0.0/8,192.0.2.7/32 ! of what goes to 10.0.0.0/8
            compare limit node.20 1000000 20000 45001 of to 10.0.0.0/8,192.0.2.7/32,2001:db8:abcd:1234:e000::/68 ! rate 1000000 limit 45000 by link20
            compare limit node.20 1000000 20000 45000 ! of what goes to 10.0.0.0/8
            set node.20 up
            set node.20 down
            compare limit node.20 1000000 20000 45000 of to 10.0.0.0/8,192.0.2.7/32,2001:db8:abcd:1234:e000::/68
            limit pod.10 5000000000 20000 45000 but from 0.0.0.0/0,::/0
            compare limit pod.10 5000000000 20000 45000 but from 0.0.0.0/0,::/0
            undo
            veth pod.10=eth0 node.20=link20
            compare limit node.20 1000000 20000 45000 of to 10.0.0.0/8 ! there is no
        ",
    },
    Rule {
        says: "a limit of some packets on somebody else's link is taken off, if it is ours",
        script: "
            veth pod.10=eth0 node.20=link20
            forget
            limit node.20 1000000 20000 45000 but from 10.0.0.0/8
            undo
            compare limit node.20 1000000 20000 45000 but from 10.0.0.0/8 ! there is no
            limit node.20 1000000 20000 45000
            limit node.20 1000000 20000 45000 but from 10.0.0.0/8 ! EEXIST
            undo
            limit node.20 1000000 20000 45000 but from 10.0.0.0/8
            set node.20 name other
            undo
            limit node.20 1000000 20000 45000 ! EEXIST
        ",
    },
    Rule {
        says: "what comes in by a link takes one way",
        script: "
            veth pod.10=eth0 node.20=link20
            forget
            ifb node.30=ifb0
            compare redirect node.20 node.30 ! there is no
            redirect node.20 node.31 ! ENODEV
            redirect node.21 node.30 ! ENODEV
            redirect node.20 node.30
            redirect node.20 node.30 ! EEXIST
            compare redirect node.20 node.30
            undo
            ? node = lo link20
            ifb node.30=ifb0
            redirect node.20 node.30
            delete node.30
            compare redirect node.20 node.30 ! there is no
            ifb node.31=ifb1
            redirect node.20 node.31 ! EEXIST
        ",
    },
    Rule {
        says: "a rule of the pod is there once, and in order",
        script: "
            rule 100 10.0.0.1/32 7
            rule 100 10.0.0.1/32 7 ! EEXIST
            rule 99 10.0.0.1/32 7
            rule 200 fd00::1/128 70000
            ? rules = 99: from 10.0.0.1/32 lookup 7, 100: from 10.0.0.1/32 lookup 7, 200: from fd00::1/128 lookup 70000
            compare rule 99 10.0.0.1/32 7
            compare rule 98 10.0.0.1/32 7 ! there is no
            undo
            ? rules =
            end
            compare rule 99 10.0.0.1/32 7 ! namespace is gone
        ",
    },
    Rule {
        says: "a route that was taken away comes back, if it leads anywhere",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 up
            set node.20 up
            address pod.10 10.0.0.1/24
            route pod.10 10.9.0.0/16 via 10.0.0.2
            forget
            noroute pod.10 10.9.0.0/16 via 10.0.0.2 lasting
            noroute pod.10 10.0.0.0/24 src 10.0.0.1 scope 253 lasting
            ? routes pod.10 =
            undo
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253; 10.9.0.0/16 via 10.0.0.2 scope 0
            noroute pod.10 10.9.0.0/16 via 10.0.0.2 lasting
            set pod.10 down
            undo
            ? routes pod.10 =
        ",
    },
    Rule {
        says: "a route that was taken away comes back beside one by another link",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=net1 node.21=veth1
            set pod.10 up
            set pod.11 up
            address pod.10 10.0.0.1/24
            address pod.11 10.0.0.1/24
            forget
            noroute pod.10 10.0.0.0/24 src 10.0.0.1 scope 253 lasting
            ? routes pod.10 =
            undo
            ? routes pod.10 = 10.0.0.0/24 src 10.0.0.1 scope 253
            ? routes pod.11 = 10.0.0.0/24 src 10.0.0.1 scope 253
        ",
    },
];
