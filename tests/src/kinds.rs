//! What a kernel may lack: kinds of links, bridges that tell VLANs apart, limits of traffic. Found out by making one where nobody sees it.

use std::process::Command;

/// By name, and what has to work: words of `ip`, or others after `; `, in a namespace of nobody.
const PROBES: [(&str, &[&str]); 9] = [
    ("macvlan", &["link add probe0 type bridge", "link add probe link probe0 type macvlan"]),
    ("ipvlan", &["link add probe0 type veth peer name probe1", "link add probe link probe0 type ipvlan"]),
    ("vlan", &["link add probe0 type bridge", "link add probe link probe0 type vlan id 5"]),
    ("dummy", &["link add probe type dummy"]),
    ("vrf", &["link add probe type vrf table 5"]),
    ("ifb", &["link add probe type ifb"]),
    (
        "limit",
        &["link add probe type bridge", "; tc qdisc add dev probe root tbf rate 1mbit burst 5000 limit 9000"],
    ),
    (
        "redirect",
        &[
            "link add probe type veth peer name probe0",
            "; tc qdisc add dev probe ingress",
            "; tc filter add dev probe parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev probe0",
        ],
    ),
    ("filtering", &["link add probe type bridge vlan_filtering 1"]),
];

/// The names of all that may be lacking.
pub fn all() -> impl Iterator<Item = &'static str> {
    PROBES.iter().map(|(name, _)| *name)
}

/// Whether the kernel lacks it, for whoever may make links.
///
/// # Panics
/// If the name is none, or there is no `unshare`.
pub fn lacks(name: &str) -> bool {
    let (_, lines) = PROBES.iter().find(|(other, _)| *other == name).expect("a name of `all`");
    let command = |line: &&str| line.strip_prefix("; ").map_or_else(|| format!("ip {line}"), str::to_owned);
    let script: Vec<_> = lines.iter().map(command).collect();
    let probe = Command::new("unshare").args(["--net", "sh", "-c", &script.join(" && ")]).output();
    !probe.expect("unshare (util-linux) is needed").status.success()
}
