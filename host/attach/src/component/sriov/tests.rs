//! Whose a function is, and what its module may do with it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use multus_net::simulated::Sandbox;
use multus_net::sriov::{Claims, Holder};
use multus_net::{Backend, BootId, LinkKind, LinkRef, MacAddr, NewLink, Property, Setting, Vlan};
use multus_wasm::node::{Failure, Node};
use serde_json::{Value, json};

use super::*;
use crate::component::stage::{CARD, FUNCTIONS, Module, Pod, Stage, TakeBack};

/// A namespace that lasts as long as the test.
const ALIVE: &str = "/proc/self/ns/net";

fn stage() -> Stage {
    let stage = Stage::new();
    stage.card();
    stage
}

fn module_of(stage: &Stage, pod: &Pod, device: Option<&str>) -> ComponentNode {
    let module = Module { interface: "eth0", grants: json!({ "sriov": ["ens2*"] }), before: &[], told: &[] };
    let mut node = stage.begin(pod, stage.node.open(pod.sandbox), &[module]).pop().unwrap();
    Rc::get_mut(&mut node.scene).unwrap().device = device.map(ToOwned::to_owned);
    node
}

fn address_of(node: &ComponentNode, id: FunctionId) -> String {
    let info: Value = serde_json::from_str(&info(node, id).unwrap()).unwrap();
    info["address"].as_str().unwrap().to_owned()
}

fn settings(stage: &Stage, sandbox: Sandbox, address: &str) -> multus_net::sriov::Settings {
    stage.node.open(sandbox).function(&address.parse().unwrap()).unwrap().unwrap().settings
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Answer<T>, words: &[&str]) -> Failure {
    let failure = answer.unwrap_err();
    for word in words {
        assert!(failure.message.contains(word) || failure.details.contains(word), "{word}: {failure:?}");
    }
    failure
}

#[test]
fn a_module_takes_the_device_of_its_conf_and_no_other() {
    let stage = stage();
    let pod = stage.pod("a");
    let mut node = module_of(&stage, &pod, Some(FUNCTIONS[1]));
    let id = node.function().unwrap();
    assert_eq!(address_of(&node, id), FUNCTIONS[1]);
    assert_eq!(node.function().unwrap(), id, "it has it already");
    drop(node);
    let rows: [(Option<&str>, &[&str]); 4] = [
        (None, &["names no device", "resourceName"]),
        (Some("0000:04:10"), &["`deviceID`", "is no PCI address"]),
        (Some("../../../etc"), &["`deviceID`", "is no PCI address"]),
        (Some("0000:ff:00.0"), &["is no virtual function of this node"]),
    ];
    for (at, (device, words)) in (0..).zip(rows) {
        let mut node = module_of(&stage, &stage.pod(&format!("p{at}")), device);
        refused(node.function(), words);
    }
}

/// A module that may take any function of a card does not take all of them.
#[test]
fn a_module_takes_one_function_however_it_asks() {
    let stage = stage();
    let mut node = module_of(&stage, &stage.pod("a"), Some(FUNCTIONS[1]));
    node.pick_function(CARD).unwrap();
    let words: &[&str] = &["take a second virtual function: it has", FUNCTIONS[0]];
    refused(node.pick_function(CARD), words);
    refused(node.function(), words);
    assert_eq!(stage.claims().iter().filter(|claim| claim.contains(FUNCTIONS[1])).count(), 0);
}

#[test]
fn a_card_that_was_not_granted_is_out_of_reach() {
    let stage = stage();
    let virtuals = [multus_net::simulated::Virtual {
        address: "0000:05:10.0",
        name: "ens3v0",
        mac: MacAddr([2, 0, 0, 0, 3, 1]),
    }];
    stage.node.card("ens3", "0000:05:00.0", MacAddr([2, 0, 0, 0, 3, 0]), &virtuals).unwrap();
    let mut node = module_of(&stage, &stage.pod("a"), Some("0000:05:10.0"));
    for answer in [node.function(), node.pick_function("ens3"), node.pick_function("../x")] {
        refused(answer, &["may not take virtual functions of", "\"sriov\": [\""]);
    }
    assert_eq!(stage.claims(), Vec::<String>::new());
}

#[test]
fn a_function_is_one_attachments_at_a_time() {
    let stage = stage();
    let (first, second, third) = (stage.pod("first"), stage.pod("second"), stage.pod("third"));
    let mut node = module_of(&stage, &first, Some(FUNCTIONS[0]));
    node.function().unwrap();
    // Its call is still under way.
    let mut other = module_of(&stage, &second, None);
    let id = other.pick_function(CARD).unwrap();
    assert_eq!(address_of(&other, id), FUNCTIONS[1], "the next one that is free");
    drop((node, other));

    let mut late = module_of(&stage, &third, Some(FUNCTIONS[0]));
    let failure =
        refused(late.function(), &["is taken: container first has it as eth0", "multusctl sriov list"]);
    assert_eq!(failure.code, 11);
    let failure = refused(late.pick_function(CARD), &["container first has it", "container second has it"]);
    assert_eq!(failure.code, 11);
    assert!(stage.take_back(&first, TakeBack::default()).is_empty());
    let id = late.pick_function(CARD).unwrap();
    assert_eq!(address_of(&late, id), FUNCTIONS[0]);
}

#[test]
fn what_the_reference_plugin_or_the_node_uses_is_not_picked() {
    let stage = stage();
    let folder = stage.path("functions/pci");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(FUNCTIONS[0]), ALIVE).unwrap();
    let mut node = module_of(&stage, &stage.pod("a"), Some(FUNCTIONS[0]));
    refused(node.function(), &["the plugin `sriov` gave it to /proc/self/ns/net"]);
    let id = node.pick_function(CARD).unwrap();
    assert_eq!(address_of(&node, id), FUNCTIONS[1]);
    drop(node);

    // The namespace that it was given to is gone: it is free, as for the reference plugin.
    std::fs::write(folder.join(FUNCTIONS[0]), "/run/netns/gone").unwrap();
    let mut node = module_of(&stage, &stage.pod("b"), None);
    let id = node.pick_function(CARD).unwrap();
    assert_eq!(address_of(&node, id), FUNCTIONS[0]);
    let mut late = module_of(&stage, &stage.pod("c"), None);
    refused(late.pick_function(CARD), &["no virtual function of `ens2` is free", "container a has it"]);
}

/// Something done to the link of a function, by the node.
type Use = fn(LinkRef) -> Effect;

/// A definition may name any function of a granted card. One that carries the node's own traffic is not moved away.
#[test]
fn a_function_that_the_node_itself_uses_is_refused_however_it_is_asked_for() {
    let address = |link, text: &str| Effect::Address { link, address: text.parse().unwrap(), lasting: false };
    let vlan = |link| Effect::Link {
        link: NewLink {
            space: Space::Host,
            index: 101,
            name: "ens2v0.7".into(),
            mac: MacAddr([2, 0, 0, 0, 0, 7]),
        },
        parent: Some(link),
        kind: LinkKind::Vlan { id: 7 },
        mtu: None,
    };
    let rows: [(Use, &str); 4] = [
        (vlan, "the link ens2v0.7 is on its link ens2v0"),
        (
            |link| Effect::Set { link, property: Property::Master(Some(100)), before: None },
            "its link ens2v0 is a port of another one",
        ),
        (
            |link| Effect::Address { link, address: "192.0.2.7/24".parse().unwrap(), lasting: false },
            "192.0.2.7/24",
        ),
        (
            |link| Effect::Address { link, address: "fd00::7/64".parse().unwrap(), lasting: false },
            "fd00::7/64",
        ),
    ];
    for (use_it, words) in rows {
        let stage = stage();
        let host = stage.pod("host");
        let mut backend = stage.node.open(host.sandbox);
        let bridge =
            NewLink { space: Space::Host, index: 100, name: "br0".into(), mac: MacAddr([2, 0, 0, 0, 0, 9]) };
        let soon = Instant::now() + Duration::from_secs(20);
        backend.apply(&Effect::Bridge { link: bridge, mtu: None, vlans: false }, soon).unwrap();
        let link = backend.link_named(Space::Host, "ens2v0").unwrap().unwrap();
        backend.apply(&use_it(LinkRef::to(Space::Host, &link)), soon).unwrap();
        drop(backend);

        let mut node = module_of(&stage, &stage.pod("a"), Some(FUNCTIONS[0]));
        let failure = refused(node.function(), &[FUNCTIONS[0], "`ens2`", "the node itself uses it", words]);
        assert_eq!(failure.code, 7, "{failure:?}");
        let id = node.pick_function(CARD).unwrap();
        assert_eq!(address_of(&node, id), FUNCTIONS[1], "the one that is not in use");
        let mut late = module_of(&stage, &stage.pod("b"), None);
        refused(late.pick_function(CARD), &[FUNCTIONS[0], words]);
        assert!(stage.claims().iter().all(|claim| !claim.contains(FUNCTIONS[0])), "nothing was claimed");
    }
    // A link that is merely up has such an address by itself.
    let stage = stage();
    let mut backend = stage.node.open(stage.pod("host").sandbox);
    let link = LinkRef::to(Space::Host, &backend.link_named(Space::Host, "ens2v0").unwrap().unwrap());
    backend.apply(&address(link, "fe80::7/64"), Instant::now() + Duration::from_secs(20)).unwrap();
    let mut node = module_of(&stage, &stage.pod("a"), Some(FUNCTIONS[0]));
    node.function().unwrap();
}

/// There a VLAN of the card's would count for nothing.
#[test]
fn a_function_that_is_plugged_into_the_cards_switch_is_refused() {
    let stage = stage();
    stage.node.plug_into_switch(&FUNCTIONS[0].parse().unwrap(), "e4434b");
    let mut node = module_of(&stage, &stage.pod("a"), Some(FUNCTIONS[0]));
    refused(node.function(), &[FUNCTIONS[0], "`ens2` is in the mode switchdev", "mode legacy"]);
    let id = node.pick_function(CARD).unwrap();
    assert_eq!(address_of(&node, id), FUNCTIONS[1]);
    let mut late = module_of(&stage, &stage.pod("b"), None);
    refused(late.pick_function(CARD), &["switchdev"]);
    assert_eq!(stage.claims().iter().filter(|claim| claim.contains(FUNCTIONS[0])).count(), 0);
}

/// The pod would have the link and not the RDMA device, unless somebody moves that as well.
#[test]
fn a_function_whose_rdma_device_would_stay_behind_is_refused() {
    let stage = stage();
    stage.node.confine_rdma(&FUNCTIONS[0].parse().unwrap(), "mlx5_3");
    let pod = stage.pod("a");
    let mut node = module_of(&stage, &pod, Some(FUNCTIONS[0]));
    refused(node.function(), &[FUNCTIONS[0], "mlx5_3", "exclusive mode", "netns shared", "plugin `rdma`"]);
    let id = node.pick_function(CARD).unwrap();
    assert_eq!(address_of(&node, id), FUNCTIONS[1]);
    let mut late = module_of(&stage, &stage.pod("c"), None);
    refused(late.pick_function(CARD), &["mlx5_3"]);
    drop((node, late));
    assert!(stage.take_back(&pod, TakeBack::default()).is_empty());
    assert_eq!(stage.claims().iter().filter(|claim| claim.contains(FUNCTIONS[0])).count(), 0);
    let mut node = module_of(&stage, &stage.pod("b"), Some(FUNCTIONS[0]));
    Rc::get_mut(&mut node.scene).unwrap().moves_rdma = true;
    let id = node.function().unwrap();
    assert_eq!(address_of(&node, id), FUNCTIONS[0]);
}

#[test]
fn an_earlier_sandbox_of_the_pod_is_in_the_way() {
    let stage = stage();
    let earlier = Pod { uid: Some("uid"), ..stage.pod("earlier") };
    let later = Pod { uid: Some("uid"), ..stage.pod("later") };
    module_of(&stage, &earlier, Some(FUNCTIONS[0])).function().unwrap();
    let mut node = module_of(&stage, &later, Some(FUNCTIONS[0]));
    refused(node.function(), &["container earlier has it"]);
    let found = node.hands.take().in_the_way.clone();
    assert_eq!(found.map(|found| found.container_id).as_deref(), Some("earlier"));
}

/// After a reboot nothing of the kernel is ours; the claim is on disk.
#[test]
fn another_boot_gives_the_claim_back_and_touches_nothing() {
    let stage = stage();
    let pod = stage.pod("a");
    let mut node = module_of(&stage, &pod, Some(FUNCTIONS[0]));
    let id = node.function().unwrap();
    node.set_function(id, FunctionSetting::Vlan { id: 100, qos: 0, protocol: "802.1q" }).unwrap();
    drop(node);
    let theirs = Setting::Vlan(Vlan { id: 100, ..Vlan::default() });
    stage.node.reboot();
    // Somebody set up the same again.
    stage.node.set_function(&FUNCTIONS[0].parse().unwrap(), &theirs);
    let before = stage.node.dump();
    let how = TakeBack { other_boot: true, ..TakeBack::default() };
    assert!(stage.take_back(&pod, how).is_empty());
    assert_eq!((stage.node.dump(), stage.claims()), (before, Vec::new()));
}

/// To the reference plugin a function is free once the pod's namespace is gone: it may have it before our DEL comes.
#[test]
fn what_somebody_else_took_meanwhile_is_left_alone() {
    let stage = stage();
    let pod = stage.pod("a");
    let mut node = module_of(&stage, &pod, Some(FUNCTIONS[0]));
    let id = node.function().unwrap();
    node.set_function(id, FunctionSetting::Vlan { id: 100, qos: 0, protocol: "802.1q" }).unwrap();
    drop(node);
    std::fs::write(stage.path("functions/pci").join(FUNCTIONS[0]), ALIVE).unwrap();
    let before = settings(&stage, pod.sandbox, FUNCTIONS[0]);
    assert!(stage.take_back(&pod, TakeBack::default()).is_empty());
    assert_eq!(settings(&stage, pod.sandbox, FUNCTIONS[0]), before);
    let left = stage.claims();
    assert!(left.len() == 1 && left[0].ends_with(ALIVE), "{left:?}");
}

#[test]
fn a_del_waits_for_whoever_works_on_the_function_and_then_says_so() {
    let stage = stage();
    let claims = Claims::at(stage.path("functions"));
    let address: PciAddress = FUNCTIONS[0].parse().unwrap();
    let holder = Holder {
        container_id: "a".to_owned(),
        interface: "eth0".to_owned(),
        netns: "/run/netns/a".to_owned(),
        boot: BootId::named("this"),
    };
    let soon = || std::time::Instant::now() + std::time::Duration::from_secs(1);
    claims.lock(&address, soon()).unwrap().claim(&holder).unwrap();
    assert!(!claims.lock(&address, soon()).unwrap().is_lost(&holder).unwrap());
    let held = claims.lock(&address, soon()).unwrap();
    let mut node = module_of(&stage, &stage.pod("b"), Some(FUNCTIONS[0]));
    Rc::get_mut(&mut node.scene).unwrap().deadline = std::time::Instant::now();
    let failure = refused(node.function(), &["is being worked on", "fuser --verbose"]);
    assert_eq!(failure.code, 11);
    drop(held);
}

#[test]
fn settings_that_are_none_are_refused_before_the_card_is_asked() {
    let stage = stage();
    let mut node = module_of(&stage, &stage.pod("a"), Some(FUNCTIONS[1]));
    let id = node.function().unwrap();
    let before = stage.node.dump();
    let vlan = |id, qos, protocol| FunctionSetting::Vlan { id, qos, protocol };
    for (setting, words) in [
        (vlan(4095, 0, "802.1q"), "a VLAN is 0 to 4094"),
        (vlan(1, 8, "802.1q"), "a priority 0 to 7"),
        (vlan(1, 0, "802.1x"), "802.1q or 802.1ad"),
        (vlan(0, 1, "802.1q"), "no VLAN has neither"),
        (vlan(0, 0, "802.1ad"), "no VLAN has neither"),
        (FunctionSetting::Rate { min: 5, max: 4 }, "is none"),
        (FunctionSetting::LinkState("up"), "auto, enable or disable"),
        (FunctionSetting::Mac("01"), "hardware address"),
        (FunctionSetting::Driver("igb_uio"), "vfio-pci"),
        (FunctionSetting::Driver("../../x"), "vfio-pci"),
    ] {
        refused(node.set_function(id, setting), &[words]);
    }
    assert_eq!(stage.node.dump(), before);
    refused(node.set_function(FunctionId(7), FunctionSetting::Trust(true)), &["no virtual function"]);
}

/// What a card refuses is an error in its words, and what was set before is taken back.
#[test]
fn a_refusal_of_the_card_is_told_and_all_is_as_before() {
    let kinds: [(Setting, FunctionSetting<'_>); 5] = [
        (Setting::Rate(Rate::default()), FunctionSetting::Rate { min: 1, max: 2 }),
        (Setting::SpoofCheck(true), FunctionSetting::SpoofCheck(true)),
        (Setting::Trust(true), FunctionSetting::Trust(true)),
        (Setting::LinkState(LinkState::Auto), FunctionSetting::LinkState("disable")),
        (Setting::Mac(MacAddr::default()), FunctionSetting::Mac("02:00:00:00:00:77")),
    ];
    for (like, setting) in kinds {
        let stage = stage();
        let pod = stage.pod("a");
        let before = stage.node.dump();
        stage.node.card_refuses(&FUNCTIONS[0].parse().unwrap(), like, 95);
        let mut node = module_of(&stage, &pod, Some(FUNCTIONS[0]));
        let id = node.function().unwrap();
        node.set_function(id, FunctionSetting::Vlan { id: 100, qos: 0, protocol: "802.1q" }).unwrap();
        refused(node.set_function(id, setting), &[FUNCTIONS[0], "not supported"]);
        drop(node);
        assert!(stage.take_back(&pod, TakeBack::default()).is_empty());
        assert_eq!(stage.node.dump(), before, "{like}");
        assert_eq!(stage.claims(), Vec::<String>::new());
    }
}

#[test]
fn an_address_is_given_whether_or_not_another_was_assigned() {
    // The first function has an assigned address and no trust, the second one has none.
    for (address, trust) in [(FUNCTIONS[0], true), (FUNCTIONS[0], false), (FUNCTIONS[1], true)] {
        let stage = stage();
        let pod = stage.pod("a");
        let before = stage.node.dump();
        if !trust {
            stage.node.card_refuses(&address.parse().unwrap(), Setting::Trust(true), 95);
        }
        let mut node = module_of(&stage, &pod, Some(address));
        let id = node.function().unwrap();
        let given = node.set_function(id, FunctionSetting::Mac("02:00:00:00:00:77"));
        if trust {
            given.unwrap();
            let found = now(&node, id).unwrap();
            let mac = MacAddr([2, 0, 0, 0, 0, 0x77]);
            assert_eq!((found.settings.mac, found.settings.trust), (mac, Some(false)));
            assert_eq!(found.link.unwrap().mac, mac.to_string());
        } else {
            refused(given, &["annot assign requested address"]);
        }
        drop(node);
        assert!(stage.take_back(&pod, TakeBack::default()).is_empty());
        assert_eq!(stage.node.dump(), before, "{address}");
    }
}

#[test]
fn a_function_is_left_to_programs_and_comes_back() {
    let stage = stage();
    let pod = stage.pod("a");
    let before = stage.node.dump();
    let mut node = module_of(&stage, &pod, Some(FUNCTIONS[1]));
    let id = node.function().unwrap();
    node.set_function(id, FunctionSetting::Driver("vfio-pci")).unwrap();
    node.set_function(id, FunctionSetting::Driver("vfio-pci")).unwrap();
    assert_eq!(node.function_link(id).unwrap(), None);
    assert!(info(&node, id).unwrap().contains(r#""userspace":true"#));
    drop(node);
    assert!(stage.take_back(&pod, TakeBack::default()).is_empty());
    // A driver makes its link anew: with another number.
    let without_numbers = |text: String| text.replace(|one: char| one.is_ascii_digit(), "");
    assert_eq!(without_numbers(stage.node.dump()), without_numbers(before));
}
