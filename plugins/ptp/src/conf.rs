//! The conf.

use std::net::IpAddr;

use multus_guest::result::Dns;
use multus_guest::{Failure, Plugin};
use multus_guest_cni::conf::invalid;
use multus_guest_cni::result::Lease;
use multus_guest_cni::{Conf, pod, result};

/// What a conf asks for.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) mtu: Option<u32>,
    pub(crate) masquerade: bool,
    pub(crate) ipam: &'a str,
    pub(crate) dns: Dns,
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(plugin: &'a Plugin) -> Result<Self, Failure> {
        let conf = Conf::of(plugin);
        let ipam = pod::ipam_type(&conf)?;
        Ok(Self {
            mtu: conf.at("mtu")?.number()?,
            masquerade: pod::wants_masquerade(&conf)?,
            ipam: ipam
                .ok_or_else(|| invalid("the conf needs `ipam.type`: who gives the pod its addresses"))?,
            dns: result::dns(&conf.at("dns")?)?,
        })
    }
}

/// The gateways of all addresses, in order.
pub(crate) fn gateways(leases: &[Lease]) -> Result<Vec<IpAddr>, Failure> {
    let gateway = |lease: &Lease| {
        let missing = || {
            Failure::from(format!(
                "IPAM gave {} without a gateway, and all that the pod sends goes by one: name a `gateway` in the `ipam`",
                lease.address
            ))
        };
        let same_family = lease.gateway.filter(|gateway| gateway.is_ipv6() == lease.is_v6());
        same_family.ok_or_else(missing)
    };
    leases.iter().map(gateway).collect()
}
