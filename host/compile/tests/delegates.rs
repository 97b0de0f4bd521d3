//! Delegates that use the interface as it is meant: what they ask is what the node hears, and what it answers is what
//! they are told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
mod support;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use multus_compile::{InstallError, NewModule, needed_grants};
use multus_wasm::{Delegated, Digest, Fault, Level, ModuleError, Role};
use serde_json::{Map, Value, json};
use support::recording::RecordingNode;
use support::{Node, attachment, component};

const CONF: &str = r#"{"type":"all","ipam":{"type":"static"}}"#;
const BEFORE: &str = r#"{"cniVersion":"1.1.0","interfaces":[{"name":"net1","sandbox":"/run/netns/a"}],"ips":[{"address":"10.1.2.3/24"}],"dns":{}}"#;

/// What the component asks, call by call.
const CALLS: [&str; 68] = [
    "network.sandbox",
    "network.path Sandbox",
    "network.links Sandbox",
    "network.find Sandbox lo",
    "network.find Sandbox nothing",
    "network.info 0",
    r#"network-edit.create-veth net1 {"mtu":1400,"hostName":"veth7"}"#,
    r#"network-edit.create-macvlan 11 net3 {"mode":"private"}"#,
    "network-edit.move-link 11 Sandbox net2",
    "network-edit.set-master 11 Some(10)",
    "network-edit.set-master 11 None",
    "network-edit.set-mac 10 0a:58:0a:01:02:03",
    "network-edit.set-mtu 10 1280",
    "network-edit.set-up 10 true",
    "network-edit.set-promiscuous 10 false",
    "network-edit.set-all-multicast 10 true",
    "network-edit.set-tx-queue-length 10 500",
    "network-edit.set-hairpin 11 true",
    "network-edit.add-address 10 10.1.2.3/24",
    "network-edit.remove-address 10 10.1.2.4/24",
    r#"network-edit.add-route 10 {"dst":"10.9.0.0/16","gw":"10.1.2.1"}"#,
    "network-edit.remove-prefix-route 10 10.1.2.3/24",
    "network-edit.add-neighbour 10 10.1.2.1 0a:58:0a:01:02:01",
    "network-edit.settle 10",
    "network-edit.announce 10",
    "network-edit.set-sysctl 10 ipv4/arp_notify 1",
    "network-edit.set-sandbox-sysctl net/ipv4/tcp_syncookies 0",
    r#"network-edit.create-link vlan Some(11) net4 {"id":100}"#,
    "network-edit.create-link dummy None net5 {}",
    r#"network-edit.ensure-vrf blue {"table":10}"#,
    "network-edit.set-isolated 11 true",
    r#"network-edit.set-port-vlans 11 {"native":100,"tagged":[{"first":200,"last":299}],"only":true}"#,
    "network-edit.routes 10",
    r#"network-edit.remove-route 10 {"dst":"10.9.0.0/16","gw":"10.1.2.1"}"#,
    "network-edit.routing-tables",
    "network-edit.add-rule 10.1.2.3 100",
    r#"network-edit.limit-bandwidth 10 {"send":{"rate":8000000,"burst":1000000}}"#,
    "network-edit.bring-up-loopback",
    "node.host",
    "network.path Host",
    r#"node.ensure-bridge cni0 {"mtu":1500}"#,
    "node.ensure-vlan-end 20 100",
    "node.default-link",
    "node.find-device 0000:03:02.1",
    "firewall.masquerade 10.1.2.3/24",
    "firewall.spoof-check 11 0a:58:0a:01:02:03",
    r#"firewall.map-port {"protocol":"udp","hostIP":"192.0.2.1","hostPort":5353,"address":"10.1.2.3/24","containerPort":53,"disguise":"everybody"}"#,
    "sysctl.ensure net/ipv4/ip_forward 1",
    r#"ipam.add {"type":"all","ipam":{"type":"static"}}"#,
    r#"plugins.add bandwidth {"type":"bandwidth"}"#,
    r#"store.begin Some("/var/lib/cni/networks") lan"#,
    "store.claimed",
    "store.owned",
    "store.claim 10.1.2.3",
    "store.reclaim",
    "store.note last_reserved_ip.0",
    "store.set-note last_reserved_ip.0 10.1.2.3",
    "sriov.device",
    "sriov.info 0",
    "sriov.link 0",
    "sriov.set-mac 0 0a:58:0a:01:02:03",
    "sriov.set-vlan 0 100 3 802.1ad",
    "sriov.set-rate 0 1 2",
    "sriov.set-spoof-check 0 true",
    "sriov.set-trust 0 false",
    "sriov.set-link-state 0 auto",
    "sriov.pick ens1",
    "sriov.set-driver 1 vfio-pci",
];

fn all_grants() -> Value {
    json!({
        "links": ["cni*"], "firewall": ["masquerade", "spoof-check", "port-mapping"], "sysctls": ["net/ipv4/ip_forward"],
        "ipam": ["static"], "plugins": ["bandwidth"], "store": ["/var/lib/cni/networks"],
        "sriov": ["ens1"],
    })
}

fn everything() -> Node {
    let members = json!({"grants": all_grants(), "limits": {"timeout": "5s"}});
    Node::with("all", Role::Delegate, &component("calls_everything"), &members)
}

fn run(node: &Node, seen: &Rc<RefCell<RecordingNode>>) -> Result<Delegated, ModuleError> {
    node.sandbox().delegate("all", &attachment(), CONF, Some(BEFORE), seen.clone())
}

#[test]
fn the_node_hears_each_call_and_the_module_each_answer() {
    let (node, seen) = (everything(), RecordingNode::shared());
    let done = run(&node, &seen).unwrap();
    assert_eq!(seen.borrow().asked(), CALLS);
    let ended = seen.borrow().calls.iter().filter(|call| *call == "store.end 1").count();
    assert_eq!(ended, 1, "the handle was dropped, once");
    let told: Value = serde_json::from_str(&done.result.unwrap()).unwrap();
    let expected = json!({
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "net1"}],
        "dns": {},
        "attachment": ["c1", "blue/storage", "{}"],
        "before": [{"address": "10.1.2.3/24"}],
        "path": "/run/netns/a",
        "links": 3,
        "table": 10,
        "routes": [{"dst": "10.9.0.0/16", "gw": "10.1.2.1"}],
        "tables": [10, 254],
        "detour": true,
        "found": [true, false],
        "info": [7, "lo", "veth", "0a:58:0a:01:02:03", 65536, true, ["127.0.0.1/8", "::1/128"]],
        "host": "",
        "device": true,
        "leaving": true,
        "leased": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}],
        "limited": {"limited": true},
        "claims": [["10.1.2.2", "10.1.2.9"], [], true, 2, null],
        "function": ["0000:03:02.1", "ens1", 3, "iavf", false, true],
    });
    assert_eq!(told, expected);
    let said: Vec<(Level, &str)> = done.log.iter().map(|line| (line.level, line.message.as_str())).collect();
    let expected = [
        (Level::Debug, "for the author"),
        (Level::Info, "called everything"),
        (Level::Warn, "for the operator"),
        (Level::Error, "for the operator, soon"),
    ];
    assert_eq!(said, expected);
}

#[test]
fn the_same_module_is_asked_at_check_and_del() {
    let (node, seen) = (everything(), RecordingNode::shared());
    let sandbox = node.sandbox();
    assert!(sandbox.ready("all").unwrap().lifecycle);
    let there = BEFORE.replace("\"net1\"", "\"lo\"");
    let log = sandbox.lifecycle_check("all", &attachment(), CONF, &there, seen.clone()).unwrap();
    assert_eq!(log[0].message, "checks net1 of all");
    assert_eq!(seen.borrow().asked(), ["network.sandbox", "network.find Sandbox lo"]);
    let absent = BEFORE.replace("\"net1\"", "\"nothing\"");
    let error = sandbox.lifecycle_check("all", &attachment(), CONF, &absent, seen.clone()).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (115, "module all: no link nothing; look at the pod")
    );
    let log = sandbox.lifecycle_del("all", &attachment(), CONF, Some(BEFORE), seen.clone()).unwrap();
    assert_eq!(log[0].message, "takes back net1 of all");
    let error = sandbox.lifecycle_del("all", &attachment(), CONF, None, seen).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (116, "module all: there was no result"));
}

/// Whoever adds a function to the package adds it to the component and the double as well.
#[test]
fn no_function_of_the_interface_is_left_out() {
    let mut resolve = wit_parser::Resolve::default();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/wit");
    let (package, _) = resolve.push_dir(folder).unwrap();
    let world = resolve.select_world(&[package], Some("delegate-module")).unwrap();
    let called: BTreeSet<&str> = CALLS.iter().map(|call| call.split(' ').next().unwrap()).collect();
    let mut functions = BTreeSet::new();
    for item in resolve.worlds[world].imports.values() {
        let wit_parser::WorldItem::Interface { id, .. } = item else { continue };
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().unwrap();
        let short = |function: &str| format!("{name}.{}", function.rsplit('.').next().unwrap());
        functions.extend(interface.functions.keys().map(|function| short(function)));
    }
    functions.remove("log.log");
    assert_eq!(called, functions.iter().map(String::as_str).collect());
}

#[test]
fn what_the_node_refuses_is_the_modules_failure() {
    let node = everything();
    for (index, call) in CALLS.iter().enumerate().filter(|(_, call)| !call.starts_with("network.path")) {
        let seen = RecordingNode::shared();
        seen.borrow_mut().refuses = Some(index);
        let error = run(&node, &seen).unwrap_err();
        let function = call.split(' ').next().unwrap();
        assert_eq!(error.to_string(), format!("module all: RecordingNode refuses {function}; as arranged"));
        assert_eq!(error.code(), 11);
        assert_eq!(seen.borrow().asked(), CALLS[..=index], "nothing after the refusal");
        assert!(seen.borrow().open.is_empty(), "{call}");
    }
}

#[test]
fn a_crash_at_any_call_leaves_a_node_that_knows_what_was_done() {
    let node = everything();
    for calls in 0..=CALLS.len() {
        node.edit("all", &json!({"settings": {"crashAfter": calls}}));
        let seen = RecordingNode::shared();
        let error = run(&node, &seen).unwrap_err();
        assert!(matches!(*error.fault, Fault::Trap { .. }), "{calls}: {error}");
        let seen = Rc::try_unwrap(seen).ok().expect("nobody else has the node any more").into_inner();
        assert_eq!(seen.asked(), CALLS[..calls]);
        assert!(seen.open.is_empty(), "{calls}: a folder stays locked");
    }
}

#[test]
fn what_was_not_granted_refuses_the_module_and_is_named() {
    let rows = [
        ("links", "node"),
        ("firewall", "firewall"),
        ("sysctls", "sysctl"),
        ("ipam", "ipam"),
        ("plugins", "plugins"),
        ("store", "store"),
        ("sriov", "sriov"),
    ];
    let node = everything();
    for (grant, interface) in rows {
        let mut grants = all_grants();
        grants[grant] = json!([]);
        node.edit("all", &json!({"grants": grants}));
        let seen = RecordingNode::shared();
        let error = run(&node, &seen).unwrap_err();
        let expected = format!(
            "module all: it imports multus:delegate/{interface}@0.1.0, which takes the grant `{grant}`: add to \
             `grants` in the catalog what it may have"
        );
        assert_eq!((error.to_string(), error.code()), (expected, 7));
        assert_eq!(node.sandbox().ready("all").unwrap_err().to_string(), error.to_string());
        let errors = node.installation.compile_all().unwrap_err();
        assert_eq!(errors[0].to_string(), error.to_string(), "installing says the same");
        assert!(seen.borrow().calls.is_empty());
    }
}

#[test]
fn a_component_tells_what_it_needs_without_running() {
    let all = ["links", "firewall", "sysctls", "ipam", "plugins", "store", "sriov"];
    let rows: [(&str, &[&str]); 4] =
        [("calls_everything", &all), ("looks_at_links", &[]), ("hostile_delegate", &["store"]), ("mtu", &[])];
    for (name, needed) in rows {
        assert_eq!(needed_grants(&component(name)).unwrap(), needed, "{name}");
    }
    assert!(needed_grants(b"no component").is_err());

    let node = Node::new();
    let bytes = component("calls_everything");
    let module = NewModule { name: "all", role: Role::Delegate, component: &bytes, entry: &Map::new() };
    let error = node.installation.add(&module).unwrap_err();
    assert!(matches!(error, InstallError::Ungranted { .. }), "{error}");
    assert!(all.iter().all(|grant| error.to_string().contains(&format!("the grant `{grant}`"))), "{error}");
    assert!(!node.installation.catalog.exists(), "nothing was installed");
}

#[test]
fn what_is_not_called_is_not_imported() {
    let decoded = wit_component::decode(&component("looks_at_links")).unwrap();
    let wit_component::DecodedWasm::Component(resolve, world) = decoded else { panic!("a WIT package") };
    let imports: Vec<String> =
        resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key)).collect();
    let expected = ["types", "network", "log"].map(|name| format!("multus:delegate/{name}@0.1.0"));
    assert_eq!(imports.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
}

#[test]
fn a_delegate_may_leave_the_result_to_the_host() {
    let node = Node::with("look", Role::Delegate, &component("looks_at_links"), &json!({}));
    let seen = RecordingNode::shared();
    let sandbox = node.sandbox();
    assert!(sandbox.is_delegate("look") && !sandbox.is_delegate("bridge"));
    let ready = sandbox.ready("look").unwrap();
    assert_eq!((ready.digest, ready.lifecycle), (Digest::of(&component("looks_at_links")), false));
    let done = sandbox.delegate("look", &attachment(), "{}", None, seen.clone()).unwrap();
    assert_eq!(done.result, None);
    assert_eq!(done.log.len(), 3);
    assert_eq!(done.log[0].message, "lo has 2 addresses");
    assert_eq!(seen.borrow().calls.len(), 5);
}

#[test]
fn work_at_check_and_del_is_optional_and_only_adds() {
    let node = Node::with("lives", Role::Delegate, &component("lives_on"), &json!({}));
    let (sandbox, seen) = (node.sandbox(), RecordingNode::shared());
    assert!(sandbox.ready("lives").unwrap().lifecycle);
    let done = sandbox.delegate("lives", &attachment(), "{}", Some(BEFORE), seen.clone()).unwrap();
    assert_eq!(done.result.unwrap(), BEFORE, "what it passes on stays as it was");

    let there = BEFORE.replace("\"net1\"", "\"lo\"");
    sandbox.lifecycle_check("lives", &attachment(), "{}", &there, seen.clone()).unwrap();
    let error = sandbox.lifecycle_check("lives", &attachment(), "{}", BEFORE, seen.clone()).unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        (11, "module lives: net1 of blue/storage is gone")
    );
    let log = sandbox.lifecycle_del("lives", &attachment(), "{}", Some(BEFORE), seen.clone()).unwrap();
    assert_eq!(log[0].message, "net1 had 1 addresses");
    let error = sandbox.lifecycle_del("lives", &attachment(), r#"{"stuck":1}"#, None, seen).unwrap_err();
    assert_eq!((error.code(), error.log[0].message.as_str()), (100, "net1 had 0 addresses"));

    let node = Node::with("look", Role::Delegate, &component("looks_at_links"), &json!({}));
    let (sandbox, seen) = (node.sandbox(), RecordingNode::shared());
    assert!(sandbox.lifecycle_check("look", &attachment(), "{}", BEFORE, seen.clone()).unwrap().is_empty());
    assert!(sandbox.lifecycle_del("look", &attachment(), "{}", None, seen.clone()).unwrap().is_empty());
    assert!(seen.borrow().calls.is_empty());
}
