//! Names of links.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a link is renamed, up or down, and found by its number",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 name net1
            set pod.10 up
            set pod.10 name net2
            ? pod = lo net2
            set pod.10 name net2
            set pod.1 name loop
            ? pod = loop net2
        ",
    },
    Rule {
        says: "a name is one word of 15 letters at most, and none that settings have",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 name sixteenletters-0 ! ERANGE
            set pod.10 name a/b ! EINVAL
            set pod.10 name a:b ! EINVAL
            set pod.10 name . ! EINVAL
            set pod.10 name .. ! EINVAL
            set pod.10 name à ! EINVAL
            set pod.10 name eth%d ! EINVAL
            set pod.10 name all ! EINVAL
            set pod.10 name default ! EINVAL
            set pod.10 name fifteenletters0
            set pod.10 name a.b-c_d@1
            ? pod = lo a.b-c_d@1
            set pod.10 name ä
            ? pod = lo ä
        ",
    },
    Rule {
        says: "a name is taken by a link's name or alternative name, also by its own",
        script: "
            veth pod.10=eth0 node.20=veth0
            veth pod.11=eth1 node.21=veth1
            set pod.10 also uplink
            set pod.11 name eth0 ! EEXIST
            set pod.11 name uplink ! EEXIST
            set pod.10 name uplink ! EEXIST
            set pod.11 also eth0 ! EEXIST
            set pod.11 also uplink ! EEXIST
            set pod.11 also eth1 ! EEXIST
            set pod.10 also uplink ! EEXIST
            set node.20 also uplink
            bridge node.5=uplink ! EEXIST
            ? pod.10 = eth0 02:00:00:00:00:0a mtu 1500 veth also uplink []
            compare set pod.10 also uplink
            compare set pod.10 also other ! has no alternative name other
        ",
    },
    Rule {
        says: "an alternative name may be long, and odd",
        script: "
            veth pod.10=eth0 node.20=veth0
            set pod.10 also an-alternative-name-that-is-longer-than-any-interface-name-can-be
            set pod.10 also pci-0000:03:02.1/all
            set pod.10 also all
            set pod.10 also aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            set pod.10 also bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ! ERANGE
        ",
    },
];
