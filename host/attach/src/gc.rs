//! GC: gives back what belongs to attachments that the runtime no longer knows (design 4).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use multus_cni::cache::CacheEntry;
use multus_cni::conf::{NetworkConf, PluginConf, stdin_for};
use multus_cni::env::Command;
use multus_cni::{Code, Error, Version};
use multus_document::Object;
use multus_journal::{Effect, Implementation, Record, Store};
use multus_wasm::Sandbox;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::call::Call;
use crate::check::require_version;
use crate::component;
use crate::delegate::{self, Guard, Target};
use crate::networks;
use crate::plan::{is_delegate, may_become_another};
use crate::review::open_sandbox;
use crate::steps::journal_error;
use crate::undo;
use crate::upstream;

const VALID: &str = "cni.dev/valid-attachments";

/// One entry of a `cni.dev/valid-attachments` list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ValidAttachment {
    #[serde(rename = "containerID")]
    pub(crate) container_id: String,
    pub(crate) ifname: String,
}

/// Undoes the records of this outer network whose call is not on the runtime's list, then lets each
/// delegate do the same with a list of its own (CNI-09).
///
/// # Errors
/// Everything that could not be given back; it stays recorded.
pub fn gc(call: &Call<'_>) -> Result<(), Error> {
    require_version(call, Version::V1_1_0, "GC")?;
    if call.conf.disable_gc {
        return Ok(());
    }
    let valid: Vec<ValidAttachment> = call.conf.source.read(VALID).ok_or_else(|| {
        Error::new(Code::InvalidConfig, format!("GC needs a list of {{containerID, ifname}} in `{VALID}`"))
    })?;
    let lock = call.lock_all()?;
    let store = call.store();
    let mut errors = Vec::new();
    let mut survivors = Vec::new();
    let listing = store.records();
    let mut known = listing.unreadable.is_empty();
    errors.extend(listing.unreadable.into_iter().map(journal_error));
    for record in listing.records {
        match judge(call, &store, &lock, &record, &valid) {
            Ok(false) => continue,
            Ok(true) => {}
            // Links may still have what it holds.
            Err(error) => errors.push(error),
        }
        survivors.push(record);
    }
    let unrecorded = upstream::unrecorded(call, &valid, &survivors).unwrap_or_else(|error| {
        known = false;
        errors.push(error);
        Vec::new()
    });
    let of_conf = networks_of_conf(call).unwrap_or_else(|error| {
        errors.push(error);
        Vec::new()
    });
    let sandbox = call.conf.wasm.as_ref().map(open_sandbox).transpose().unwrap_or_else(|error| {
        errors.push(error);
        None
    });
    let modules = Modules { sandbox: sandbox.map(Arc::new), recorded: Recorded::of(&survivors) };
    // A delegate gives back whatever is not on its list: no list with gaps is handed to any.
    for (name, network) in
        networks(call, &survivors, of_conf, modules.sandbox.as_ref()).into_iter().filter(|_| known)
    {
        let attachments = attachments_of(&name, &survivors, &unrecorded);
        errors.extend(delegate_gc(call, &lock, &modules, &network, &attachments));
    }
    errors.extend(component::drop_unused_bridges(&call.node.lock_dir, call.deadlines.end).err());
    if errors.is_empty() { Ok(()) } else { Err(undo::summary(&errors)) }
}

/// Whether a record stays: one that is valid or of another outer network does, any other is undone.
fn judge(
    call: &Call<'_>,
    store: &Store,
    lock: &multus_journal::GlobalLock,
    record: &Record,
    valid: &[ValidAttachment],
) -> Result<bool, Error> {
    let key = &record.key;
    let on_list =
        valid.iter().any(|entry| entry.container_id == key.container_id && entry.ifname == key.interface);
    if record.begun() && (on_list || !is_ours(call, record)) {
        return Ok(true);
    }
    if !record.begun() {
        // It tells nothing, not even whose it is: what libcni's cache has of the container stays.
        store.dispose(record).map_err(journal_error)?;
        return Ok(false);
    }
    let of = format!("container {} ({})", key.container_id, key.interface);
    undo::whole(call, store, &lock.descriptors(), record, "GC")
        .map_err(|errors| undo::summary(&errors).context(&of))?;
    Ok(false)
}

/// Only records of the same outer network are judged (design 4); one whose first line is lost is left
/// to DEL and to people.
fn is_ours(call: &Call<'_>, record: &Record) -> bool {
    record.call.as_ref().is_some_and(|recorded| recorded.network == call.conf.name)
}

/// Every network that a delegate could hold something for: today's conf, and what survivors use.
fn networks(
    call: &Call<'_>,
    survivors: &[Record],
    of_conf: Vec<NetworkConf>,
    sandbox: Option<&Arc<Sandbox>>,
) -> BTreeMap<String, NetworkConf> {
    let mut networks = BTreeMap::new();
    for record in survivors.iter().filter(|record| is_ours(call, record)) {
        for attachment in &record.attachments {
            let intent = &attachment.intent;
            let parsed = Object::parse(intent.source.as_bytes()).ok().and_then(|source| {
                NetworkConf::parse(&source, Some(&intent.network), Some(&intent.cni_version)).ok()
            });
            if let Some(network) = parsed {
                networks.insert(network.name.clone(), network);
            }
        }
    }
    for network in of_conf {
        let changed = network.plugins.iter().any(|plugin| may_become_another(sandbox, plugin));
        // What transforms made of it stands in the records.
        if !(changed && networks.contains_key(&network.name)) {
            networks.insert(network.name.clone(), network);
        }
    }
    networks
}

/// The networks that every pod gets today.
fn networks_of_conf(call: &Call<'_>) -> Result<Vec<NetworkConf>, Error> {
    let source = if networks::conf_needs_source(call) { networks::source(call)? } else { None };
    let wanted = networks::of_conf(call, source.as_deref())?;
    Ok(wanted.into_iter().map(|wanted| wanted.network).collect())
}

/// Everything that holds on to a network: what is recorded here, and what upstream attached.
fn attachments_of(
    network: &str,
    survivors: &[Record],
    unrecorded: &[CacheEntry],
) -> BTreeSet<ValidAttachment> {
    let recorded = survivors.iter().flat_map(|record| {
        let used = record.attachments.iter().filter(|attachment| attachment.intent.network == network);
        used.map(|attachment| (&record.key.container_id, &attachment.intent.interface))
    });
    let upstream = unrecorded.iter().filter(|entry| entry.network == network);
    let all = recorded.chain(upstream.map(|entry| (&entry.container_id, &entry.ifname)));
    all.map(|(id, ifname)| ValidAttachment { container_id: id.clone(), ifname: ifname.clone() }).collect()
}

/// Which plugins are components: by the catalog of today, and by the records of those that hold on to a network, since a
/// module may be gone from the catalog.
struct Modules {
    sandbox: Option<Arc<Sandbox>>,
    recorded: Recorded,
}

/// Names of networks and plugins.
#[derive(Default)]
struct Recorded {
    components: BTreeSet<(String, String)>,
    /// Binaries of IPAM that these had run.
    ipam: BTreeSet<(String, String)>,
}

impl Recorded {
    fn of(survivors: &[Record]) -> Self {
        let mut recorded = Self::default();
        for attachment in survivors.iter().flat_map(|record| &record.attachments) {
            let network = &attachment.intent.network;
            for (step, state) in attachment.intent.steps.iter().zip(&attachment.steps) {
                if let Implementation::Component { .. } = step.implementation {
                    recorded.components.insert((network.clone(), step.plugin.clone()));
                }
                let binaries = state.own.effects.iter().filter_map(|effect| match &effect.effect {
                    Effect::Delegate { plugin, ipam: true, .. } => Some((network.clone(), plugin.clone())),
                    _ => None,
                });
                recorded.ipam.extend(binaries);
            }
        }
        recorded
    }
}

impl Modules {
    /// The binary that has a GC of its own: what a component did is in the records, but for the IPAM that it had run.
    fn binary(&self, network: &str, plugin: &PluginConf) -> Option<String> {
        let kind = plugin.plugin_type().to_owned();
        let of = |name: &String| (network.to_owned(), name.clone());
        let is_module = |name: &String| is_delegate(self.sandbox.as_ref(), name);
        if is_module(&kind) {
            plugin.ipam_type().filter(|ipam| !is_module(ipam))
        } else if self.recorded.components.contains(&of(&kind)) {
            plugin.ipam_type().filter(|ipam| self.recorded.ipam.contains(&of(ipam)))
        } else {
            Some(kind)
        }
    }
}

fn delegate_gc(
    call: &Call<'_>,
    lock: &multus_journal::GlobalLock,
    modules: &Modules,
    network: &NetworkConf,
    valid: &BTreeSet<ValidAttachment>,
) -> Vec<Error> {
    if network.cni_version < Version::V1_1_0 || network.disable_gc {
        return Vec::new();
    }
    let binaries = network.plugins.iter().filter_map(|plugin| {
        let binary = modules.binary(&network.name, plugin);
        let missing = |kind: &String| {
            call.search().find(kind).is_err() && may_become_another(modules.sandbox.as_ref(), plugin)
        };
        binary.filter(|kind| !missing(kind)).map(|kind| (plugin, kind))
    });
    let failed =
        binaries.filter_map(|(plugin, kind)| plugin_gc(call, lock, network, plugin, &kind, valid).err());
    failed.map(|error| error.context(&format!("GC of network {}", network.name))).collect()
}

fn plugin_gc(
    call: &Call<'_>,
    lock: &multus_journal::GlobalLock,
    network: &NetworkConf,
    plugin: &PluginConf,
    kind: &str,
    valid: &BTreeSet<ValidAttachment>,
) -> Result<(), Error> {
    let search = call.search();
    let binary = search.find(kind)?;
    let path: Vec<PathBuf> = search.delegate_path(&call.node.lock_dir)?;
    let mut stdin = stdin_for(plugin, network, &Map::new(), None);
    stdin.set(VALID, &json!(valid));
    // libcni before 1.1.0's final form read this key.
    stdin.set("cni.dev/attachments", &json!(valid));
    let target = Target::no_container(&path);
    let guard = Guard {
        deadline: call.deadlines.end,
        timeout: call.conf.exec.timeout,
        locks: lock.descriptors().to_vec(),
    };
    delegate::run(Command::Gc, &binary, target, &stdin.to_string(), &guard).map(drop)
}
