//! Three components at work for two pods, beside a bystander's.

use std::time::{Duration, Instant};

use multus_net::simulated::Sandbox;
use multus_net::{Backend, Effect, LinkRef, MacAddr, NewLink, Property, Space};
use multus_wasm::Grants;
use multus_wasm::node::{Node, TransactionId};
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::super::node::ComponentNode;
use super::super::stage::{Module, Pod, Stage, TakeBack, View, number};
use super::asks::Ask;
use super::judge::{Judge, OF_PREV, Whose};

/// Two attachments of one pod, and one of another.
pub(super) const MEMBERS: usize = 3;
/// What IPAM gives each of them.
const OFFERED: [&str; MEMBERS] = ["10.1.0.5/24", "10.2.0.5/24", "10.1.0.6/24"];
/// What the results before tell of, whether it is so or not.
const TOLD: [&str; 5] = [OF_PREV, "10.1.0.5", "10.1.0.6", "192.0.2.5", "fd00::5"];
const INTERFACES: [&str; MEMBERS] = ["eth0", "net1", "eth0"];

pub(super) struct Crowd {
    stage: Stage,
    pods: [Pod; 2],
    nodes: Vec<ComponentNode>,
    folders: Vec<String>,
    judge: Judge,
    bystander: Sandbox,
    done: usize,
}

impl Crowd {
    pub(super) fn gather() -> Crowd {
        let stage = Stage::new();
        let bystander = stage.node.sandbox();
        furnish(&stage, bystander);
        let pods = [stage.pod("one"), stage.pod("two")];
        furnish_pod(&stage, pods[0].sandbox);
        let folders: Vec<String> =
            (0..3).map(|at| stage.path(&format!("claims/{at}")).display().to_string()).collect();
        hold(&stage);
        let grants = grants(&folders);
        let [a, b, c] = [0, 1, 2].map(|at| Module {
            interface: INTERFACES[at],
            grants: grants[at].clone(),
            before: if at == 0 { &["prev0"] } else { &[] },
            told: &TOLD,
        });
        let mut nodes = stage.begin(&pods[0], stage.node.open(pods[0].sandbox), &[a, b]);
        nodes.extend(stage.begin(&pods[1], stage.node.open(pods[1].sandbox), &[c]));
        let whose = |at: usize| Whose {
            sandbox: number(&stage.node, pods[usize::from(at == 2)].sandbox),
            container: pods[usize::from(at == 2)].id.clone(),
            interface: INTERFACES[at],
            offered: OFFERED[at].parse().unwrap(),
            before: if at == 0 { &["prev0"] } else { &[] },
            grants: Grants::from_value(&grants[at]).unwrap(),
        };
        let judge = Judge::new(View::of(&stage.node), stage.claims(), [0, 1, 2].map(whose).to_vec());
        Crowd { stage, pods, nodes, folders, judge, bystander, done: 0 }
    }

    /// How many host calls changed something.
    pub(super) fn done(&self) -> usize {
        self.done
    }

    /// A member makes a host call, and the judge looks at what became of the node.
    pub(super) fn asks(&mut self, member: usize, ask: &Ask) -> Result<(), TestCaseError> {
        if matches!(ask, Ask::Begin(..)) {
            // One thread plays all of them: who waits for another's lock would wait for ever.
            for node in &mut self.nodes {
                (0..60).for_each(|transaction| node.end(TransactionId(transaction)));
            }
        }
        let answer = ask.put(&mut self.nodes[member], OFFERED[member], &self.folders);
        // Told no before the node was asked: whatever changed nonetheless is seen with the next call.
        if answer.as_ref().is_err_and(|failure| !failure.message.contains(" failed: ")) {
            return Ok(());
        }
        let said = answer.map_or_else(|failure| failure.message, |()| "done".to_owned());
        let changed = self.judge.call(member, View::of(&self.stage.node), self.stage.claims());
        self.done += usize::from(changed.as_ref().is_ok_and(|changed| *changed));
        changed
            .map(drop)
            .map_err(|why| TestCaseError::fail(format!("member {member} asked {ask:?} ({said}): {why}")))
    }

    /// Somebody who is none of them changes the bystander's link.
    pub(super) fn vandalise(&self) {
        let mut node = self.stage.node.open(self.bystander);
        let link = node.link_named(Space::Host, "vethbystander").unwrap().unwrap();
        let link = LinkRef { space: Space::Host, index: link.index, name: link.name };
        let down = Effect::Set { link, property: Property::Up(false), before: None };
        node.apply(&down, soon()).unwrap();
    }

    /// The pods go, one after the other: each takes along what was its own and nothing else.
    pub(super) fn leaves(mut self, first_to_go: bool) -> Result<(), TestCaseError> {
        drop(std::mem::take(&mut self.nodes));
        let order = if first_to_go { [0, 1] } else { [1, 0] };
        for at in order {
            let failures = self.stage.take_back(&self.pods[at], TakeBack::default());
            let members: &[usize] = if at == 0 { &[0, 1] } else { &[2] };
            let judged = self.judge.leave(members, View::of(&self.stage.node), self.stage.claims());
            if let Some(failure) = failures.first() {
                return Err(TestCaseError::fail(format!("pod {at} is not taken back: {failure}")));
            }
            judged.map_err(|why| TestCaseError::fail(format!("pod {at} was taken back: {why}")))?;
        }
        self.judge.end().map_err(TestCaseError::fail)
    }
}

fn grants(folders: &[String]) -> [Value; MEMBERS] {
    [
        json!({ "links": ["cni*", "ens1"], "names": ["vlan*"], "defaultRoutes": true,
                "firewall": ["masquerade", "spoof-check", "port-mapping"],
                "sysctls": ["net/ipv4/ip_forward", "net/ipv4/conf/*/arp_notify"], "store": [folders[0], folders[2]] }),
        json!({ "links": ["br-b"], "firewall": ["masquerade", "port-mapping"] }),
        json!({ "links": ["cni0"], "firewall": ["spoof-check", "port-mapping"], "store": [folders[2]] }),
    ]
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Links of the node that nobody was granted, a bridge that two were, and a pod of somebody else.
fn furnish(stage: &Stage, bystander: Sandbox) {
    for (name, device, last) in [("ens1", "0000:03:02.1", 0x11), ("ens2", "0000:03:02.2", 0x12)] {
        stage.node.hardware(name, device, MacAddr([2, 0, 0, 0, 1, last])).unwrap();
    }
    let mut node = stage.node.open(bystander);
    let new = |space, index, name: &str| NewLink {
        space,
        index,
        name: name.to_owned(),
        mac: MacAddr([2, 0, 0, 0, 2, u8::try_from(index).unwrap()]),
    };
    let link = |space, index, name: &str| LinkRef { space, index, name: name.to_owned() };
    let bridge = link(Space::Host, 100, "docker0");
    let (inside, outside) = (new(Space::Sandbox, 50, "bystander0"), new(Space::Host, 102, "vethbystander"));
    let port = link(Space::Host, 102, "vethbystander");
    let up = |link: &LinkRef| Effect::Set { link: link.clone(), property: Property::Up(true), before: None };
    let effects = [
        Effect::Bridge { link: new(Space::Host, 100, "docker0"), mtu: None, vlans: false },
        Effect::Bridge { link: new(Space::Host, 101, "cni0"), mtu: None, vlans: true },
        Effect::Veth { inside, outside, mtu: None },
        Effect::Set { link: port.clone(), property: Property::Master(Some(100)), before: None },
        up(&bridge),
        up(&port),
        up(&link(Space::Host, 101, "cni0")),
        Effect::Address { link: bridge, address: "172.17.0.1/16".parse().unwrap(), lasting: false },
        Effect::SpoofCheck { id: "bystander eth0 0".to_owned(), port, mac: MacAddr([2, 0, 0, 0, 2, 50]) },
    ];
    for effect in effects {
        node.apply(&effect, soon()).unwrap();
    }
}

/// Links that the first pod had before: one is named by a result, one is not.
fn furnish_pod(stage: &Stage, sandbox: Sandbox) {
    let mut node = stage.node.open(sandbox);
    for (index, name) in [(60, "prev0"), (70, "tun0")] {
        let new = |index: u32, name: &str| NewLink {
            space: Space::Sandbox,
            index,
            name: name.to_owned(),
            mac: MacAddr([2, 0, 0, 0, 3, u8::try_from(index).unwrap()]),
        };
        let (inside, outside) = (new(index, name), new(index + 1, &format!("{name}-peer")));
        let link = LinkRef { space: Space::Sandbox, index, name: name.to_owned() };
        let effects = [
            Effect::Veth { inside, outside, mtu: None },
            Effect::Set { link: link.clone(), property: Property::Up(true), before: None },
            Effect::Address { link, address: format!("{OF_PREV}/24").parse().unwrap(), lasting: false },
        ];
        for effect in effects {
            node.apply(&effect, soon()).unwrap();
        }
    }
}

/// Claims of the bystander in every folder.
fn hold(stage: &Stage) {
    for folder in 0..3 {
        let folder = stage.path(&format!("claims/{folder}/red"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("10.1.0.9"), "bystander\r\neth0").unwrap();
    }
}
