//! The interface `network-edit`: changes to links.

use wasmtime::component::Resource;

use super::Stop;
use crate::bindings::network_edit;
use crate::context::Context;
use crate::node::{Change, LinkId, Space};

type Link = Resource<LinkId>;

impl Context {
    fn change(&mut self, link: &Link, change: Change<'_>) -> Result<(), Stop> {
        let link = self.held(link)?;
        self.ask(|node| node.change(link, change))
    }
}

impl network_edit::Host for Context {
    fn create_veth(&mut self, name: String, options: String) -> Result<(Link, Link), Stop> {
        let (inside, outside) = self.ask(|node| node.create_veth(&name, &options))?;
        Ok((self.hold(inside)?, self.hold(outside)?))
    }

    fn create_macvlan(&mut self, parent: Link, name: String, options: String) -> Result<Link, Stop> {
        let parent = self.held(&parent)?;
        let link = self.ask(|node| node.create_macvlan(parent, &name, &options))?;
        Ok(self.hold(link)?)
    }

    fn move_link(&mut self, link: Link, to: Resource<Space>, name: String) -> Result<(), Stop> {
        let (link, to) = (self.held(&link)?, self.held(&to)?);
        self.ask(|node| node.move_link(link, to, &name))
    }

    fn set_master(&mut self, link: Link, master: Option<Link>) -> Result<(), Stop> {
        let master = master.map(|master| self.held(&master)).transpose()?;
        self.change(&link, Change::Master(master))
    }

    fn set_mac(&mut self, link: Link, mac: String) -> Result<(), Stop> {
        self.change(&link, Change::Mac(&mac))
    }

    fn set_mtu(&mut self, link: Link, mtu: u32) -> Result<(), Stop> {
        self.change(&link, Change::Mtu(mtu))
    }

    fn set_up(&mut self, link: Link, up: bool) -> Result<(), Stop> {
        self.change(&link, Change::Up(up))
    }

    fn set_promiscuous(&mut self, link: Link, on: bool) -> Result<(), Stop> {
        self.change(&link, Change::Promiscuous(on))
    }

    fn set_all_multicast(&mut self, link: Link, on: bool) -> Result<(), Stop> {
        self.change(&link, Change::AllMulticast(on))
    }

    fn set_tx_queue_length(&mut self, link: Link, packets: u32) -> Result<(), Stop> {
        self.change(&link, Change::TxQueueLength(packets))
    }

    fn set_hairpin(&mut self, link: Link, on: bool) -> Result<(), Stop> {
        self.change(&link, Change::Hairpin(on))
    }

    fn add_address(&mut self, link: Link, address: String) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.add_address(link, &address))
    }

    fn remove_address(&mut self, link: Link, address: String) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.remove_address(link, &address))
    }

    fn add_route(&mut self, link: Link, route: String) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.add_route(link, &route))
    }

    fn remove_prefix_route(&mut self, link: Link, address: String) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.remove_prefix_route(link, &address))
    }

    fn add_neighbour(&mut self, link: Link, address: String, mac: String) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.add_neighbour(link, &address, &mac))
    }

    fn settle(&mut self, link: Link) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.settle(link))
    }

    fn announce(&mut self, link: Link) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.announce(link))
    }

    fn set_sysctl(&mut self, link: Link, key: String, value: String) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.set_sysctl(link, &key, &value))
    }

    fn set_sandbox_sysctl(&mut self, key: String, value: String) -> Result<(), Stop> {
        self.ask(|node| node.set_sandbox_sysctl(&key, &value))
    }

    fn create_link(
        &mut self,
        kind: String,
        parent: Option<Link>,
        name: String,
        options: String,
    ) -> Result<Link, Stop> {
        let parent = parent.map(|parent| self.held(&parent)).transpose()?;
        let link = self.ask(|node| node.create_link(&kind, parent, &name, &options))?;
        Ok(self.hold(link)?)
    }

    fn ensure_vrf(&mut self, name: String, options: String) -> Result<(Link, u32), Stop> {
        let (link, table) = self.ask(|node| node.ensure_vrf(&name, &options))?;
        Ok((self.hold(link)?, table))
    }

    fn set_isolated(&mut self, port: Link, on: bool) -> Result<(), Stop> {
        self.change(&port, Change::Isolated(on))
    }

    fn set_port_vlans(&mut self, port: Link, vlans: String) -> Result<(), Stop> {
        let port = self.held(&port)?;
        self.ask(|node| node.set_port_vlans(port, &vlans))
    }

    fn routes(&mut self, link: Link) -> Result<Vec<String>, Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.routes(link))
    }

    fn remove_route(&mut self, link: Link, route: String) -> Result<(), Stop> {
        let link = self.held(&link)?;
        self.ask(|node| node.remove_route(link, &route))
    }

    fn routing_tables(&mut self) -> Result<Vec<u32>, Stop> {
        self.ask(|node| node.routing_tables())
    }

    fn add_rule(&mut self, address: String, table: u32) -> Result<(), Stop> {
        self.ask(|node| node.add_rule(&address, table))
    }

    fn limit_bandwidth(&mut self, link: Link, limits: String) -> Result<Option<Link>, Stop> {
        let link = self.held(&link)?;
        let detour = self.ask(|node| node.limit_bandwidth(link, &limits))?;
        Ok(detour.map(|detour| self.hold(detour)).transpose()?)
    }

    fn bring_up_loopback(&mut self) -> Result<Link, Stop> {
        let link = self.ask(|node| node.bring_up_loopback())?;
        Ok(self.hold(link)?)
    }
}
