//! The host of a component, by the SDK. What a component does not ask is not among its imports.

use std::net::IpAddr;

use ipnet::IpNet;
use multus_guest::firewall::PortMapping;
use multus_guest::network::{self, Limits, Link, LinkInfo, Macvlan, NewLink, PortVlans, Veth, Vrf};
use multus_guest::node::{self, Bridge};
use multus_guest::sriov::{Details, VirtualFunction};
use multus_guest::{CniResult, Plugin, firewall, ipam, sriov, sysctl};
use serde_json::Value;

use crate::Host;
use crate::host::{Answer, FunctionSetting};

/// The one there is.
#[derive(Debug, Clone, Copy)]
pub struct Real;

impl Host for Real {
    type Link = Link;
    type Function = VirtualFunction;

    fn sandbox(&self) -> Answer<String> {
        network::sandbox_path()
    }

    fn info(&self, link: &Link) -> Answer<LinkInfo> {
        link.info()
    }

    fn find_in_sandbox(&self, name: &str) -> Answer<Option<Link>> {
        network::sandbox()?.find(name)
    }

    fn create_veth(&self, name: &str, veth: &Veth) -> Answer<(Link, Link)> {
        veth.create(name)
    }

    fn create_macvlan(&self, parent: &Link, name: &str, macvlan: &Macvlan) -> Answer<Link> {
        macvlan.create(parent, name)
    }

    fn create_link(&self, parent: Option<&Link>, name: &str, link: &NewLink) -> Answer<Link> {
        link.create(parent, name)
    }

    fn ensure_vrf(&self, name: &str, vrf: &Vrf) -> Answer<(Link, u32)> {
        vrf.ensure(name)
    }

    fn move_to_sandbox(&self, link: &Link, name: &str) -> Answer<()> {
        link.move_to(&network::sandbox()?, name)
    }

    fn set_master(&self, link: &Link, master: &Link) -> Answer<()> {
        link.set_master(master)
    }

    fn set_mac(&self, link: &Link, mac: &str) -> Answer<()> {
        link.set_mac(mac)
    }

    fn set_mtu(&self, link: &Link, mtu: u32) -> Answer<()> {
        link.set_mtu(mtu)
    }

    fn set_up(&self, link: &Link) -> Answer<()> {
        link.set_up(true)
    }

    fn set_promiscuous(&self, link: &Link) -> Answer<()> {
        link.set_promiscuous(true)
    }

    fn set_all_multicast(&self, link: &Link, on: bool) -> Answer<()> {
        link.set_all_multicast(on)
    }

    fn set_tx_queue_length(&self, link: &Link, packets: u32) -> Answer<()> {
        link.set_tx_queue_length(packets)
    }

    fn set_hairpin(&self, link: &Link) -> Answer<()> {
        link.set_hairpin(true)
    }

    fn set_isolated(&self, port: &Link) -> Answer<()> {
        port.set_isolated(true)
    }

    fn set_vlans(&self, port: &Link, vlans: &PortVlans) -> Answer<()> {
        port.set_vlans(vlans)
    }

    fn add_address(&self, link: &Link, address: IpNet) -> Answer<()> {
        link.add_address(&address.to_string())
    }

    fn remove_address(&self, link: &Link, address: IpNet) -> Answer<()> {
        link.remove_address(&address.to_string())
    }

    fn add_route(&self, link: &Link, route: &Value) -> Answer<()> {
        link.add_route_json(route)
    }

    fn remove_prefix_route(&self, link: &Link, address: IpNet) -> Answer<()> {
        link.remove_prefix_route(&address.to_string())
    }

    fn settle(&self, link: &Link) -> Answer<()> {
        link.settle()
    }

    fn announce(&self, link: &Link) -> Answer<()> {
        link.announce()
    }

    fn set_sysctl(&self, link: &Link, key: &str, value: &str) -> Answer<()> {
        link.set_sysctl(key, value)
    }

    fn set_sandbox_sysctl(&self, key: &str, value: &str) -> Answer<()> {
        network::set_sysctl(key, value)
    }

    fn routes(&self, link: &Link) -> Answer<Vec<Value>> {
        link.routes()
    }

    fn remove_route(&self, link: &Link, route: &Value) -> Answer<()> {
        link.remove_route(route)
    }

    fn routing_tables(&self) -> Answer<Vec<u32>> {
        network::routing_tables()
    }

    fn add_rule(&self, address: IpAddr, table: u32) -> Answer<()> {
        network::add_rule(&address.to_string(), table)
    }

    fn limit_bandwidth(&self, link: &Link, limits: &Limits) -> Answer<Option<Link>> {
        link.limit_bandwidth(limits)
    }

    fn bring_up_loopback(&self) -> Answer<Link> {
        network::bring_up_loopback()
    }

    fn ensure_bridge(&self, name: &str, bridge: &Bridge) -> Answer<Link> {
        bridge.ensure(name)
    }

    fn ensure_vlan_end(&self, bridge: &Link, vlan: u16) -> Answer<Link> {
        node::ensure_vlan_end(bridge, vlan)
    }

    fn default_link(&self) -> Answer<Option<Link>> {
        node::default_link()
    }

    fn find_on_node(&self, name: &str) -> Answer<Option<Link>> {
        node::host()?.find(name)
    }

    fn links_of_node(&self) -> Answer<Vec<Link>> {
        node::host()?.links()
    }

    fn find_device(&self, device: &str) -> Answer<Option<Link>> {
        node::find_device(device)
    }

    fn masquerade(&self, address: IpNet) -> Answer<()> {
        firewall::masquerade(&address.to_string())
    }

    fn spoof_check(&self, port: &Link, mac: &str) -> Answer<()> {
        firewall::spoof_check(port, mac)
    }

    fn map_port(&self, mapping: &PortMapping) -> Answer<()> {
        mapping.make()
    }

    fn ensure_sysctl(&self, key: &str, value: &str) -> Answer<()> {
        sysctl::ensure(key, value)
    }

    fn ipam(&self, conf: &Plugin) -> Answer<CniResult> {
        ipam::add(conf)
    }

    fn function(&self) -> Answer<VirtualFunction> {
        sriov::device()
    }

    fn pick_function(&self, physical: &str) -> Answer<VirtualFunction> {
        sriov::pick(physical)
    }

    fn function_details(&self, function: &VirtualFunction) -> Answer<Details> {
        function.details()
    }

    fn function_link(&self, function: &VirtualFunction) -> Answer<Option<Link>> {
        function.link()
    }

    fn set_function(&self, function: &VirtualFunction, setting: &FunctionSetting<'_>) -> Answer<()> {
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
