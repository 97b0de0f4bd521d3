//! The host calls of the components that are shipped, in their order.

use ipnet::IpNet;
use multus_cni::result::{CniResult, Ip};
use multus_net::simulated::Virtual;
use multus_net::{MacAddr, Setting, Vlan};
use multus_wasm::Grants;
use multus_wasm::node::{Answer, Change, FunctionSetting, LinkId, Node, Space};
use serde_json::{Value, json};

use super::super::node::ComponentNode;
use super::Stage;

/// What a component asks for.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) run: fn(&mut ComponentNode, Grants) -> Answer<()>,
}

/// `bridge`, `ptp`, `host-device` and `sriov`, each with `host-local`; links of many kinds; `bridge` with VLANs; a link whose traffic
/// is limited and routed by its source.
pub(crate) const SCRIPTS: [Script; 7] = [
    Script { name: "bridge", run: bridge },
    Script { name: "ptp", run: ptp },
    Script { name: "host-device", run: host_device },
    Script { name: "sriov", run: sriov },
    Script { name: "kinds", run: kinds },
    Script { name: "bridge with VLANs", run: bridge_with_vlans },
    Script { name: "traffic", run: traffic },
];

/// The hardware that `host-device` takes.
pub(crate) const DEVICE: &str = "0000:03:02.1";

/// The card that `sriov` takes a function of.
pub(crate) const CARD: &str = "ens2";

impl Stage {
    /// A card with two functions. Of the first one somebody set what has to come back.
    pub(crate) fn card(&self) {
        let virtuals = [(FUNCTIONS[0], "ens2v0", 0x20), (FUNCTIONS[1], "ens2v1", 0x22)];
        let virtuals = virtuals.map(|(address, name, last)| Virtual { address, name, mac: mac(last) });
        self.node.card(CARD, "0000:04:00.0", mac(0x10), &virtuals).unwrap();
        let first = FUNCTIONS[0].parse().unwrap();
        for setting in [
            Setting::Mac(mac(0x20)),
            Setting::SpoofCheck(false),
            Setting::Vlan(Vlan { id: 7, ..Vlan::default() }),
        ] {
            self.node.set_function(&first, &setting);
        }
    }

    /// What the scripts need.
    pub(crate) fn grants(&self) -> Value {
        json!({ "links": ["cni0", "lab0", "ens1"], "names": ["more*", "blue"], "sriov": [CARD], "defaultRoutes": true,
                "firewall": ["masquerade", "spoof-check", "port-mapping"],
                "sysctls": ["net/ipv4/ip_forward", "net/ipv4/conf/*/arp_notify"] })
    }

    /// What `host-local` needs.
    pub(crate) fn ipam_grants(&self) -> Grants {
        Grants::from_value(&json!({ "store": [self.path("claims")] })).unwrap()
    }
}

/// The gateway of the pods' network.
const GATEWAY: &str = "10.1.0.1";

fn bridge(node: &mut ComponentNode, ipam: Grants) -> Answer<()> {
    node.sandbox()?;
    node.host()?;
    let bridge = node.ensure_bridge("cni0", "{}")?;
    node.change(bridge, Change::Up(true))?;
    let name = node.scene.interface.clone();
    let (pod, port) = node.create_veth(&name, r#"{"mtu": 1400}"#)?;
    node.change(port, Change::Master(Some(bridge)))?;
    node.change(port, Change::Hairpin(true))?;
    let mac = node.info(pod)?.mac;
    node.spoof_check(port, &mac)?;
    node.change(port, Change::Up(true))?;
    let address = host_local(node, ipam)?;
    node.set_sysctl(pod, "ipv4/arp_notify", "1")?;
    up_with(node, pod, &address)?;
    default_route(node, pod)?;
    node.add_address(bridge, &format!("{GATEWAY}/24"))?;
    node.ensure_sysctl("net/ipv4/ip_forward", "1")?;
    node.masquerade(&address)?;
    node.announce(pod)
}

fn ptp(node: &mut ComponentNode, ipam: Grants) -> Answer<()> {
    let name = node.scene.interface.clone();
    let (pod, port) = node.create_veth(&name, "{}")?;
    let address = host_local(node, ipam)?;
    up_with(node, pod, &address)?;
    node.remove_prefix_route(pod, &address)?;
    node.add_route(pod, &json!({ "dst": format!("{GATEWAY}/32"), "scope": 253 }).to_string())?;
    default_route(node, pod)?;
    node.change(port, Change::Up(true))?;
    node.add_address(port, &format!("{GATEWAY}/32"))?;
    let own = address.split('/').next().unwrap_or_default();
    node.add_route(port, &json!({ "dst": format!("{own}/32") }).to_string())?;
    node.ensure_sysctl("net/ipv4/ip_forward", "1")?;
    node.masquerade(&address)?;
    port_of_its_own(node, &address)?;
    node.announce(pod)
}

/// Nobody else's, since the address is nobody else's.
fn port_of_its_own(node: &mut ComponentNode, address: &str) -> Answer<()> {
    let network: IpNet = address.parse().expect("an address");
    let host =
        network.addr().to_string().rsplit('.').next().and_then(|last| last.parse().ok()).unwrap_or(0_u16);
    let mapping = json!({ "protocol": "udp", "hostPort": 8000 + host, "address": address, "containerPort": 53,
                          "disguise": "neighbours" });
    node.map_port(&mapping.to_string())
}

fn host_device(node: &mut ComponentNode, ipam: Grants) -> Answer<()> {
    node.host()?;
    let link = node.find_device(DEVICE)?.expect("the stage has it");
    node.change(link, Change::Up(false)).expect_err("a link of the node is nobody's to change");
    let name = node.scene.interface.clone();
    node.move_link(link, Space::Sandbox, &name)?;
    node.change(link, Change::Mac("02:00:00:00:00:99"))?;
    node.change(link, Change::Mtu(1400))?;
    let address = host_local(node, ipam)?;
    up_with(node, link, &address)?;
    node.add_neighbour(link, GATEWAY, "02:00:00:00:00:01")?;
    node.announce(link)
}

/// A dummy in the place of a parent, whose routes are in a table of their own in the end.
fn kinds(node: &mut ComponentNode, ipam: Grants) -> Answer<()> {
    let name = node.scene.interface.clone();
    let dummy = node.create_link("dummy", None, &name, "{}")?;
    node.change(dummy, Change::Up(true))?;
    node.create_link("vlan", Some(dummy), "more0", r#"{"id": 100}"#)?;
    node.create_link("ipvlan", Some(dummy), "more1", r#"{"mode": "l3"}"#)?;
    let (vrf, table) = node.ensure_vrf("blue", "{}")?;
    node.change(vrf, Change::Up(true))?;
    node.change(dummy, Change::Master(Some(vrf)))?;
    let address = host_local(node, ipam)?;
    node.add_address(dummy, &address)?;
    let route = json!({ "dst": "10.9.0.0/16", "gw": GATEWAY, "table": table });
    node.add_route(dummy, &route.to_string())
}

fn bridge_with_vlans(node: &mut ComponentNode, _: Grants) -> Answer<()> {
    let bridge = node.ensure_bridge("lab0", r#"{"vlans": true}"#)?;
    node.change(bridge, Change::Up(true))?;
    let name = node.scene.interface.clone();
    let (_, port) = node.create_veth(&name, "{}")?;
    node.change(port, Change::Master(Some(bridge)))?;
    node.change(port, Change::Isolated(true))?;
    node.set_port_vlans(port, r#"{"native": 100, "tagged": [{"first": 200, "last": 299}], "only": true}"#)?;
    node.change(port, Change::Up(true))?;
    let end = node.ensure_vlan_end(bridge, 100)?;
    node.set_sysctl(end, "ipv4/arp_notify", "1")
}

fn traffic(node: &mut ComponentNode, ipam: Grants) -> Answer<()> {
    let name = node.scene.interface.clone();
    let (pod, port) = node.create_veth(&name, "{}")?;
    node.change(port, Change::Up(true))?;
    let address = host_local(node, ipam)?;
    up_with(node, pod, &address)?;
    node.limit_bandwidth(
        pod,
        r#"{"receive": {"rate": 8000, "burst": 160000}, "send": {"rate": 8000, "burst": 160000}}"#,
    )?;
    assert!(!node.routing_tables()?.contains(&100));
    node.add_rule(address.split('/').next().unwrap_or_default(), 100)?;
    for route in node.routes(pod)? {
        let mut moved: Value = serde_json::from_str(&route).expect("a route");
        moved["table"] = json!(100);
        node.add_route(pod, &moved.to_string())?;
        node.remove_route(pod, &route)?;
    }
    Ok(())
}

fn sriov(node: &mut ComponentNode, ipam: Grants) -> Answer<()> {
    let function = node.pick_function(CARD)?;
    node.set_function(function, FunctionSetting::Vlan { id: 100, qos: 2, protocol: "802.1ad" })?;
    node.set_function(function, FunctionSetting::Mac("02:00:00:00:00:98"))?;
    node.set_function(function, FunctionSetting::Rate { min: 0, max: 500 })?;
    node.set_function(function, FunctionSetting::SpoofCheck(true))?;
    node.set_function(function, FunctionSetting::Trust(true))?;
    node.set_function(function, FunctionSetting::LinkState("enable"))?;
    let link = node.function_link(function)?.expect("the stage has it");
    let name = node.scene.interface.clone();
    node.move_link(link, Space::Sandbox, &name)?;
    node.change(link, Change::Mtu(1400))?;
    let address = host_local(node, ipam)?;
    up_with(node, link, &address)?;
    node.announce(link)
}

/// One network of a pod gives it its default route.
fn default_route(node: &mut ComponentNode, pod: LinkId) -> Answer<()> {
    if node.scene.interface != "eth0" {
        return Ok(());
    }
    node.add_route(pod, &json!({ "dst": "0.0.0.0/0", "gw": GATEWAY }).to_string())
}

fn up_with(node: &mut ComponentNode, link: LinkId, address: &str) -> Answer<()> {
    node.change(link, Change::Up(true))?;
    node.add_address(link, address)?;
    node.settle(link)
}

/// The nested component claims the first address that is free.
fn host_local(node: &mut ComponentNode, grants: Grants) -> Answer<String> {
    let mut nested = ComponentNode::new(node.hands.clone(), node.scene.clone(), grants, node.part);
    let transaction = nested.begin(None, "red")?;
    nested.reclaim(transaction)?;
    let taken = nested.claimed(transaction)?;
    let address = (2..250).map(|host| format!("10.1.0.{host}")).find(|address| !taken.contains(address));
    let address = address.expect("few pods");
    assert!(nested.claim(transaction, &address)?);
    nested.set_note(transaction, "last_reserved_ip.0", &address)?;
    nested.end(transaction);
    let address = format!("{address}/24");
    offer(node, &address);
    Ok(address)
}

/// What a component is told when IPAM gave it an address.
pub(crate) fn offer(node: &mut ComponentNode, address: &str) {
    let network: IpNet = address.parse().expect("an address of the pods' network, or of another one");
    let gateway = network.hosts().next().map(|first| first.to_string());
    let ip = Ip { address: address.to_owned(), gateway, interface: None };
    node.story.leased(CniResult { ips: vec![ip], ..CniResult::default() });
}

/// The functions of [`CARD`].
pub(crate) const FUNCTIONS: [&str; 2] = ["0000:04:10.0", "0000:04:10.2"];

fn mac(last: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 2, last])
}
