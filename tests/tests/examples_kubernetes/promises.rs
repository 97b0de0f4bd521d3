//! What each file promises its pod.

use super::DATA0;

/// What a pod gets.
pub(crate) struct Example {
    pub(crate) file: &'static str,
    /// The address of `eth0`.
    pub(crate) cluster: &'static str,
    /// The link that the file is about.
    pub(crate) link: &'static str,
    /// Words of one line each, of the pod's namespace (`netns <pod>: `) or of the node's.
    pub(crate) pod: &'static [&'static [&'static str]],
    pub(crate) node: &'static [&'static [&'static str]],
    /// The gateways of its default routes, and by which interface.
    pub(crate) way_out: (&'static str, &'static str),
    /// Addresses in the status.
    pub(crate) addresses: &'static [&'static str],
    /// Settings of the pod's namespace, below `/proc/sys`.
    pub(crate) sysctls: &'static [(&'static str, &'static str)],
}

/// The first address of the cluster's network.
const CLUSTER: &str = "10.80.0.2/16";

pub(crate) const EXAMPLES: [Example; 13] = [
    Example {
        file: "bridge",
        cluster: CLUSTER,
        link: "net1",
        pod: &[
            &["address 10.81.0.7/24 dev net1"],
            &["link net1 kind veth", "address 0a:58:0a:51:00:07", "UP"],
        ],
        node: &[&["link br-storage kind bridge", "UP"], &["kind veth", "master br-storage", "UP"]],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.81.0.7"],
        sysctls: &[],
    },
    Example {
        file: "chained",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["address 10.84.0.2/24 dev net1"], &["link net1 kind veth", "UP"]],
        node: &[&["link br-chained kind bridge"], &["kind veth", "master br-chained", "UP"]],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.84.0.2"],
        sysctls: &[("net/ipv4/conf/net1/arp_filter", "1")],
    },
    Example {
        file: "default-network",
        cluster: "10.89.0.5/24",
        link: "eth0",
        pod: &[
            &["address 10.89.0.5/24 dev eth0"],
            &["link eth0 kind veth", "address 0a:58:0a:59:00:05", "UP"],
        ],
        node: &[&["link br-default kind bridge"], &["address 10.89.0.1/24 dev br-default"]],
        way_out: ("10.89.0.1", "eth0"),
        addresses: &["10.89.0.5"],
        sysctls: &[],
    },
    Example {
        file: "default-route",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["address 10.85.0.2/24 dev net1"], &["link net1 kind veth", "UP"]],
        node: &[&["link br-way-out kind bridge"], &["address 10.85.0.1/24 dev br-way-out"]],
        way_out: ("10.85.0.1", "net1"),
        addresses: &["10.85.0.2"],
        sysctls: &[],
    },
    Example {
        file: "host-device",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["link net1 kind veth", DATA0, "UP"]],
        node: &[],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &[],
        sysctls: &[],
    },
    Example {
        file: "ipvlan-vrf",
        cluster: CLUSTER,
        link: "net1",
        pod: &[
            &["address 10.90.0.2/24 dev net1"],
            &["link net1 kind ipvlan", "master storage", "UP"],
            &["link storage kind vrf", "UP"],
        ],
        node: &[],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.90.0.2"],
        sysctls: &[],
    },
    Example {
        file: "limited",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["address 10.87.0.2/24 dev net1"], &["link net1 kind veth", "UP"]],
        node: &[
            &["link br-limited kind bridge"],
            &["packet rule", "sandbox net1 tcp/8081/1"],
            &["link bwp", "kind ifb", "UP"],
        ],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.87.0.2"],
        sysctls: &[],
    },
    Example {
        file: "macvlan",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["address 10.82.0.2/24 dev net1"], &["link net1 kind macvlan", "UP"]],
        node: &[],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.82.0.2"],
        sysctls: &[],
    },
    Example {
        file: "macvlan-tuned",
        cluster: CLUSTER,
        link: "net1",
        pod: &[
            &["address 10.88.0.11/24 dev net1"],
            &["link net1 kind macvlan", "address 0a:58:0a:58:00:0b", "mtu 1400", "ALLMULTI", "UP"],
        ],
        node: &[],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.88.0.11"],
        sysctls: &[],
    },
    Example {
        file: "ports",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["address 10.86.0.2/24 dev net1"], &["link net1 kind veth", "UP"]],
        node: &[&["link br-ports kind bridge"], &["packet rule", "sandbox net1 tcp/8080/1"]],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.86.0.2"],
        sysctls: &[],
    },
    Example {
        file: "ptp-ports",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["address 10.94.0.2/24 dev net1"], &["link net1 kind veth", "UP"]],
        node: &[&["address 10.94.0.1/32 dev"], &["packet rule", "sandbox net1 tcp/8082/1"]],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.94.0.2"],
        sysctls: &[],
    },
    Example {
        file: "ptp-tuned",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["address 10.93.0.2/24 dev net1"], &["link net1 kind veth", "mtu 512", "UP"]],
        node: &[
            &["address 10.93.0.1/32 dev"],
            &["link", "kind veth", "mtu 512"],
            &["packet rule", "10.93.0.2"],
        ],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.93.0.2"],
        sysctls: &[("net/core/somaxconn", "500")],
    },
    Example {
        file: "vlan-gateway",
        cluster: CLUSTER,
        link: "net1",
        pod: &[&["address 10.92.0.2/24 dev net1"], &["link net1 kind veth", "UP"]],
        node: &[
            &["link br-vlans kind bridge"],
            &["address 10.92.0.1/24 dev br-vlans.100"],
            &["link br-vlans.100 kind veth", "UP"],
        ],
        way_out: ("10.80.0.1", "eth0"),
        addresses: &["10.92.0.2"],
        sysctls: &[],
    },
];

pub(crate) fn example(file: &str) -> &'static Example {
    EXAMPLES.iter().find(|example| example.file == file).unwrap()
}
