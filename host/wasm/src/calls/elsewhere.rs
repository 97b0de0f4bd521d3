//! The interfaces `firewall`, `sysctl`, `ipam` and `plugins`: the node's rules and settings, and who else works for the
//! attachment.

use wasmtime::component::Resource;

use super::Stop;
use crate::bindings::{firewall, ipam, plugins, sysctl};
use crate::context::Context;
use crate::node::LinkId;

impl firewall::Host for Context {
    fn masquerade(&mut self, address: String) -> Result<(), Stop> {
        self.ask(|node| node.masquerade(&address))
    }

    fn spoof_check(&mut self, port: Resource<LinkId>, mac: String) -> Result<(), Stop> {
        let port = self.held(&port)?;
        self.ask(|node| node.spoof_check(port, &mac))
    }

    fn map_port(&mut self, mapping: String) -> Result<(), Stop> {
        self.ask(|node| node.map_port(&mapping))
    }
}

impl sysctl::Host for Context {
    fn ensure(&mut self, key: String, value: String) -> Result<(), Stop> {
        self.ask(|node| node.ensure_sysctl(&key, &value))
    }
}

impl ipam::Host for Context {
    fn add(&mut self, config: String) -> Result<String, Stop> {
        self.have_run(|node| node.ipam_add(&config))
    }
}

impl plugins::Host for Context {
    fn add(&mut self, name: String, config: String) -> Result<String, Stop> {
        self.have_run(|node| node.plugin_add(&name, &config))
    }
}
