//! Rules for packets on the node.

use std::fmt::Display;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Kernel, failed, refused};
use crate::Refused;
use crate::effect::{LinkRef, MacAddr};
use crate::netlink::Socket;
use crate::nft::{self, BRIDGE_PREROUTING, Chain, POSTROUTING};
use crate::undo::Rules;

impl Kernel {
    pub(super) fn masquerade(
        &mut self,
        id: &str,
        address: IpAddr,
        network: IpNet,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let rule = nft::masquerade(address, network);
        nft::add(self.firewall(tried)?, &POSTROUTING, id, rule).map_err(refused(tried))
    }

    pub(super) fn spoof_check(
        &mut self,
        id: &str,
        port: &LinkRef,
        mac: MacAddr,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let rule = nft::spoof_check(port.index, mac);
        nft::add(self.firewall(tried)?, &BRIDGE_PREROUTING, id, rule).map_err(refused(tried))
    }

    pub(super) fn knows_rules(&mut self, rules: Rules, id: &str) -> Result<bool, Refused> {
        let tried = format_args!("looking for the packet rules of {id}");
        nft::has(self.firewall(&tried)?, chain(rules), id).map_err(refused(&tried))
    }

    pub(super) fn delete_rules(&mut self, rules: Rules, ids: &[&str]) -> Result<(), Refused> {
        let tried = format_args!("deleting the packet rules of {}", ids.join(", "));
        nft::delete(self.firewall(&tried)?, chain(rules), ids).map_err(refused(&tried))
    }

    fn firewall(&mut self, tried: &dyn Display) -> Result<&Socket, Refused> {
        let deadline = self.patience();
        let socket = match &mut self.firewall {
            Some(socket) => socket,
            none => none.insert(Socket::netfilter().map_err(failed(tried))?),
        };
        socket.be_patient_until(deadline).map_err(failed(tried))?;
        Ok(socket)
    }
}

fn chain(rules: Rules) -> &'static Chain {
    match rules {
        Rules::Masquerade => &POSTROUTING,
        Rules::SpoofCheck => &BRIDGE_PREROUTING,
    }
}
