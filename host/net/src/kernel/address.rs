//! Addresses of links.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::Instant;

use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use nix::libc;

use super::{Kernel, failed, gone_is_good, refused};
use crate::Refused;
use crate::effect::{LinkRef, Space};
use crate::link::{self, Address};
use crate::netlink::body;

/// Smaller IPv4 networks have no broadcast address.
const LONGEST_WITH_BROADCAST: u8 = 30;

fn message(link: &LinkRef, address: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = address.addr().into();
    message.header.prefix_len = address.prefix_len();
    message.header.index = link.index;
    message.attributes =
        vec![AddressAttribute::Local(address.addr()), AddressAttribute::Address(address.addr())];
    message
}

impl Kernel {
    pub(super) fn add_address(
        &self,
        link: &LinkRef,
        address: IpNet,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mut message = message(link, address);
        if let IpNet::V4(address) = address
            && address.prefix_len() <= LONGEST_WITH_BROADCAST
        {
            message.attributes.push(AddressAttribute::Broadcast(address.broadcast()));
        }
        if link.space == Space::Host {
            // The node's end is a gateway, which nobody else is: pods would wait for it for two seconds.
            message.header.flags |= AddressHeaderFlags::Nodad;
        }
        let socket = self.socket(link.space, tried)?;
        let new = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        socket.change(libc::RTM_NEWADDR, new, &body(&message)).map_err(refused(tried))
    }

    /// One that is not there is as good.
    pub(super) fn delete_address(
        &self,
        link: &LinkRef,
        address: IpNet,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        if self.is_gone(link.space) {
            return Ok(());
        }
        let socket = self.socket(link.space, tried)?;
        let done = socket.change(libc::RTM_DELADDR, 0, &body(&message(link, address)));
        gone_is_good(done).map_err(refused(tried))
    }

    /// Waits until no IPv6 address of a link is being looked for elsewhere on it any more (RFC 4862, 5.4). An optimistic
    /// one (RFC 4429), where the node's settings allow them, can be used while it is.
    pub(super) fn wait_for_addresses(
        &self,
        link: &LinkRef,
        deadline: Instant,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let socket = self.socket(link.space, tried)?;
        let addresses = || link::addresses(socket, libc::AF_INET6, link.index).map_err(failed(tried));
        if tentative(&addresses()?, tried)?.is_none() {
            return Ok(());
        }
        socket.listen(libc::RTNLGRP_IPV6_IFADDR, true).map_err(failed(tried))?;
        let settled = loop {
            // It is looked for after the first words can be heard, so that none is missed.
            let waiting = match addresses().and_then(|addresses| tentative(&addresses, tried)) {
                Ok(Some(waiting)) => waiting,
                settled => break settled.map(|_| ()),
            };
            match socket.hear(deadline) {
                Ok(true) => {}
                Ok(false) => {
                    let said = format!("{waiting} is still tentative; are the link and its other end up?");
                    break Err(Refused::because(tried, libc::ETIMEDOUT, said));
                }
                Err(error) => break Err(failed(tried)(error)),
            }
        };
        // What is heard between other answers is passed over.
        let _ = socket.listen(libc::RTNLGRP_IPV6_IFADDR, false);
        settled
    }
}

/// One that can't be used yet.
fn tentative(addresses: &[Address], tried: &dyn Display) -> Result<Option<IpAddr>, Refused> {
    let has = |address: &&Address, flag| address.flags & flag != 0;
    if let Some(taken) = addresses.iter().find(|address| has(address, libc::IFA_F_DADFAILED)) {
        let said =
            format!("somebody else on the link has {} (duplicate address detection)", taken.net.addr());
        return Err(Refused::because(tried, libc::EADDRINUSE, said));
    }
    let waiting =
        |address: &&Address| has(address, libc::IFA_F_TENTATIVE) && !has(address, libc::IFA_F_OPTIMISTIC);
    Ok(addresses.iter().find(waiting).map(|address| address.net.addr()))
}
