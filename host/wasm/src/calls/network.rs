//! The interfaces `network` and `node`: what there is to see.

use wasmtime::component::Resource;

use super::Stop;
use crate::bindings::{network, node};
use crate::context::Context;
use crate::node::{LinkId, Space};

impl network::Host for Context {
    fn sandbox(&mut self) -> Result<Resource<Space>, Stop> {
        self.ask(|node| node.sandbox())?;
        Ok(self.hold(Space::Sandbox)?)
    }
}

impl network::HostNetns for Context {
    fn path(&mut self, at: Resource<Space>) -> wasmtime::Result<String> {
        let at = self.held(&at)?;
        match self.ask(|node| Ok(node.path(at))) {
            Ok(path) => Ok(path),
            // A handle was lent, so there is a node.
            Err(Stop::Failure(failure)) => Err(wasmtime::Error::msg(failure.message)),
            Err(Stop::Trap(error)) => Err(error),
        }
    }

    fn links(&mut self, at: Resource<Space>) -> Result<Vec<Resource<LinkId>>, Stop> {
        let at = self.held(&at)?;
        let links = self.ask(|node| node.links(at))?;
        links.into_iter().map(|link| Ok(self.hold(link)?)).collect()
    }

    fn find(&mut self, at: Resource<Space>, name: String) -> Result<Option<Resource<LinkId>>, Stop> {
        let at = self.held(&at)?;
        let link = self.ask(|node| node.find(at, &name))?;
        Ok(link.map(|link| self.hold(link)).transpose()?)
    }

    fn drop(&mut self, at: Resource<Space>) -> wasmtime::Result<()> {
        self.let_go(at)?;
        Ok(())
    }
}

impl network::HostLink for Context {
    fn info(&mut self, link: Resource<LinkId>) -> Result<network::LinkInfo, Stop> {
        let link = self.held(&link)?;
        let info = self.ask(|node| node.info(link))?;
        Ok(network::LinkInfo {
            index: info.index,
            name: info.name,
            kind: info.kind,
            mac: info.mac,
            mtu: info.mtu,
            up: info.up,
            addresses: info.addresses,
        })
    }

    fn drop(&mut self, link: Resource<LinkId>) -> wasmtime::Result<()> {
        self.let_go(link)?;
        Ok(())
    }
}

impl node::Host for Context {
    fn host(&mut self) -> Result<Resource<Space>, Stop> {
        self.ask(|node| node.host())?;
        Ok(self.hold(Space::Host)?)
    }

    fn ensure_bridge(&mut self, name: String, options: String) -> Result<Resource<LinkId>, Stop> {
        let link = self.ask(|node| node.ensure_bridge(&name, &options))?;
        Ok(self.hold(link)?)
    }

    fn ensure_vlan_end(&mut self, bridge: Resource<LinkId>, vlan: u16) -> Result<Resource<LinkId>, Stop> {
        let bridge = self.held(&bridge)?;
        let link = self.ask(|node| node.ensure_vlan_end(bridge, vlan))?;
        Ok(self.hold(link)?)
    }

    fn default_link(&mut self) -> Result<Option<Resource<LinkId>>, Stop> {
        let link = self.ask(|node| node.default_link())?;
        Ok(link.map(|link| self.hold(link)).transpose()?)
    }

    fn find_device(&mut self, device: String) -> Result<Option<Resource<LinkId>>, Stop> {
        let link = self.ask(|node| node.find_device(&device))?;
        Ok(link.map(|link| self.hold(link)).transpose()?)
    }
}
