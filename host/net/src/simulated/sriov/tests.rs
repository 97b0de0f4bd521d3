//! The life of a virtual function, as the unit tests of the reference plugin tell it and beyond them.

use std::time::{Duration, Instant};

use super::*;
use crate::effect::{Effect, LinkState, Rate, Vlan, VlanProtocol};
use crate::simulated::{Fault, Sandbox};
use crate::{Backend, LinkRef, Why};

const FIRST: &str = "0000:03:10.0";
const OWN: MacAddr = MacAddr([0x6e, 0x16, 6, 0x0e, 0xb7, 0xe9]);
const GIVEN: MacAddr = MacAddr([0xca, 0xfe, 0, 0, 0, 1]);

fn node() -> (Node, Sandbox) {
    let node = Node::new();
    let virtuals = [
        Virtual { address: FIRST, name: "ens1v0", mac: OWN },
        Virtual { address: "0000:03:10.2", name: "ens1v1", mac: MacAddr([2, 0, 0, 0, 0, 1]) },
    ];
    node.card("ens1", "0000:03:00.0", MacAddr([2, 0, 0, 0, 0, 9]), &virtuals).unwrap();
    let sandbox = node.sandbox();
    (node, sandbox)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn address() -> PciAddress {
    FIRST.parse().unwrap()
}

/// What a component would write down for a setting.
fn set(node: &mut Simulated, setting: Setting) -> Effect {
    let found = node.function_at(&address()).unwrap().unwrap();
    let before = found.like(&setting);
    Effect::Function(FunctionChange::Set { function: found.place, setting, before, briefly: false })
}

fn every_setting() -> [Setting; 7] {
    [
        Setting::Vlan(Vlan { id: 100, qos: 5, protocol: VlanProtocol::Ieee8021Ad }),
        Setting::Trust(true),
        Setting::OwnMac(GIVEN),
        Setting::Mac(GIVEN),
        Setting::Rate(Rate { min: 10, max: 500 }),
        Setting::SpoofCheck(false),
        Setting::LinkState(LinkState::Enable),
    ]
}

/// An attachment step by step, until something goes wrong: what is on record then.
fn attach(backend: &mut Simulated) -> (Vec<Effect>, Result<(), Refused>) {
    let mut done = Vec::new();
    let mut go = || {
        for setting in every_setting() {
            let found = backend.function_at(&address())?.ok_or(Refused::kernel("function", libc::ENODEV))?;
            let before = found.like(&setting);
            let change = FunctionChange::Set { function: found.place, setting, before, briefly: false };
            done.push(Effect::Function(change));
            backend.apply(done.last().unwrap(), soon())?;
        }
        let link = backend.link_of_device(FIRST)?.ok_or(Refused::kernel("link", libc::ENODEV))?;
        let link = LinkRef::to(Space::Host, &link);
        let home = backend.home(&link)?;
        done.push(Effect::Move { link, to: Space::Sandbox, name: "net1".to_owned(), home });
        backend.apply(done.last().unwrap(), soon())?;
        let inside =
            backend.link_named(Space::Sandbox, "net1")?.ok_or(Refused::kernel("net1", libc::ENODEV))?;
        let link = LinkRef::to(Space::Sandbox, &inside);
        for (property, before) in
            [(Property::Mtu(9000), Property::Mtu(inside.mtu)), (Property::Up(true), Property::Up(false))]
        {
            done.push(Effect::Set { link: link.clone(), property, before: Some(before) });
            backend.apply(done.last().unwrap(), soon())?;
        }
        Ok(())
    };
    let ended = go();
    (done, ended)
}

fn undo(node: &Node, sandbox: Sandbox, done: &[Effect]) -> Vec<(usize, Refused)> {
    node.open(sandbox).undo(&done.iter().collect::<Vec<_>>(), soon())
}

#[test]
fn each_setting_is_so_and_then_as_it_was() {
    for setting in every_setting() {
        let (node, sandbox) = node();
        let (before, mut backend) = (node.dump(), node.open(sandbox));
        let effect = set(&mut backend, setting);
        backend.apply(&effect, soon()).unwrap();
        assert!(backend.function(&address()).unwrap().unwrap().has(&setting), "{setting}");
        assert_eq!(backend.compare(&effect).unwrap(), None, "{setting}");
        assert_ne!(node.dump(), before, "{setting}");
        assert_eq!(undo(&node, sandbox, &[effect]), []);
        assert_eq!(node.dump(), before, "{setting}");
    }
}

#[test]
fn an_attachment_leaves_nothing_however_it_ends() {
    type Ending = fn(&Node, Sandbox);
    let endings: [(&str, Ending); 3] = [
        ("an orderly one", |_, _| {}),
        ("its namespace is gone first", |node, sandbox| node.end(sandbox)),
        ("the pod renamed and changed it", |node, sandbox| {
            let mut pod = node.open(sandbox);
            let link = pod.link_of(FIRST);
            for property in [
                Property::Up(false),
                Property::Name("mine".to_owned()),
                Property::Mac(MacAddr([2, 2, 2, 2, 2, 2])),
                Property::Mtu(1400),
            ] {
                pod.apply(&Effect::Set { link: link.clone(), property, before: None }, soon()).unwrap();
            }
        }),
    ];
    for (what, ending) in endings {
        let (node, sandbox) = node();
        let other = node.sandbox();
        let (done, ended) = attach(&mut node.open(sandbox));
        ended.unwrap();
        ending(&node, sandbox);
        let failed = undo(&node, sandbox, &done);
        assert_eq!(failed, [], "{what}");
        let mut backend = node.open(other);
        let found = backend.function(&address()).unwrap().unwrap();
        let link = found.link.as_ref().unwrap();
        assert_eq!(
            (found.settings, link.name.as_str(), link.mtu, link.up),
            (fresh(), "ens1v0", 1500, false),
            "{what}"
        );
        assert_eq!(link.mac, OWN.to_string(), "{what}");
    }
}

#[test]
fn it_is_found_under_the_name_that_it_came_home_with() {
    let (node, sandbox) = node();
    let (done, ended) = attach(&mut node.open(sandbox));
    ended.unwrap();
    // Both its old name and its name in the pod are somebody else's by then.
    node.hardware("net1", "0000:05:00.0", MacAddr([2, 0, 0, 0, 0, 5])).unwrap();
    node.end(sandbox);
    let mut backend = node.open(sandbox);
    let link = backend.function(&address()).unwrap().unwrap().link.unwrap();
    assert!(link.name.starts_with("dev"), "{}", link.name);
    assert_eq!(undo(&node, sandbox, &done), []);
    let found = backend.function(&address()).unwrap().unwrap();
    assert_eq!((found.settings, found.link.unwrap().name.as_str()), (fresh(), "ens1v0"));
}

#[test]
fn what_somebody_else_set_meanwhile_stays() {
    let (node, sandbox) = node();
    let (done, ended) = attach(&mut node.open(sandbox));
    ended.unwrap();
    let theirs = Setting::Vlan(Vlan { id: 7, ..Vlan::default() });
    node.set_function(&address(), &theirs);
    let told =
        done.iter().filter_map(|effect| node.open(sandbox).compare(effect).unwrap()).collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("has VLAN 7 qos 0") && told[0].contains("was given VLAN 100 qos 5"), "{told:?}");
    assert_eq!(undo(&node, sandbox, &done), []);
    let found = node.open(sandbox).function(&address()).unwrap().unwrap();
    assert_eq!(found.settings, Settings { vlan: Vlan { id: 7, ..Vlan::default() }, ..fresh() });
}

/// The reference plugin leaves what it set before a refusal.
#[test]
fn a_card_that_refuses_one_setting_leaves_all_of_them_as_they_were() {
    for setting in every_setting() {
        let (node, sandbox) = node();
        let before = node.dump();
        node.card_refuses(&address(), setting, libc::EOPNOTSUPP);
        let (done, ended) = attach(&mut node.open(sandbox));
        let refused = ended.unwrap_err();
        assert_eq!(refused.why(), Why::Unable, "{refused}");
        assert!(refused.tried.contains(FIRST) && refused.tried.contains(&setting.to_string()), "{refused}");
        assert_eq!(undo(&node, sandbox, &done), []);
        assert_eq!(node.dump(), before, "{setting}");
    }
}

#[test]
fn a_process_may_be_killed_at_any_request() {
    let (node_of_all, sandbox) = node();
    let mut whole = node_of_all.open(sandbox);
    attach(&mut whole).1.unwrap();
    for at in 0..whole.requests() {
        for fault in [Fault::DieBefore, Fault::DieAfter, Fault::Refuse(libc::EBUSY)] {
            let (node, sandbox) = node();
            let before = node.dump();
            let mut backend = node.open(sandbox);
            backend.fault(at, fault);
            let (done, ended) = attach(&mut backend);
            assert!(ended.is_err(), "request {at}, {fault:?}");
            assert_eq!(undo(&node, sandbox, &done), [], "request {at}, {fault:?}");
            assert_eq!(node.dump(), before, "request {at}, {fault:?}");
        }
    }
}

#[test]
fn an_assigned_address_stays_its_own_until_it_is_trusted() {
    let (node, sandbox) = node();
    let mut backend = node.open(sandbox);
    node.set_function(&address(), &Setting::Mac(OWN));
    let before = node.dump();
    let own = set(&mut backend, Setting::OwnMac(GIVEN));
    assert_eq!(backend.apply(&own, soon()).unwrap_err().errno, Some(libc::EADDRNOTAVAIL));
    let mut done = Vec::new();
    for setting in [Setting::Trust(true), Setting::OwnMac(GIVEN), Setting::Trust(false), Setting::Mac(GIVEN)]
    {
        done.push(set(&mut backend, setting));
        backend.apply(done.last().unwrap(), soon()).unwrap();
    }
    assert_eq!(undo(&node, sandbox, &done), [], "the same way back");
    assert_eq!(node.dump(), before);
}

#[test]
fn a_function_that_was_given_to_programs_gets_its_driver_and_name_again() {
    for ending in ["vfio-pci", "killed in between", "reserved before", "another driver"] {
        let (node, sandbox) = node();
        let reserved_for = Some("mine".to_owned()).filter(|_| ending == "reserved before");
        if let Some(driver) = &reserved_for {
            node.reserve_function(&address(), driver);
        }
        let mut backend = node.open(sandbox);
        let link = LinkRef::to(Space::Host, &backend.link_of_device(FIRST).unwrap().unwrap());
        let named = Effect::Set { link, property: Property::Name("fast0".to_owned()), before: None };
        backend.apply(&named, soon()).unwrap();
        let driver = |driver: Option<&str>| {
            Effect::Function(FunctionChange::Driver {
                address: address(),
                driver: driver.map(ToOwned::to_owned),
                before: Some(DRIVER.to_owned()),
                name: Some("fast0".to_owned()),
                reserved_for: reserved_for.clone(),
            })
        };
        backend.apply(&driver(Some("vfio-pci")), soon()).unwrap();
        let found = backend.function(&address()).unwrap().unwrap();
        assert!(found.is_for_userspace() && found.link.is_none());
        assert_eq!(backend.compare(&driver(Some("vfio-pci"))).unwrap(), None);
        match ending {
            "killed in between" => backend.apply(&driver(None), soon()).unwrap(),
            "another driver" => backend.apply(&driver(Some("igb_uio")), soon()).unwrap(),
            _ => {}
        }
        assert_eq!(undo(&node, sandbox, &[driver(Some("vfio-pci"))]), []);
        let found = backend.function(&address()).unwrap().unwrap();
        if ending == "another driver" {
            assert_eq!(found.driver.as_deref(), Some("igb_uio"), "somebody else's by now");
            continue;
        }
        assert_eq!((found.driver.as_deref(), found.link.unwrap().name.as_str()), (Some(DRIVER), "fast0"));
        assert_eq!(found.reserved_for, reserved_for);
    }
}

#[test]
fn a_node_that_starts_anew_has_its_functions_as_drivers_find_them() {
    let (node, sandbox) = node();
    let before = node.open(sandbox).function(&address()).unwrap();
    attach(&mut node.open(sandbox)).1.unwrap();
    node.reboot();
    let sandbox = node.sandbox();
    let found = node.open(sandbox).function(&address()).unwrap();
    let bare = |found: Option<Function>| {
        found.map(|found| (found.settings, found.driver, found.link.map(|link| link.name)))
    };
    assert_eq!(bare(found), bare(before));
    let all = node.open(sandbox).functions_of("ens1").unwrap();
    assert_eq!(
        all.iter().map(|place| (place.number, place.address.as_str())).collect::<Vec<_>>(),
        [(0, FIRST), (1, "0000:03:10.2")]
    );
    assert_eq!(node.open(sandbox).functions_of("ens9").unwrap_err().why(), Why::Missing);
    assert_eq!(node.open(sandbox).function(&"0000:09:00.0".parse().unwrap()).unwrap(), None);
}

impl Simulated {
    /// In the pod, whatever it is called.
    fn link_of(&mut self, address: &str) -> LinkRef {
        let world = self.node.world();
        let space = world.space(self.sandbox.space(Space::Sandbox)).unwrap();
        let is_it = |device: &&Device| device.kind.hardware().is_some_and(|own| own.bus_address == address);
        LinkRef::to(Space::Sandbox, &space.devices().find(is_it).unwrap().view())
    }
}
