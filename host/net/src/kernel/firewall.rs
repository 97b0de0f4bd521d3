//! Rules for packets on the node.

use std::fmt::Display;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Kernel, failed, refused};
use crate::Refused;
use crate::effect::{HostPort, LinkRef, MacAddr, PortMapping};
use crate::flow;
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

    /// What goes on since before is forgotten, or it would go on the way that it had.
    pub(super) fn map_port(
        &mut self,
        id: &str,
        mapping: &PortMapping,
        tried: &dyn Display,
    ) -> Result<(), Refused> {
        let socket = self.firewall(tried)?;
        nft::map_port(socket, id, mapping).map_err(refused(tried))?;
        flow::forget(socket, &[mapping.from]).map_err(|refusal| {
            let doomed: Vec<_> = nft::places_of(mapping).into_iter().map(|place| (place, id)).collect();
            let undone = nft::delete(socket, &doomed).err();
            let undone = undone.map(|other| format!("; its rules stay: {other}")).unwrap_or_default();
            let said = format!("the flows to it can't be forgotten: {refusal}{undone}");
            Refused { said, ..Refused::refusal(tried, &refusal) }
        })
    }

    pub(super) fn knows_rules(&mut self, rules: Rules<'_>) -> Result<bool, Refused> {
        let tried = format_args!("looking for the packet rules of {}", rules.id());
        let socket = self.firewall(&tried)?;
        let there = places(&rules).into_iter().map(|place| nft::has(socket, &place, rules.id()));
        let there = there.collect::<Result<Vec<_>, _>>().map_err(refused(&tried))?;
        Ok(there.into_iter().all(|there| there))
    }

    pub(super) fn delete_rules(&mut self, rules: &[Rules<'_>]) -> Result<(), Refused> {
        let mut ids: Vec<_> = rules.iter().map(Rules::id).collect();
        ids.dedup();
        let tried = format_args!("deleting the packet rules of {}", ids.join(", "));
        let doomed: Vec<_> = rules.iter().flat_map(doomed).collect();
        let ports: Vec<_> = rules.iter().filter_map(mapped).collect();
        let socket = self.firewall(&tried)?;
        nft::delete(socket, &doomed).and_then(|()| flow::forget(socket, &ports)).map_err(refused(&tried))
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

fn places(rules: &Rules<'_>) -> Vec<Place> {
    match rules {
        Rules::Masquerade { address, .. } => vec![Place::source(*address)],
        Rules::SpoofCheck { port, .. } => vec![Place::port(*port)],
        Rules::PortMapping { mapping, .. } => nft::places_of(mapping),
    }
}

fn doomed<'a>(rules: &Rules<'a>) -> Vec<(Place, &'a str)> {
    places(rules).into_iter().map(|place| (place, rules.id())).collect()
}

fn mapped(rules: &Rules<'_>) -> Option<HostPort> {
    match rules {
        Rules::PortMapping { mapping, .. } => Some(mapping.from),
        Rules::Masquerade { .. } | Rules::SpoofCheck { .. } => None,
    }
}
