//! A simulated node on which components work for several pods, for tests. Host calls, records, claims and the way back
//! are those of a call by the runtime; only the kernel is another one.

mod death;
mod scripts;
mod view;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use multus_cni::env::Request;
use multus_cni::{Code, Error, Version};
use multus_journal::{
    AttachmentIntent, Call as CallEntry, CallKey, Entry, Implementation, Ledger, Part, PodKey, Record,
    StepIntent, Store, now,
};
use multus_net::simulated::{self, Fault, Simulated};
use multus_net::sriov::Claims;
use multus_net::{Backend, BootId, Refused};
use multus_wasm::{Catalog, Grants, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::node::ComponentNode;
use super::shared::{Hands, Scene};
use crate::call::{Call, Deadlines, Node};
use crate::conf::{ExecRules, MultusConf};
use crate::log::{Log, Severity};
use crate::search::Search;
use crate::undo::{self, Undo};

pub(crate) use death::is_death;
pub(crate) use scripts::{CARD, DEVICE, FUNCTIONS, SCRIPTS, Script, offer};
pub(crate) use view::{HOST, Thing, View, number};

/// A node with the folders of its attachments.
pub(crate) struct Stage {
    dir: TempDir,
    pub(crate) node: simulated::Node,
    sandbox: Arc<Sandbox>,
    log: Lines,
}

/// A pod's sandbox as its runtime knows it.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) id: String,
    pub(crate) sandbox: simulated::Sandbox,
    /// Of the pod whose sandbox it is, where that matters.
    pub(crate) uid: Option<&'static str>,
}

/// A component that is to work for a pod.
pub(crate) struct Module<'a> {
    pub(crate) interface: &'a str,
    pub(crate) grants: Value,
    /// The links that the result of the plugin before places in the pod.
    pub(crate) before: &'a [&'a str],
    /// The addresses that it tells of.
    pub(crate) told: &'a [&'a str],
}

/// A process that takes a pod's attachments back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TakeBack {
    /// What goes wrong at which of its requests.
    pub(crate) fault: Option<(u64, Fault)>,
    /// The node was started anew since.
    pub(crate) other_boot: bool,
    /// The pod's namespace can't be opened just now.
    pub(crate) out_of_reach: bool,
}

#[derive(Default)]
struct Lines(RefCell<Vec<String>>);

impl Log for Lines {
    fn log(&self, _: Severity, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

impl Stage {
    pub(crate) fn new() -> Stage {
        // Thousands of records are synced: a disk would wait for each.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let nowhere = Path::new("/nonexistent");
        let sandbox = Sandbox::open(Catalog::default(), nowhere, nowhere).unwrap();
        Stage { dir, node: simulated::Node::new(), sandbox: Arc::new(sandbox), log: Lines::default() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(&self.path("cni"))
    }

    /// The lines that were logged since the last time.
    pub(crate) fn logged(&self) -> Vec<String> {
        self.log.0.take()
    }

    /// A pod with a fresh namespace.
    pub(crate) fn pod(&self, id: &str) -> Pod {
        Pod { id: id.to_owned(), sandbox: self.node.sandbox(), uid: None }
    }

    /// An ADD of a pod begins: its record says what is planned, and each component gets its part of it.
    pub(crate) fn begin(&self, pod: &Pod, backend: Simulated, modules: &[Module<'_>]) -> Vec<ComponentNode> {
        let mut writer = self.store().create(&self.call_entry(pod)).unwrap();
        let attachments = (0_u32..).zip(modules).map(|(index, module)| intent(index, module)).collect();
        writer.append(&Entry::Plan { attachments }).unwrap();
        let hands = Hands::new(Ledger::new(writer));
        hands.take().backend = Some(Box::new(backend));
        let node = |(index, module): (u32, &Module<'_>)| {
            let grants = Grants::from_value(&module.grants).unwrap();
            let part = Part::Step { attachment: index, step: 0 };
            ComponentNode::new(hands.clone(), Rc::new(self.scene(pod, module.interface)), grants, part)
                .going_on_from(module.before.iter().map(|&name| name.to_owned()))
                .with_addresses(module.told.iter().map(|text| text.parse().unwrap()))
        };
        (0_u32..).zip(modules).map(node).collect()
    }

    fn call_entry(&self, pod: &Pod) -> CallEntry {
        CallEntry {
            key: key(pod),
            network: "node".to_owned(),
            netns_path: netns(pod),
            netns: self.node.identity(pod.sandbox),
            boot: BootId::named("this"),
            args: String::new(),
            path: String::new(),
            pod: pod.uid.map(|uid| PodKey {
                namespace: "default".to_owned(),
                name: "web".to_owned(),
                uid: Some(uid.to_owned()),
            }),
            started: now(),
        }
    }

    fn scene(&self, pod: &Pod, interface: &str) -> Scene {
        let rules = ExecRules { allow: Some(Vec::new()), timeout: Duration::from_secs(1) };
        Scene {
            container_id: pod.id.clone(),
            netns: netns(pod),
            args: String::new(),
            interface: interface.to_owned(),
            cni_version: Version::V1_1_0,
            pod_uid: pod.uid.map(str::to_owned),
            began: now(),
            boot: BootId::named("this"),
            deadline: Instant::now() + Duration::from_secs(20),
            lock_dir: self.path("run"),
            store: self.store(),
            network: "red".to_owned(),
            device: None,
            moves_rdma: false,
            functions: Claims::at(self.path("functions")),
            search: Search::new(Path::new("/nonexistent"), &[], &rules),
            path: Vec::new(),
            exec_timeout: Duration::from_secs(1),
            locks: Vec::new(),
            sandbox: self.sandbox.clone(),
            seen: multus_wasm::Attachment::default(),
            said: RefCell::default(),
        }
    }

    /// A pod's record as the next process reads it.
    pub(crate) fn record(&self, pod: &Pod) -> Option<Record> {
        self.store().open(&key(pod)).unwrap()
    }

    /// Takes back what a pod's record says; what could not be. Without any such the record is gone.
    pub(crate) fn take_back(&self, pod: &Pod, how: TakeBack) -> Vec<Error> {
        let Some(record) = self.record(pod) else { return Vec::new() };
        let fault = Cell::new(how.fault);
        let open = |_: Option<&Path>| -> Result<Box<dyn Backend>, Refused> {
            let mut backend = self.node.open(pod.sandbox);
            if let Some((at, fault)) = fault.take() {
                backend.fault(at, fault);
            }
            Ok(Box::new(backend))
        };
        let conf = json!({ "name": "node", "cniDir": self.path("cni"), "delegates": [{ "type": "bridge" }] });
        let conf = MultusConf::parse(conf.to_string().as_bytes()).unwrap();
        let request = Request::from_env(|name| (name == "CNI_COMMAND").then(|| "STATUS".into())).unwrap();
        let node = Node {
            lock_dir: self.path("run"),
            functions: self.path("functions"),
            open: &open,
            ..Node::new(&self.log)
        };
        let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };
        let store = self.store();
        let gone =
            self.node.identity(pod.sandbox) != record.call.as_ref().and_then(|call| call.netns.clone());
        let scene = undo::Scene {
            container_id: pod.id.clone(),
            netns: if gone || how.out_of_reach { String::new() } else { netns(pod) },
            unreachable: how.out_of_reach.then(|| Error::new(Code::Io, "it is out of reach")),
            path: Vec::new(),
            boot: record.call.as_ref().map(|call| call.boot.clone()),
            other_boot: how.other_boot,
            incomplete: record.torn || how.other_boot,
        };
        let mut writer = store.writer(&record).unwrap();
        let failures = Undo::new(&call, &store, Vec::new()).steps(&scene, &record, Some(&mut writer));
        if failures.is_empty() {
            store.dispose(&record).unwrap();
        }
        failures.into_iter().map(|(_, error)| error).collect()
    }

    /// Every claim: folder, network, key and whose it is.
    pub(crate) fn claims(&self) -> Vec<String> {
        let mut claims = Vec::new();
        collect(&self.path("claims"), &mut claims);
        collect(&self.path("functions"), &mut claims);
        claims.sort();
        claims
    }
}

/// Notes and locks are everybody's.
fn collect(folder: &Path, claims: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() {
            collect(&path, claims);
        } else if !name.ends_with("lock") && !name.starts_with("last_reserved_ip.") {
            claims.push(format!("{} {}", path.display(), std::fs::read_to_string(&path).unwrap_or_default()));
        }
    }
}

fn key(pod: &Pod) -> CallKey {
    CallKey { container_id: pod.id.clone(), interface: "eth0".to_owned() }
}

fn netns(pod: &Pod) -> String {
    format!("/run/netns/{}", pod.id)
}

fn intent(index: u32, module: &Module<'_>) -> AttachmentIntent {
    let implementation =
        Implementation::Component { module: "bridge".into(), digest: "sha256:0".into(), lifecycle: true };
    AttachmentIntent {
        index,
        interface: module.interface.to_owned(),
        network: format!("net{index}"),
        display: format!("net{index}"),
        default: index == 0,
        cni_version: "1.1.0".into(),
        args: String::new(),
        runtime_config: serde_json::Map::new(),
        disable_check: false,
        disable_gc: false,
        source: "{}".into(),
        steps: vec![StepIntent { plugin: "bridge".into(), conf: "{}".into(), implementation }],
    }
}
