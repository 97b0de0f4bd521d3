//! DEL of a container that has no record here: by what upstream left on disk.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use multus_cni::cache::{self, CacheEntry};
use multus_cni::conf::{NetworkConf, PluginConf, stdin_for};
use multus_cni::env::Command;
use multus_cni::{Error, Version};
use multus_document::Object;
use multus_journal::{CallKey, Store};
use serde_json::value::{RawValue, to_raw_value};

use super::container::Container;
use super::scratch::{self, Attached};
use crate::call::Call;
use crate::delegate::{self, Guard, Target};
use crate::devices::info;
use crate::undo;

/// What a container's files tell: its attachments, the first one first, and libcni's cache of them.
pub(super) struct Told {
    pub(super) attached: Vec<Attached>,
    pub(super) cached: Vec<CacheEntry>,
}

impl Told {
    /// Reads the files of a container, but for what other records of it tell of: that is another call's, and stays.
    pub(super) fn of(call: &Call<'_>, store: &Store, container: &Container) -> Result<Self, Error> {
        let CallKey { container_id, interface } = &container.key;
        let others = store.records_of(container_id).records.into_iter();
        let of_others: Vec<_> = others
            .filter(|record| record.key != container.key)
            .flat_map(|record| record.attachments)
            .map(|attachment| (attachment.intent.network, attachment.intent.interface))
            .collect();
        let is_its = |network: &String, interface: &String| {
            !of_others.iter().any(|other| (&other.0, &other.1) == (network, interface))
        };
        let mut cached = cache::list_for(&call.conf.cni_dir, container_id).map_err(super::io_error)?;
        cached.retain(|entry| is_its(&entry.network, &entry.ifname));
        let mut attached = scratch::read(call, container_id, interface).unwrap_or_default();
        attached.retain(|attachment| is_its(&attachment.network.name, &attachment.interface));
        if attached.is_empty() {
            attached = from_cache(&cached, interface);
        }
        Ok(Self { attached, cached })
    }

    /// libcni's cache of an attachment.
    pub(super) fn entry(&self, attachment: &Attached) -> Option<&CacheEntry> {
        self.cached
            .iter()
            .find(|entry| entry.ifname == attachment.interface && entry.network == attachment.network.name)
    }
}

/// Detaches what upstream attached, last network first. Nothing on disk means nothing attached:
/// DEL succeeds (CNI-06).
///
/// # Errors
/// Every delegate's failure, and what can't be read; the files stay for the next try.
pub(crate) fn detach(
    call: &Call<'_>,
    store: &Store,
    container: &Container,
    locks: &[BorrowedFd<'_>],
) -> Result<(), Error> {
    let container_id = &container.key.container_id;
    let told = Told::of(call, store, container)?;
    let mut errors = Vec::new();
    for attachment in told.attached.iter().rev() {
        let entry = told.entry(attachment);
        match detach_one(call, container, attachment, entry, locks) {
            Ok(()) => {
                if let Some(entry) = entry {
                    info::remove_cached(call, &entry.capability_args);
                }
                let (network, interface) = (&attachment.network.name, &attachment.interface);
                cache::remove(&call.conf.cni_dir, network, container_id, interface)
                    .map_err(super::io_error)?;
            }
            Err(error) => errors.push(
                error.context(&format!("network {} ({})", attachment.network.name, attachment.interface)),
            ),
        }
    }
    if !errors.is_empty() {
        return Err(undo::summary(&errors));
    }
    super::forget_scratch(call, container_id);
    Ok(())
}

/// Without a scratch file the cache's order is lost: the default interface counts as the first.
fn from_cache(cached: &[CacheEntry], default_name: &str) -> Vec<Attached> {
    let mut attached: Vec<Attached> = cached
        .iter()
        .filter_map(|entry| {
            let source = Object::parse(&entry.config).ok()?;
            let network = NetworkConf::parse(&source, Some(&entry.network), None).ok()?;
            let (interface, modules) = (entry.ifname.clone(), entry.modules.clone());
            Some(Attached { network, interface, modules })
        })
        .collect();
    attached.sort_by_key(|attachment| (attachment.interface != default_name, attachment.interface.clone()));
    attached
}

fn detach_one(
    call: &Call<'_>,
    container: &Container,
    attachment: &Attached,
    entry: Option<&CacheEntry>,
    locks: &[BorrowedFd<'_>],
) -> Result<(), Error> {
    let netns = container.netns(call, entry)?;
    let of = Of { container, netns: &netns, attachment, entry };
    let mut errors = Vec::new();
    for plugin in attachment.network.plugins.iter().rev() {
        let done = detach_plugin(call, of, plugin, locks);
        if let Err(error) = done {
            errors.push(error.context(&format!("plugin {}", plugin.plugin_type())));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(undo::summary(&errors)) }
}

/// Whose a plugin's DEL is, and what is known of its ADD.
#[derive(Clone, Copy)]
struct Of<'a> {
    container: &'a Container,
    netns: &'a str,
    attachment: &'a Attached,
    entry: Option<&'a CacheEntry>,
}

fn detach_plugin(
    call: &Call<'_>,
    of: Of<'_>,
    plugin: &PluginConf,
    locks: &[BorrowedFd<'_>],
) -> Result<(), Error> {
    let Of { container, netns, attachment, entry } = of;
    let search = call.search();
    let binary = match search.find(plugin.plugin_type()) {
        Ok(binary) => binary,
        Err(missing) if attachment.is_module(plugin) => {
            without_binary(call, attachment, plugin, &missing);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let path: Vec<PathBuf> = search.delegate_path(&call.node.lock_dir)?;
    let capabilities = entry.map(|entry| entry.capability_args.clone()).unwrap_or_default();
    let stdin = stdin_for(plugin, &attachment.network, &capabilities, previous(attachment, entry).as_deref())
        .to_string();
    let target = Target {
        container_id: &container.key.container_id,
        netns,
        interface: &attachment.interface,
        args: &container.args(entry),
        path: &path,
    };
    let guard =
        Guard { deadline: call.deadlines.end, timeout: call.conf.exec.timeout, locks: locks.to_vec() };
    delegate::run(Command::Del, &binary, target, &stdin, &guard).map(drop)
}

/// What a module did is taken back by its record, which goes before these files do where the power is cut or the disk
/// refuses. A binary of the module's name may help; no pod waits for one that is not there, or may not run.
fn without_binary(call: &Call<'_>, attachment: &Attached, plugin: &PluginConf, missing: &Error) {
    let (network, interface, kind) = (&attachment.network.name, &attachment.interface, plugin.plugin_type());
    call.node.warn(&format!(
        "{}: network {network} ({interface}): no record tells of what the module `{kind}` did, and no binary \
         is asked in its place: {missing}",
        call.subject()
    ));
}

fn previous(attachment: &Attached, entry: Option<&CacheEntry>) -> Option<Box<RawValue>> {
    let result = entry?.result.as_ref()?;
    (attachment.network.cni_version >= Version::V0_4_0).then(|| to_raw_value(result).ok()).flatten()
}
