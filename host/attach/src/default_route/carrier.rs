//! Which attachment carries the key, and whether what it says can be true.

use std::net::IpAddr;

use multus_cni::{Code, Error};

use crate::plan::Attachment;

/// The place of the owner and the gateways that it names, if an attachment carries the key.
pub(super) fn owner(attachments: &[Attachment]) -> Option<(usize, &Attachment, &[IpAddr])> {
    let mut carriers = attachments.iter().enumerate();
    carriers.find_map(|(index, attachment)| Some((index, attachment, attachment.default_route.as_deref()?)))
}

/// Refuses what can't come true, before anything is made. Within one annotation a second carrier was refused when
/// it was read; the default network's is another annotation.
///
/// # Errors
/// Code 7: two attachments carry the key, or a gateway is no host's address.
pub(crate) fn check(attachments: &[Attachment]) -> Result<(), Error> {
    let carriers: Vec<&Attachment> =
        attachments.iter().filter(|attachment| attachment.default_route.is_some()).collect();
    if let [first, second, ..] = carriers.as_slice() {
        let message = format!("`default-route` stands on {} and on {}", first.label(), second.label());
        return Err(Error::new(Code::InvalidConfig, message)
            .with_details("a pod has its default routes on one network"));
    }
    let named = owner(attachments)
        .into_iter()
        .flat_map(|(_, owner, gateways)| gateways.iter().map(move |gateway| (owner, gateway)));
    for (owner, gateway) in named {
        if let Some(what) = no_router(gateway) {
            let message = format!("`default-route`: {gateway} is {what}, not a router's address");
            return Err(Error::new(Code::InvalidConfig, message)
                .with_details("name a router on one of the network's subnets")
                .context(&owner.label()));
        }
    }
    Ok(())
}

/// What an address is that no router has.
fn no_router(address: &IpAddr) -> Option<&'static str> {
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    let rows = [
        (address.is_unspecified(), "no address"),
        (address.is_loopback(), "the pod itself"),
        (address.is_multicast() || broadcast, "an address of many"),
        (mapped, "an IPv4 address in the form of IPv6"),
    ];
    rows.into_iter().find(|(is, _)| *is).map(|(_, what)| what)
}
