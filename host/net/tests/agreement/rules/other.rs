//! Settings, rules for packets, announcements.

use crate::script::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule {
        says: "a setting is a namespace's own",
        script: "
            sysctl pod net/ipv4/ip_forward 1
            ? sysctl pod net/ipv4/ip_forward = 1
            sysctl node net/ipv4/ip_forward 0
            ? sysctl node net/ipv4/ip_forward = 0
            ? sysctl pod net/ipv4/ip_forward = 1
            compare sysctl pod net/ipv4/ip_forward 1
            compare sysctl pod net/ipv4/ip_forward 0 ! is 1
        ",
    },
    Rule {
        says: "a link's settings come and go with it, and with its name",
        script: "
            sysctl pod net/ipv4/conf/default/arp_notify 1
            veth pod.10=eth0 node.20=veth0
            ? sysctl pod net/ipv4/conf/eth0/arp_notify = 1
            sysctl pod net/ipv4/conf/eth0/arp_notify 0
            sysctl pod net/ipv6/conf/eth0/disable_ipv6 0
            set pod.10 name net1
            ? sysctl pod net/ipv4/conf/eth0/arp_notify = ENOENT
            ? sysctl pod net/ipv4/conf/net1/arp_notify = 0
            move pod.10 node net1
            ? sysctl pod net/ipv4/conf/net1/arp_notify = ENOENT
            sysctl node net/ipv4/conf/net1/arp_notify 1
            ? sysctl node net/ipv4/conf/net1/arp_notify = 1
            delete node.20
            ? sysctl node net/ipv4/conf/net1/arp_notify = ENOENT
        ",
    },
    Rule {
        says: "settings that are not there can't be set, and keys stay below `net`",
        script: "
            sysctl pod net/ipv4/nothing 1 ! ENOENT
            sysctl pod net/ipv4/conf/eth0/arp_notify 1 ! ENOENT
            sysctl pod kernel/hostname a ! EINVAL
            sysctl pod net/../kernel/hostname a ! EINVAL
            ? sysctl pod net/ipv4/nothing = ENOENT
            ? sysctl pod kernel/hostname = EINVAL
        ",
    },
    Rule {
        says: "rules have an id each",
        script: "
            bridge node.5=br0
            veth pod.10=eth0 node.20=veth0
            set node.20 master 5
            compare masquerade a 10.0.0.1 10.0.0.0/24 ! there is no
            masquerade a 10.0.0.1 10.0.0.0/24
            masquerade a 10.0.0.1 10.0.0.0/24 ! EEXIST
            masquerade b fd00::1 fd00::/64
            spoof-check a node.20 02:00:00:00:00:0a
            spoof-check a node.20 02:00:00:00:00:0a ! EEXIST
            compare masquerade a 10.0.0.1 10.0.0.0/24
            compare spoof-check a node.20 02:00:00:00:00:0a
            undo
            compare masquerade a 10.0.0.1 10.0.0.0/24 ! there is no
            compare spoof-check a node.20 02:00:00:00:00:0a ! there is no
        ",
    },
    Rule {
        says: "a port of the node leads to one place",
        script: "
            compare map a tcp 0.0.0.0:8080 10.0.0.2:80 neighbours ! there is no
            map a tcp 0.0.0.0:8080 10.0.0.2:80 neighbours
            map a tcp 0.0.0.0:8080 10.0.0.2:80 neighbours ! EEXIST
            map b tcp 0.0.0.0:8080 10.0.0.3:80 nobody ! EADDRINUSE
            map b tcp 10.0.0.1:8080 10.0.0.3:80 nobody ! EADDRINUSE
            map b udp 0.0.0.0:8080 10.0.0.3:80 nobody
            map b sctp 10.0.0.1:8080 10.0.0.3:80 everybody
            map a sctp 10.0.0.1:8080 10.0.0.3:80 everybody ! EADDRINUSE
            map a sctp 0.0.0.0:8080 10.0.0.3:80 everybody ! EADDRINUSE
            map a sctp 10.0.0.2:8080 10.0.0.2:80 everybody
            map a tcp [::]:8080 [fd00::2]:80 neighbours
            map b tcp [fd00::1]:8080 [fd00::3]:80 neighbours ! EADDRINUSE
            compare map a tcp 0.0.0.0:8080 10.0.0.2:80 neighbours
            compare map a tcp 0.0.0.0:8081 10.0.0.2:80 neighbours ! there is no
            undo
            compare map a tcp 0.0.0.0:8080 10.0.0.2:80 neighbours ! there is no
            map b tcp [fd00::1]:8080 [fd00::3]:80 neighbours
        ",
    },
];
