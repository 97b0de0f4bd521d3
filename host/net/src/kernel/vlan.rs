//! VLANs of a bridge's port. Their requests are of the bridge's own family, and reach it by its port.

use std::fmt::Display;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{
    AfSpecBridge, BridgeVlanInfo, BridgeVlanInfoFlags, LinkAttribute, LinkExtentMask, LinkMessage,
};
use nix::libc;

use super::link::about;
use super::{Kernel, failed};
use crate::Refused;
use crate::attribute::{attributes, u16_at, u32_at};
use crate::effect::{LinkRef, PortVlans};
use crate::netlink::body;

/// `struct ifinfomsg`.
const HEADER: usize = 16;
/// `IFLA_BRIDGE_VLAN_INFO`.
const VLAN_INFO: u16 = 2;

impl Kernel {
    pub(super) fn add_vlans(
        &self,
        port: &LinkRef,
        vlans: &[PortVlans],
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        check(vlans, tried)?;
        self.change(port.space, libc::RTM_SETLINK, 0, &message(port.index, vlans), tried)
    }

    pub(super) fn delete_vlans(
        &self,
        port: &LinkRef,
        vlans: &[PortVlans],
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        check(vlans, tried)?;
        self.change(port.space, libc::RTM_DELLINK, 0, &message(port.index, vlans), tried)
    }

    /// Of one port the kernel does not tell: all are asked for.
    pub(super) fn vlans_of(&self, port: &LinkRef) -> Result<Vec<PortVlans>, Refused> {
        let tried = format_args!("listing the VLANs of {port}");
        if self.is_gone(port.space) {
            return Ok(Vec::new());
        }
        let mut question = about(0, vec![LinkAttribute::ExtMask(vec![LinkExtentMask::BrvlanCompressed])]);
        question.header.interface_family = AddressFamily::Bridge;
        let all = self.socket(port.space, &tried)?.dump(libc::RTM_GETLINK, &body(&question));
        let all = all.map_err(failed(&tried))?;
        let of_port = all.iter().filter(|(_, body)| u32_at(body, 4) == Some(port.index));
        Ok(of_port.flat_map(|(_, body)| read(body)).collect())
    }
}

/// The kernel goes through them one by one, and would stop at the first that can't be.
fn check(vlans: &[PortVlans], tried: &dyn Display) -> Result<(), Refused> {
    match vlans.iter().find(|vlans| !vlans.is_valid()) {
        Some(wrong) => {
            Err(Refused::because(tried, libc::EINVAL, format!("`{wrong}` are no VLANs of a port")))
        }
        None => Ok(()),
    }
}

fn message(index: u32, vlans: &[PortVlans]) -> LinkMessage {
    let info = vlans.iter().flat_map(ends).map(AfSpecBridge::VlanInfo).collect();
    let mut message = about(index, vec![LinkAttribute::AfSpecBridge(info)]);
    message.header.interface_family = AddressFamily::Bridge;
    message
}

/// One of them by itself, several by the first and the last.
fn ends(vlans: &PortVlans) -> Vec<BridgeVlanInfo> {
    let mut flags = BridgeVlanInfoFlags::empty();
    flags.set(BridgeVlanInfoFlags::Pvid, vlans.native);
    flags.set(BridgeVlanInfoFlags::Untagged, vlans.untagged);
    let end = |vid, more| BridgeVlanInfo { flags: flags | more, vid };
    if vlans.first == vlans.last {
        return vec![end(vlans.first, BridgeVlanInfoFlags::empty())];
    }
    vec![end(vlans.first, BridgeVlanInfoFlags::RangeBegin), end(vlans.last, BridgeVlanInfoFlags::RangeEnd)]
}

/// The VLANs that one `RTM_NEWLINK` of the bridge's family tells of.
fn read(body: &[u8]) -> Vec<PortVlans> {
    let has = |flags: u16, flag: BridgeVlanInfoFlags| flags & flag.bits() != 0;
    let mut found: Vec<PortVlans> = Vec::new();
    let mut begun = None;
    for (_, spec) in
        attributes(body.get(HEADER..).unwrap_or_default()).filter(|(kind, _)| *kind == libc::IFLA_AF_SPEC)
    {
        for (_, info) in attributes(spec).filter(|(kind, _)| *kind == VLAN_INFO) {
            let (Some(flags), Some(id)) = (u16_at(info, 0), u16_at(info, 2)) else { continue };
            if has(flags, BridgeVlanInfoFlags::RangeBegin) {
                begun = Some(id);
                continue;
            }
            found.push(PortVlans {
                first: begun.take().unwrap_or(id),
                last: id,
                native: has(flags, BridgeVlanInfoFlags::Pvid),
                untagged: has(flags, BridgeVlanInfoFlags::Untagged),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `BRIDGE_VLAN_INFO_…` of `linux/if_bridge.h`.
    const PVID_UNTAGGED: u16 = 1 << 1 | 1 << 2;
    const BEGIN: u16 = 1 << 3;
    const END: u16 = 1 << 4;

    /// `IFLA_AF_SPEC` with an `IFLA_BRIDGE_VLAN_INFO` for each of these flags and numbers.
    fn spec(info: &[(u16, u16)]) -> Vec<u8> {
        let one = |(flags, id): &(u16, u16)| {
            [&8_u16.to_ne_bytes()[..], &2_u16.to_ne_bytes(), &flags.to_ne_bytes(), &id.to_ne_bytes()].concat()
        };
        let inner: Vec<u8> = info.iter().flat_map(one).collect();
        let length = u16::try_from(4 + inner.len()).unwrap();
        [&length.to_ne_bytes()[..], &libc::IFLA_AF_SPEC.to_ne_bytes(), &inner].concat()
    }

    #[test]
    fn vlans_are_said_as_bridge_says_them() {
        let vlans = [PortVlans::untagged(100), PortVlans::tagged(200, 299), PortVlans::tagged(7, 7)];
        let sent = body(&message(20, &vlans));
        let (header, said) = sent.split_at(HEADER);
        assert_eq!(header[0], libc::AF_BRIDGE as u8);
        assert_eq!(u32_at(header, 4), Some(20));
        let expected = spec(&[(PVID_UNTAGGED, 100), (BEGIN, 200), (END, 299), (0, 7)]);
        let kind = u16_at(said, 2).unwrap() & 0x3fff;
        assert_eq!((kind, &said[..2], &said[4..]), (libc::IFLA_AF_SPEC, &expected[..2], &expected[4..]));
        assert_eq!(read(&sent), vlans, "and read as they are said");
    }

    #[test]
    fn ranges_of_the_kernel_have_flags_at_both_ends() {
        let told = [&[0; HEADER][..], &spec(&[(4, 1), (BEGIN | 4, 10), (END | 4, 12), (6, 100)])].concat();
        let found: Vec<_> = read(&told).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["1 untagged", "10-12 untagged", "100 pvid untagged"]);
    }

    proptest! {
        #[test]
        fn no_message_stops_the_reader(data in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&data);
        }
    }
}
