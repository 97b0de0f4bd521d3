//! What a delegate may ask of the host.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::firewall::PortMapping;
use multus_guest::network::{self, Limits, Link, LinkInfo, Macvlan, NewLink, PortVlans, Veth, Vrf};
use multus_guest::node::{self, Bridge};
use multus_guest::sriov::{Details, VirtualFunction};
use multus_guest::{CniResult, Failure, Plugin, firewall, ipam, log, sriov, sysctl};
use serde_json::Value;

/// What a host call answers.
pub type Answer<T> = Result<T, Failure>;

/// The host's interfaces `network`, `network-edit`, `node`, `firewall`, `sysctl`, `ipam` and `sriov`, as far as the shipped
/// delegates use them: the SDK's functions, where they are described, with addresses that are some. Every one of them may
/// refuse. Natively they are those of a fixture; what a component does not ask is not among its imports.
#[derive(Debug, Clone, Copy)]
pub struct Host;

#[allow(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::unused_self,
    reason = "described in the SDK, function by function; whoever has the host may ask it"
)]
impl Host {
    /// How results name the pod's namespace.
    pub fn sandbox(self) -> Answer<String> {
        network::sandbox_path()
    }

    pub fn info(self, link: &Link) -> Answer<LinkInfo> {
        link.info()
    }

    pub fn find_in_sandbox(self, name: &str) -> Answer<Option<Link>> {
        network::sandbox()?.find(name)
    }

    /// The pod's end, and the node's.
    pub fn create_veth(self, name: &str, veth: &Veth) -> Answer<(Link, Link)> {
        veth.create(name)
    }

    pub fn create_macvlan(self, parent: &Link, name: &str, macvlan: &Macvlan) -> Answer<Link> {
        macvlan.create(parent, name)
    }

    pub fn create_link(self, parent: Option<&Link>, name: &str, link: &NewLink) -> Answer<Link> {
        link.create(parent, name)
    }

    /// With the number of its table.
    pub fn ensure_vrf(self, name: &str, vrf: &Vrf) -> Answer<(Link, u32)> {
        vrf.ensure(name)
    }

    pub fn move_to_sandbox(self, link: &Link, name: &str) -> Answer<()> {
        link.move_to(&network::sandbox()?, name)
    }

    pub fn set_master(self, link: &Link, master: &Link) -> Answer<()> {
        link.set_master(master)
    }

    pub fn set_mac(self, link: &Link, mac: &str) -> Answer<()> {
        link.set_mac(mac)
    }

    pub fn set_mtu(self, link: &Link, mtu: u32) -> Answer<()> {
        link.set_mtu(mtu)
    }

    pub fn set_up(self, link: &Link) -> Answer<()> {
        link.set_up(true)
    }

    pub fn set_promiscuous(self, link: &Link) -> Answer<()> {
        link.set_promiscuous(true)
    }

    pub fn set_all_multicast(self, link: &Link, on: bool) -> Answer<()> {
        link.set_all_multicast(on)
    }

    pub fn set_tx_queue_length(self, link: &Link, packets: u32) -> Answer<()> {
        link.set_tx_queue_length(packets)
    }

    pub fn set_hairpin(self, link: &Link) -> Answer<()> {
        link.set_hairpin(true)
    }

    pub fn set_isolated(self, port: &Link) -> Answer<()> {
        port.set_isolated(true)
    }

    pub fn set_vlans(self, port: &Link, vlans: &PortVlans) -> Answer<()> {
        port.set_vlans(vlans)
    }

    pub fn add_address(self, link: &Link, address: IpNet) -> Answer<()> {
        link.add_address(&address.to_string())
    }

    pub fn remove_address(self, link: &Link, address: IpNet) -> Answer<()> {
        link.remove_address(&address.to_string())
    }

    /// A route as the SDK's, or with `src` besides.
    pub fn add_route(self, link: &Link, route: &Value) -> Answer<()> {
        link.add_route_json(route)
    }

    pub fn remove_prefix_route(self, link: &Link, address: IpNet) -> Answer<()> {
        link.remove_prefix_route(&address.to_string())
    }

    pub fn settle(self, link: &Link) -> Answer<()> {
        link.settle()
    }

    pub fn announce(self, link: &Link) -> Answer<()> {
        link.announce()
    }

    pub fn set_sysctl(self, link: &Link, key: &str, value: &str) -> Answer<()> {
        link.set_sysctl(key, value)
    }

    pub fn set_sandbox_sysctl(self, key: &str, value: &str) -> Answer<()> {
        network::set_sysctl(key, value)
    }

    pub fn routes(self, link: &Link) -> Answer<Vec<Value>> {
        link.routes()
    }

    pub fn remove_route(self, link: &Link, route: &Value) -> Answer<()> {
        link.remove_route(route)
    }

    pub fn routing_tables(self) -> Answer<Vec<u32>> {
        network::routing_tables()
    }

    pub fn add_rule(self, address: IpAddr, table: u32) -> Answer<()> {
        network::add_rule(&address.to_string(), table)
    }

    pub fn limit_bandwidth(self, link: &Link, limits: &Limits) -> Answer<Option<Link>> {
        link.limit_bandwidth(limits)
    }

    pub fn bring_up_loopback(self) -> Answer<Link> {
        network::bring_up_loopback()
    }

    pub fn ensure_bridge(self, name: &str, bridge: &Bridge) -> Answer<Link> {
        bridge.ensure(name)
    }

    pub fn ensure_vlan_end(self, bridge: &Link, vlan: u16) -> Answer<Link> {
        node::ensure_vlan_end(bridge, vlan)
    }

    pub fn default_link(self) -> Answer<Option<Link>> {
        node::default_link()
    }

    pub fn find_on_node(self, name: &str) -> Answer<Option<Link>> {
        node::host()?.find(name)
    }

    pub fn links_of_node(self) -> Answer<Vec<Link>> {
        node::host()?.links()
    }

    pub fn find_device(self, device: &str) -> Answer<Option<Link>> {
        node::find_device(device)
    }

    pub fn masquerade(self, address: IpNet) -> Answer<()> {
        firewall::masquerade(&address.to_string())
    }

    pub fn spoof_check(self, port: &Link, mac: &str) -> Answer<()> {
        firewall::spoof_check(port, mac)
    }

    pub fn map_port(self, mapping: &PortMapping) -> Answer<()> {
        mapping.make()
    }

    pub fn ensure_sysctl(self, key: &str, value: &str) -> Answer<()> {
        sysctl::ensure(key, value)
    }

    pub fn ipam(self, conf: &Plugin) -> Answer<CniResult> {
        ipam::add(conf)
    }

    /// The virtual function that the conf names.
    pub fn function(self) -> Answer<VirtualFunction> {
        sriov::device()
    }

    pub fn pick_function(self, physical: &str) -> Answer<VirtualFunction> {
        sriov::pick(physical)
    }

    pub fn function_details(self, function: &VirtualFunction) -> Answer<Details> {
        function.details()
    }

    pub fn function_link(self, function: &VirtualFunction) -> Answer<Option<Link>> {
        function.link()
    }

    pub fn set_function(self, function: &VirtualFunction, setting: &FunctionSetting<'_>) -> Answer<()> {
        match *setting {
            FunctionSetting::Mac(mac) => function.set_mac(mac),
            FunctionSetting::Vlan { id, qos, protocol } => function.set_vlan(id, qos, protocol),
            FunctionSetting::Rate { min, max } => function.set_rate(min, max),
            FunctionSetting::SpoofCheck(on) => function.set_spoof_check(on),
            FunctionSetting::Trust(on) => function.set_trust(on),
            FunctionSetting::LinkState(state) => function.set_link_state(state),
            FunctionSetting::Driver(driver) => function.set_driver(driver),
        }
    }
}

/// A setting of a virtual function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionSetting<'a> {
    /// Its hardware address.
    Mac(&'a str),
    /// The tag of its frames.
    Vlan {
        /// 0 for none.
        id: u16,
        /// Priority.
        qos: u8,
        /// `802.1q` or `802.1ad`.
        protocol: &'a str,
    },
    /// How fast it may send, in Mbit/s.
    Rate {
        /// At least.
        min: u32,
        /// At most.
        max: u32,
    },
    /// Drops frames from other addresses.
    SpoofCheck(bool),
    /// May change its address.
    Trust(bool),
    /// `auto`, `enable`, `disable`.
    LinkState(&'a str),
    /// Leaves it to programs.
    Driver(&'a str),
}

/// A setting of a link that not every kernel has: without IPv6, say. A grant that is missing is the operator's to add.
///
/// # Errors
/// Code 7: the setting is not granted.
pub fn set_if_there(host: Host, link: &Link, key: &str, value: &str) -> Answer<()> {
    match host.set_sysctl(link, key, value) {
        Err(failure) if failure.code != 7 => {
            log::debug(&format!("{key} stays as it is: {}", failure.message));
            Ok(())
        }
        outcome => outcome,
    }
}
