//! Rules for packets on the node.

use std::fmt::Display;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Kernel, failed, refused};
use crate::Refused;
use crate::effect::{LinkRef, MacAddr};
use crate::netlink::Socket;
use crate::nft::{self, Place};
use crate::undo::Rules;

impl Kernel {
    pub(super) fn masquerade(
        &mut self,
        id: &str,
        address: IpAddr,
        network: IpNet,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let socket = self.firewall(tried)?;
        nft::add(socket, &Place::source(address), id, || nft::masquerade(network)).map_err(refused(tried))
    }

    pub(super) fn spoof_check(
        &mut self,
        id: &str,
        port: &LinkRef,
        mac: MacAddr,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let socket = self.firewall(tried)?;
        nft::add(socket, &Place::port(port.index), id, || nft::spoof_check(mac)).map_err(refused(tried))
    }

    pub(super) fn knows_rules(&mut self, rules: Rules<'_>) -> Result<bool, Refused> {
        let tried = format_args!("looking for the packet rules of {}", rules.id());
        nft::has(self.firewall(&tried)?, &place(&rules), rules.id()).map_err(refused(&tried))
    }

    pub(super) fn delete_rules(&mut self, rules: &[Rules<'_>]) -> Result<(), Refused> {
        let mut ids: Vec<_> = rules.iter().map(Rules::id).collect();
        ids.dedup();
        let tried = format_args!("deleting the packet rules of {}", ids.join(", "));
        let doomed: Vec<_> = rules.iter().map(|rules| (place(rules), rules.id())).collect();
        nft::delete(self.firewall(&tried)?, &doomed).map_err(refused(&tried))
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

fn place(rules: &Rules<'_>) -> Place {
    match rules {
        Rules::Masquerade { address, .. } => Place::source(*address),
        Rules::SpoofCheck { port, .. } => Place::port(*port),
    }
}
