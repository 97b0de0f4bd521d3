//! Permanent entries of a link's neighbour table.

use std::fmt::Display;
use std::net::IpAddr;

use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};
use nix::libc;

use super::{Kernel, failed, refused};
use crate::Refused;
use crate::attribute::{bytes, u16_at, u32_at, value};
use crate::effect::{LinkRef, MacAddr};
use crate::link::ip;
use crate::netlink::body;

/// `struct ndmsg`.
const HEADER: usize = 12;

impl Kernel {
    /// What traffic has told the kernel gives way; a permanent entry does not.
    pub(super) fn add_neighbour(
        &self,
        link: &LinkRef,
        address: IpAddr,
        mac: MacAddr,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let mut message = NeighbourMessage::default();
        message.header.family = address.into();
        message.header.ifindex = link.index;
        message.header.state = NeighbourState::Permanent;
        message.attributes = vec![
            NeighbourAttribute::Destination(address.into()),
            NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()),
        ];
        let body = body(&message);
        let socket = self.socket(link.space, tried)?;
        let add = |how| socket.change(libc::RTM_NEWNEIGH, libc::NLM_F_CREATE | how, &body);
        match add(libc::NLM_F_EXCL) {
            Err(refusal) if refusal.errno() == Some(libc::EEXIST) => {
                if self.neighbours_of(link)?.iter().any(|(known, _)| *known == address) {
                    return Err(refused(tried)(refusal));
                }
                add(libc::NLM_F_REPLACE).map_err(refused(tried))
            }
            done => done.map_err(refused(tried)),
        }
    }

    pub(super) fn neighbours_of(&self, link: &LinkRef) -> Result<Vec<(IpAddr, MacAddr)>, Refused> {
        let tried = format_args!("listing the neighbours on {link}");
        if self.is_gone(link.space) {
            return Ok(Vec::new());
        }
        let mut request = NeighbourMessage::default();
        request.attributes = vec![NeighbourAttribute::IfIndex(link.index)];
        let socket = self.socket(link.space, &tried)?;
        let messages = socket.dump(libc::RTM_GETNEIGH, &body(&request)).map_err(failed(&tried))?;
        Ok(messages.iter().filter_map(|(_, body)| read(body, link.index)).collect())
    }
}

/// One `RTM_NEWNEIGH`, if it is a permanent entry of this link.
fn read(data: &[u8], link: u32) -> Option<(IpAddr, MacAddr)> {
    let [family] = bytes(data, 0)?;
    let permanent = u16_at(data, 8)? & libc::NUD_PERMANENT != 0;
    if u32_at(data, 4)? != link || !permanent {
        return None;
    }
    let find = |wanted| value(data.get(HEADER..)?, wanted);
    Some((ip(family, find(libc::NDA_DST)?)?, MacAddr(find(libc::NDA_LLADDR)?.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..100)) {
            let header = [libc::AF_INET as u8, 0, 0, 0, 7, 0, 0, 0, 0x80, 0, 0, 0];
            let _ = (read(&data, 7), read(&[&header[..], &data].concat(), 7));
        }
    }
}
