//! The delegates of `examples/demo`, for whoever plays it: the demo itself and the tests of its files.

use crate::Module;

/// What each of them is granted.
const DELEGATES: [(&str, &[&str]); 4] = [
    (
        "bridge",
        &[
            "links=demo*",
            "defaultRoutes=true",
            "firewall=masquerade",
            "firewall=spoof-check",
            "sysctls=net/ipv4/ip_forward",
            "sysctls=net/ipv4/conf/*/arp_notify",
            "sysctls=net/ipv6/conf/*/accept_ra",
            "sysctls=net/ipv6/conf/*/accept_dad",
            "ipam=host-local",
            "ipam=static",
        ],
    ),
    (
        "ptp",
        &[
            "firewall=masquerade",
            "sysctls=net/ipv4/ip_forward",
            "sysctls=net/ipv6/conf/*/accept_ra",
            "ipam=host-local",
        ],
    ),
    ("host-local", &["store=/run/demo/leases"]),
    ("static", &[]),
];

/// They do all that the demo's networks need but `tuning`, which stays a binary.
pub fn demo_delegates() -> Vec<Module> {
    DELEGATES.iter().map(|(name, grants)| Module::delegate(name, grants)).collect()
}
