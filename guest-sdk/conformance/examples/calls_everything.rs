//! A delegate that uses all of the interface there is for one: it calls each function of the host's, in the order of the WIT
//! package, and answers with what it was told; it logs at each level, has work of its own at CHECK and DEL, describes itself,
//! and judges its settings. These can end it after any of the calls.

use multus_guest::firewall::{Disguise, PortMapping, Protocol};
use multus_guest::network::{
    self, Kind, Limit, Limits, Link, LinkInfo, Macvlan, NewLink, PortVlans, Range, Veth, Vrf,
};
use multus_guest::node::{self, Bridge};
use multus_guest::result::{Interface, Route};
use multus_guest::{
    Attachment, CniResult, Complaint, Failure, Plugin, complaint, firewall, ipam, log, plugins, sriov, store,
    sysctl,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Settings {
    /// The number of calls after which it crashes.
    crash_after: Option<u32>,
}

multus_guest::delegate!(add, check = check, del = del);
multus_guest::describe!(
    Settings,
    schema = r#"{"type":"object","properties":{"crashAfter":{"type":["integer","null"],"minimum":0}}}"#,
    validate = valid,
);

/// What a schema can't say.
fn valid(settings: &Settings) -> Vec<Complaint> {
    match settings.crash_after {
        Some(calls) if calls > 1000 => {
            vec![complaint("/crashAfter", format!("{calls} calls are never made: write a smaller number"))]
        }
        _ => Vec::new(),
    }
}

fn add(
    attachment: &Attachment,
    conf: &Plugin,
    prev: Option<&CniResult>,
    settings: &Settings,
) -> Result<Option<CniResult>, Failure> {
    let mut told = Told { left: settings.crash_after, ..Told::default() };
    told.note("attachment", json!([attachment.container_id, attachment.network, attachment.context]));
    told.note("before", json!(prev.map(|result| &result.ips)));
    told.crash_if_due();
    let (inside, port) = links(&mut told)?;
    edit(&mut told, &inside, &port)?;
    routes(&mut told, &inside)?;
    kinds(&mut told, &port)?;
    traffic(&mut told, &inside)?;
    nodes(&mut told, &port)?;
    others(&mut told, conf)?;
    claims(&mut told)?;
    functions(&mut told)?;
    log::debug("for the author");
    log::info("called everything");
    log::warn("for the operator");
    log::error("for the operator, soon");
    let interface = Interface { name: attachment.interface_name.clone(), ..Interface::default() };
    Ok(Some(CniResult { interfaces: vec![interface], other: told.all, ..CniResult::default() }))
}

/// The interfaces of the result have to be links of the sandbox.
fn check(attachment: &Attachment, conf: &Plugin, prev: &CniResult, _: &Settings) -> Result<(), Failure> {
    log::info(&format!("checks {} of {}", attachment.interface_name, kind(conf)));
    let sandbox = network::sandbox()?;
    for interface in &prev.interfaces {
        let failure =
            || Failure::new(115, format!("no link {}", interface.name)).with_details("look at the pod");
        sandbox.find(&interface.name)?.ok_or_else(failure)?;
    }
    Ok(())
}

/// Fails where an ADD never got as far as a result.
fn del(
    attachment: &Attachment,
    conf: &Plugin,
    prev: Option<&CniResult>,
    _: &Settings,
) -> Result<(), Failure> {
    log::info(&format!("takes back {} of {}", attachment.interface_name, kind(conf)));
    prev.map(drop).ok_or_else(|| Failure::new(116, "there was no result"))
}

fn kind(conf: &Plugin) -> &str {
    conf.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// What the host answered.
#[derive(Default)]
struct Told {
    all: Plugin,
    left: Option<u32>,
}

impl Told {
    fn note(&mut self, what: &str, answer: Value) {
        self.all.insert(what.to_owned(), answer);
    }

    /// A call is over.
    fn done<T>(&mut self, answer: Result<T, Failure>) -> Result<T, Failure> {
        self.crash_if_due();
        answer
    }

    fn crash_if_due(&mut self) {
        match &mut self.left {
            Some(0) => std::process::abort(),
            Some(left) => *left -= 1,
            None => {}
        }
    }
}

fn links(told: &mut Told) -> Result<(Link, Link), Failure> {
    let sandbox = told.done(network::sandbox())?;
    let path = Ok(sandbox.path());
    let path = told.done(path)?;
    told.note("path", json!(path));
    let links = told.done(sandbox.links())?;
    told.note("links", json!(links.len()));
    let found = told.done(sandbox.find("lo"))?;
    let missing = told.done(sandbox.find("nothing"))?;
    told.note("found", json!([found.is_some(), missing.is_some()]));
    if let Some(found) = found {
        let info = told.done(found.info())?;
        told.note("info", described(&info));
    }
    let veth = Veth { mtu: Some(1400), mac: None, host_name: Some("veth7".to_owned()) };
    let pair = told.done(veth.create("net1"))?;
    let macvlan = Macvlan { mode: Some("private".to_owned()), ..Macvlan::default() };
    let _macvlan = told.done(macvlan.create(&pair.1, "net3"))?;
    told.done(pair.1.move_to(&sandbox, "net2"))?;
    Ok(pair)
}

fn described(info: &LinkInfo) -> Value {
    json!([info.index, info.name, info.kind, info.mac, info.mtu, info.up, info.addresses])
}

fn edit(told: &mut Told, inside: &Link, port: &Link) -> Result<(), Failure> {
    told.done(port.set_master(inside))?;
    told.done(port.unset_master())?;
    told.done(inside.set_mac("0a:58:0a:01:02:03"))?;
    told.done(inside.set_mtu(1280))?;
    told.done(inside.set_up(true))?;
    told.done(inside.set_promiscuous(false))?;
    told.done(inside.set_all_multicast(true))?;
    told.done(inside.set_tx_queue_length(500))?;
    told.done(port.set_hairpin(true))
}

fn routes(told: &mut Told, inside: &Link) -> Result<(), Failure> {
    told.done(inside.add_address("10.1.2.3/24"))?;
    told.done(inside.remove_address("10.1.2.4/24"))?;
    let route = Route { dst: "10.9.0.0/16".to_owned(), gw: Some("10.1.2.1".to_owned()), ..Route::default() };
    told.done(inside.add_route(&route))?;
    told.done(inside.remove_prefix_route("10.1.2.3/24"))?;
    told.done(inside.add_neighbour("10.1.2.1", "0a:58:0a:01:02:01"))?;
    told.done(inside.settle())?;
    told.done(inside.announce())?;
    told.done(inside.set_sysctl("ipv4/arp_notify", "1"))?;
    told.done(network::set_sysctl("net/ipv4/tcp_syncookies", "0"))
}

fn kinds(told: &mut Told, port: &Link) -> Result<(), Failure> {
    let _vlan = told.done(NewLink::of(Kind::Vlan { id: 100 }).create(Some(port), "net4"))?;
    let _dummy = told.done(NewLink::of(Kind::Dummy).create(None, "net5"))?;
    let (_vrf, table) = told.done(Vrf { table: Some(10) }.ensure("blue"))?;
    told.note("table", json!(table));
    told.done(port.set_isolated(true))?;
    let vlans = PortVlans { native: Some(100), tagged: vec![Range { first: 200, last: 299 }], only: true };
    told.done(port.set_vlans(&vlans))
}

fn traffic(told: &mut Told, inside: &Link) -> Result<(), Failure> {
    let routes = told.done(inside.routes())?;
    told.note("routes", json!(routes));
    told.done(inside.remove_route(&json!({ "dst": "10.9.0.0/16", "gw": "10.1.2.1" })))?;
    let tables = told.done(network::routing_tables())?;
    told.note("tables", json!(tables));
    told.done(network::add_rule("10.1.2.3", 100))?;
    let send = Some(Limit { rate: 8_000_000, burst: 1_000_000 });
    let limits = Limits { send, ..Limits::default() };
    let detour = told.done(inside.limit_bandwidth(&limits))?;
    told.note("detour", json!(detour.is_some()));
    let _loopback = told.done(network::bring_up_loopback())?;
    Ok(())
}

fn nodes(told: &mut Told, port: &Link) -> Result<(), Failure> {
    let host = told.done(node::host())?;
    let path = Ok(host.path());
    let path = told.done(path)?;
    told.note("host", json!(path));
    let bridge = told.done(Bridge { mtu: Some(1500), ..Bridge::default() }.ensure("cni0"))?;
    let _end = told.done(node::ensure_vlan_end(&bridge, 100))?;
    let leaving = told.done(node::default_link())?;
    told.note("leaving", json!(leaving.is_some()));
    let device = told.done(node::find_device("0000:03:02.1"))?;
    told.note("device", json!(device.is_some()));
    told.done(firewall::masquerade("10.1.2.3/24"))?;
    told.done(firewall::spoof_check(port, "0a:58:0a:01:02:03"))?;
    told.done(mapping().make())?;
    told.done(sysctl::ensure("net/ipv4/ip_forward", "1"))
}

fn mapping() -> PortMapping {
    PortMapping {
        protocol: Protocol::Udp,
        host_ip: Some("192.0.2.1".to_owned()),
        host_port: 5353,
        address: "10.1.2.3/24".to_owned(),
        container_port: 53,
        disguise: Disguise::Everybody,
    }
}

fn others(told: &mut Told, conf: &Plugin) -> Result<(), Failure> {
    let leased = told.done(ipam::add(conf))?;
    told.note("leased", json!(leased.ips));
    let limited = told.done(plugins::add("bandwidth", &json!({"type": "bandwidth"})))?;
    told.note("limited", json!(limited.other));
    Ok(())
}

fn claims(told: &mut Told) -> Result<(), Failure> {
    let folder = told.done(store::begin(Some("/var/lib/cni/networks"), "lan"))?;
    let claimed = told.done(folder.claimed())?;
    let owned = told.done(folder.owned())?;
    let claim = told.done(folder.claim("10.1.2.3"))?;
    let reclaimed = told.done(folder.reclaim())?;
    let note = told.done(folder.note("last_reserved_ip.0"))?;
    told.done(folder.set_note("last_reserved_ip.0", "10.1.2.3"))?;
    told.note("claims", json!([claimed, owned, claim, reclaimed, note]));
    Ok(())
}

fn functions(told: &mut Told) -> Result<(), Failure> {
    let function = told.done(sriov::device())?;
    let details = told.done(function.details())?;
    let link = told.done(function.link())?;
    let sriov::Details { address, physical, number, driver, userspace } = details;
    told.note("function", json!([address, physical, number, driver, userspace, link.is_some()]));
    told.done(function.set_mac("0a:58:0a:01:02:03"))?;
    told.done(function.set_vlan(100, 3, "802.1ad"))?;
    told.done(function.set_rate(1, 2))?;
    told.done(function.set_spoof_check(true))?;
    told.done(function.set_trust(false))?;
    told.done(function.set_link_state("auto"))?;
    let other = told.done(sriov::pick("ens1"))?;
    told.done(other.set_driver("vfio-pci"))
}
