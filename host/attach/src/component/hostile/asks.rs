//! What a component may ask for, of things that are its own, another's, the node's, or nobody's.

use multus_wasm::node::{Answer, Change, LinkId, Node, Space, TransactionId};
use proptest::prelude::*;
use proptest::sample::select;

use super::super::node::ComponentNode;
use super::super::stage::offer;

/// One host call. Numbers of links and transactions are those of handles, whether there are such or not.
#[derive(Debug, Clone)]
pub(super) enum Ask {
    Links(Space),
    Find(Space, &'static str),
    Info(u32),
    Veth(&'static str, &'static str),
    Macvlan(u32, &'static str, &'static str),
    Made(&'static str, Option<u32>, &'static str, &'static str),
    Vrf(&'static str, &'static str),
    Vlans(u32, &'static str),
    Isolated(u32, bool),
    Move(u32, Space, &'static str),
    Master(u32, Option<u32>),
    Mac(u32, &'static str),
    Mtu(u32, u32),
    Up(u32, bool),
    Promiscuous(u32, bool),
    AllMulticast(u32, bool),
    TxQueue(u32, u32),
    Hairpin(u32, bool),
    Address(u32, &'static str),
    NoAddress(u32, &'static str),
    Route(u32, &'static str),
    NoPrefixRoute(u32, &'static str),
    Neighbour(u32, &'static str, &'static str),
    Settle(u32),
    Announce(u32),
    LinkSetting(u32, &'static str, &'static str),
    Bridge(&'static str, &'static str),
    VlanEnd(u32, u16),
    Device(&'static str),
    Masquerade(&'static str),
    SpoofCheck(u32, &'static str),
    MapPort(&'static str),
    Setting(&'static str, &'static str),
    PodSetting(&'static str, &'static str),
    Routes(u32),
    NoRoute(u32, &'static str),
    Tables,
    Rule(&'static str, u32),
    Limit(u32, &'static str),
    Loopback,
    /// Its IPAM gives the member the address that is meant for it.
    Offer,
    Begin(Option<usize>, &'static str),
    Claim(u32, &'static str),
    Reclaim(u32),
    Note(u32, &'static str),
    End(u32),
}

const NAMES: [&str; 17] = [
    "eth0",
    "net1",
    "vlan7",
    "prev0",
    "tun0",
    "ens1",
    "ens2",
    "cni0",
    "cni7",
    "docker0",
    "br-b",
    "vethbystander",
    "lo",
    "bystander0",
    "",
    "../../x",
    "sixteen-letters-",
];
const MACS: [&str; 5] =
    ["02:00:00:00:00:01", "02:00:00:00:00:07", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "zz"];
const ADDRESSES: [&str; 13] = [
    "10.1.0.5/24",
    "10.1.0.6/24",
    "10.1.0.1/24",
    "10.1.0.1/1",
    "0.0.0.0/0",
    "10.2.0.5/24",
    "10.2.0.1/16",
    "192.0.2.5/32",
    "172.17.0.1/16",
    "10.9.9.9/24",
    "fd00::5/64",
    "::/0",
    "here",
];
const ROUTES: [&str; 9] = [
    r#"{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}"#,
    r#"{"dst": "0.0.0.0/1"}"#,
    r#"{"dst": "10.1.0.5/32"}"#,
    r#"{"dst": "10.1.0.6/32"}"#,
    r#"{"dst": "192.0.2.5/32"}"#,
    r#"{"dst": "10.0.0.0/8", "onlink": true, "gw": "10.1.0.1"}"#,
    r#"{"dst": "10.2.0.5/32", "table": 100}"#,
    r#"{"dst": "fd00::5/128"}"#,
    "{}",
];
const OPTIONS: [&str; 8] = [
    "{}",
    r#"{"mtu": 1400}"#,
    r#"{"mtu": 68, "mac": "02:00:00:00:00:07"}"#,
    r#"{"hostName": "vethbystander"}"#,
    r#"{"hostName": "cni7"}"#,
    r#"{"hostName": "ens2"}"#,
    r#"{"hostName": "../x"}"#,
    "[]",
];
const BRIDGES: [&str; 6] = [
    "{}",
    r#"{"vlans": true}"#,
    r#"{"vlans": true, "mtu": 1400}"#,
    r#"{"mtu": 68, "mac": "02:00:00:00:00:07"}"#,
    r#"{"hostName": "cni7"}"#,
    "[]",
];
const MACVLANS: [&str; 5] = [
    "{}",
    r#"{"mode": "passthru"}"#,
    r#"{"mode": "private", "mtu": 1400}"#,
    r#"{"mac": "02:00:00:00:00:07", "mtu": 65000}"#,
    r#"{"mode": "source"}"#,
];
const KINDS: [&str; 4] = ["ipvlan", "vlan", "dummy", "bridge"];
const KIND_OPTIONS: [&str; 7] = [
    "{}",
    r#"{"id": 100}"#,
    r#"{"id": 4095}"#,
    r#"{"mode": "l3"}"#,
    r#"{"mac": "02:00:00:00:00:07", "mtu": 1300}"#,
    r#"{"id": 100, "mac": "02:00:00:00:00:07"}"#,
    "[]",
];
const TABLES: [&str; 4] = ["{}", r#"{"table": 10}"#, r#"{"table": 0}"#, r#"{"name": "x"}"#];
const VLANS: [&str; 5] = [
    "{}",
    r#"{"native": 100, "only": true}"#,
    r#"{"tagged": [{"first": 200, "last": 299}]}"#,
    r#"{"native": 4095}"#,
    r#"{"tagged": [{"first": 9, "last": 2}]}"#,
];
const MAPPINGS: [&str; 10] = [
    r#"{"protocol": "tcp", "hostIP": "10.1.0.5", "hostPort": 83, "address": "10.9.9.9/24", "containerPort": 80, "disguise": "nobody"}"#,
    r#"{"protocol": "tcp", "hostPort": 80, "address": "10.1.0.5/24", "containerPort": 80, "disguise": "nobody"}"#,
    r#"{"protocol": "udp", "hostIP": "10.1.0.6", "hostPort": 53, "address": "10.1.0.5/24", "containerPort": 53, "disguise": "everybody"}"#,
    r#"{"protocol": "tcp", "hostPort": 80, "address": "10.1.0.6/24", "containerPort": 80, "disguise": "neighbours"}"#,
    r#"{"protocol": "tcp", "hostIP": "10.1.0.5", "hostPort": 81, "address": "10.1.0.6/24", "containerPort": 80, "disguise": "nobody"}"#,
    r#"{"protocol": "tcp", "hostPort": 82, "address": "192.0.2.5/32", "containerPort": 80, "disguise": "neighbours"}"#,
    r#"{"protocol": "tcp", "hostPort": 82, "address": "10.2.0.5/24", "containerPort": 80, "disguise": "neighbours"}"#,
    r#"{"protocol": "sctp", "hostIP": "10.1.0.5", "hostPort": 80, "address": "fd00::5/64", "containerPort": 80, "disguise": "nobody"}"#,
    r#"{"protocol": "tcp", "hostPort": 0, "address": "10.1.0.5/24", "containerPort": 80, "disguise": "nobody"}"#,
    r#"{"protocol": "icmp", "hostPort": 80}"#,
];
const THERE: [&str; 5] = [
    r#"{"dst": "10.9.9.0/24", "src": "10.9.9.9", "scope": 253}"#,
    r#"{"dst": "10.1.0.0/24", "src": "10.1.0.5", "scope": 253}"#,
    r#"{"dst": "0.0.0.0/0", "gw": "10.1.0.1", "scope": 0}"#,
    r#"{"dst": "10.1.0.9/32"}"#,
    "{}",
];
const SOURCES: [&str; 6] = ["10.1.0.5", "10.1.0.6", "10.2.0.5", "10.9.9.9", "192.0.2.5", "here"];
const LIMITS: [&str; 8] = [
    r#"{"receive": {"rate": 8000000, "burst": 1000000}}"#,
    r#"{"receive": {"rate": 8000000, "burst": 1000000}, "send": {"rate": 16000000, "burst": 800000}}"#,
    r#"{"receive": {"rate": 8000000, "burst": 1000000}, "apart": {"subnets": ["10.0.0.0/8"], "limited": true}}"#,
    r#"{"send": {"rate": 8000000, "burst": 1000000}, "apart": {"subnets": [], "limited": false}}"#,
    r#"{"send": {"rate": 0, "burst": 1000000}}"#,
    r#"{"send": {"rate": 8000000, "burst": 1}}"#,
    "{}",
    "[]",
];
const LINK_SETTINGS: [&str; 5] =
    ["ipv4/arp_notify", "ipv4/forwarding", "ipv6/accept_ra", "ipv4/../../ipv4/ip_forward", "arp_notify"];
const SETTINGS: [&str; 5] = [
    "net/ipv4/ip_forward",
    "net/ipv4/conf/docker0/arp_notify",
    "net/ipv4/conf/all/forwarding",
    "kernel/core_pattern",
    "../../etc/passwd",
];
const POD_SETTINGS: [&str; 10] = [
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/arp_notify",
    "net/ipv4/conf/default/arp_notify",
    "net/ipv4/conf/eth0/arp_notify",
    "net/ipv4/conf/lo/arp_notify",
    "net/ipv4/conf/net1/arp_notify",
    "net/ipv4/conf/prev0/arp_notify",
    "net/ipv4/conf/tun0/arp_notify",
    "net/ipv6/bindv6only",
    "net/../kernel/core_pattern",
];
const DEVICES: [&str; 4] = ["0000:03:02.1", "0000:03:02.2", "../../x", ""];
const NETWORKS: [&str; 5] = ["red", "blue", "../claims-0", "", "lock"];
const KEYS: [&str; 8] =
    ["10.1.0.5", "10.1.0.6", "10.1.0.9", "lock", "last_reserved_ip.0", "../red/10.1.0.9", "", ".hidden"];
const NOTES: [&str; 4] = ["last_reserved_ip.0", "10.1.0.9", "lock", "../x"];

fn space() -> impl Strategy<Value = Space> {
    select(&[Space::Sandbox, Space::Host])
}

fn handle() -> impl Strategy<Value = u32> {
    prop_oneof![9 => 0_u32..9, 1 => any::<u32>()]
}

pub(super) fn ask() -> impl Strategy<Value = Ask> {
    let links = prop_oneof![
        2 => space().prop_map(Ask::Links),
        2 => (space(), select(&NAMES)).prop_map(|(space, name)| Ask::Find(space, name)),
        1 => handle().prop_map(Ask::Info),
        4 => (select(&NAMES), select(&OPTIONS)).prop_map(|(name, options)| Ask::Veth(name, options)),
        3 => (handle(), select(&NAMES), select(&MACVLANS))
            .prop_map(|(parent, name, options)| Ask::Macvlan(parent, name, options)),
        3 => (select(&KINDS), prop::option::of(handle()), select(&NAMES), select(&KIND_OPTIONS))
            .prop_map(|(kind, parent, name, options)| Ask::Made(kind, parent, name, options)),
        2 => (select(&NAMES), select(&TABLES)).prop_map(|(name, options)| Ask::Vrf(name, options)),
        3 => (handle(), space(), select(&NAMES)).prop_map(|(link, to, name)| Ask::Move(link, to, name)),
        3 => (select(&NAMES), select(&BRIDGES)).prop_map(|(name, options)| Ask::Bridge(name, options)),
        3 => (handle(), select(&[0, 7, 100, 4095])).prop_map(|(bridge, vlan)| Ask::VlanEnd(bridge, vlan)),
        1 => select(&DEVICES).prop_map(Ask::Device),
    ];
    let properties = prop_oneof![
        (handle(), prop::option::of(handle())).prop_map(|(link, master)| Ask::Master(link, master)),
        (handle(), select(&MACS)).prop_map(|(link, mac)| Ask::Mac(link, mac)),
        (handle(), select(&[60, 68, 1300, 9000, u32::MAX])).prop_map(|(link, mtu)| Ask::Mtu(link, mtu)),
        (handle(), any::<bool>()).prop_map(|(link, up)| Ask::Up(link, up)),
        (handle(), any::<bool>()).prop_map(|(link, on)| Ask::Promiscuous(link, on)),
        (handle(), any::<bool>()).prop_map(|(link, on)| Ask::AllMulticast(link, on)),
        (handle(), select(&[0, 500, 1000, u32::MAX])).prop_map(|(link, packets)| Ask::TxQueue(link, packets)),
        (handle(), any::<bool>()).prop_map(|(link, on)| Ask::Hairpin(link, on)),
        (handle(), any::<bool>()).prop_map(|(link, on)| Ask::Isolated(link, on)),
        (handle(), select(&VLANS)).prop_map(|(link, vlans)| Ask::Vlans(link, vlans)),
        (handle(), select(&LINK_SETTINGS), select(&["0", "1", ""]))
            .prop_map(|(link, key, value)| Ask::LinkSetting(link, key, value)),
    ];
    let addresses = prop_oneof![
        2 => Just(Ask::Offer),
        4 => (handle(), select(&ADDRESSES)).prop_map(|(link, address)| Ask::Address(link, address)),
        2 => (handle(), select(&ADDRESSES)).prop_map(|(link, address)| Ask::NoAddress(link, address)),
        3 => (handle(), select(&ROUTES)).prop_map(|(link, route)| Ask::Route(link, route)),
        1 => (handle(), select(&ADDRESSES)).prop_map(|(link, address)| Ask::NoPrefixRoute(link, address)),
        1 => (handle(), select(&["10.1.0.9", "fd00::9", "x"]), select(&MACS))
            .prop_map(|(link, address, mac)| Ask::Neighbour(link, address, mac)),
        1 => handle().prop_map(Ask::Routes),
        2 => (handle(), select(&THERE)).prop_map(|(link, route)| Ask::NoRoute(link, route)),
        1 => Just(Ask::Tables),
        2 => (select(&SOURCES), select(&[0, 100, 254, 300])).prop_map(|(from, table)| Ask::Rule(from, table)),
        1 => handle().prop_map(Ask::Settle),
        1 => handle().prop_map(Ask::Announce),
    ];
    let rules = prop_oneof![
        select(&ADDRESSES).prop_map(Ask::Masquerade),
        (handle(), select(&MACS)).prop_map(|(port, mac)| Ask::SpoofCheck(port, mac)),
        select(&MAPPINGS).prop_map(Ask::MapPort),
        (handle(), select(&LIMITS)).prop_map(|(link, limits)| Ask::Limit(link, limits)),
        Just(Ask::Loopback),
        (select(&SETTINGS), select(&["0", "1"])).prop_map(|(key, value)| Ask::Setting(key, value)),
        (select(&POD_SETTINGS), select(&["0", "1"])).prop_map(|(key, value)| Ask::PodSetting(key, value)),
    ];
    let claims = prop_oneof![
        2 => (prop::option::of(0_usize..4), select(&NETWORKS)).prop_map(|(at, network)| Ask::Begin(at, network)),
        3 => (0_u32..4, select(&KEYS)).prop_map(|(transaction, key)| Ask::Claim(transaction, key)),
        1 => (0_u32..4).prop_map(Ask::Reclaim),
        1 => (0_u32..4, select(&NOTES)).prop_map(|(transaction, name)| Ask::Note(transaction, name)),
        1 => (0_u32..4).prop_map(Ask::End),
    ];
    prop_oneof![4 => links, 3 => properties, 4 => addresses, 2 => rules, 2 => claims]
}

impl Ask {
    /// Makes the host call. `offered` is what IPAM gives the member, `folders` are those that are there.
    pub(super) fn put(&self, node: &mut ComponentNode, offered: &str, folders: &[String]) -> Answer<()> {
        let link = |number: &u32| LinkId(*number);
        let transaction = |number: &u32| TransactionId(*number);
        match self {
            Self::Links(space) => node.links(*space).map(drop),
            Self::Find(space, name) => node.find(*space, name).map(drop),
            Self::Info(it) => node.info(link(it)).map(drop),
            Self::Veth(name, options) => node.create_veth(name, options).map(drop),
            Self::Macvlan(parent, name, options) => {
                node.create_macvlan(link(parent), name, options).map(drop)
            }
            Self::Made(kind, parent, name, options) => {
                node.create_link(kind, parent.map(LinkId), name, options).map(drop)
            }
            Self::Vrf(name, options) => node.ensure_vrf(name, options).map(drop),
            Self::Vlans(it, vlans) => node.set_port_vlans(link(it), vlans),
            Self::Isolated(it, on) => node.change(link(it), Change::Isolated(*on)),
            Self::Move(it, to, name) => node.move_link(link(it), *to, name),
            Self::Master(it, master) => node.change(link(it), Change::Master(master.map(LinkId))),
            Self::Mac(it, mac) => node.change(link(it), Change::Mac(mac)),
            Self::Mtu(it, mtu) => node.change(link(it), Change::Mtu(*mtu)),
            Self::Up(it, up) => node.change(link(it), Change::Up(*up)),
            Self::Promiscuous(it, on) => node.change(link(it), Change::Promiscuous(*on)),
            Self::AllMulticast(it, on) => node.change(link(it), Change::AllMulticast(*on)),
            Self::TxQueue(it, packets) => node.change(link(it), Change::TxQueueLength(*packets)),
            Self::Hairpin(it, on) => node.change(link(it), Change::Hairpin(*on)),
            Self::Address(it, address) => node.add_address(link(it), address),
            Self::NoAddress(it, address) => node.remove_address(link(it), address),
            Self::Route(it, route) => node.add_route(link(it), route),
            Self::NoPrefixRoute(it, address) => node.remove_prefix_route(link(it), address),
            Self::Neighbour(it, address, mac) => node.add_neighbour(link(it), address, mac),
            Self::Settle(it) => node.settle(link(it)),
            Self::Announce(it) => node.announce(link(it)),
            Self::LinkSetting(it, key, value) => node.set_sysctl(link(it), key, value),
            Self::Bridge(name, options) => node.ensure_bridge(name, options).map(drop),
            Self::VlanEnd(bridge, vlan) => node.ensure_vlan_end(link(bridge), *vlan).map(drop),
            Self::Device(device) => node.find_device(device).map(drop),
            Self::Masquerade(address) => node.masquerade(address),
            Self::SpoofCheck(port, mac) => node.spoof_check(link(port), mac),
            Self::MapPort(mapping) => node.map_port(mapping),
            Self::Setting(key, value) => node.ensure_sysctl(key, value),
            Self::PodSetting(key, value) => node.set_sandbox_sysctl(key, value),
            Self::Routes(it) => node.routes(link(it)).map(drop),
            Self::NoRoute(it, route) => node.remove_route(link(it), route),
            Self::Tables => node.routing_tables().map(drop),
            Self::Rule(address, table) => node.add_rule(address, *table),
            Self::Limit(it, limits) => node.limit_bandwidth(link(it), limits).map(drop),
            Self::Loopback => node.bring_up_loopback().map(drop),
            Self::Offer => {
                offer(node, offered);
                Ok(())
            }
            Self::Begin(at, network) => {
                let folder = at.and_then(|at| folders.get(at)).map(String::as_str);
                node.begin(folder, network).map(drop)
            }
            Self::Claim(it, key) => node.claim(transaction(it), key).map(drop),
            Self::Reclaim(it) => node.reclaim(transaction(it)).map(drop),
            Self::Note(it, name) => node.set_note(transaction(it), name, "10.1.0.5"),
            Self::End(it) => {
                node.end(transaction(it));
                Ok(())
            }
        }
    }
}
