//! DEL of a container that has no record here: by what upstream left on disk.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use multus_cni::cache::{self, CacheEntry};
use multus_cni::conf::{NetworkConf, PluginConf, stdin_for};
use multus_cni::env::Command;
use multus_cni::{Error, Version};
use multus_document::Object;
use serde_json::value::{RawValue, to_raw_value};

use super::scratch::{self, Attached};
use crate::call::Call;
use crate::delegate::{self, Guard, Target};
use crate::devices::info;
use crate::undo;

/// Detaches what upstream attached, last network first. Nothing on disk means nothing attached:
/// DEL succeeds (CNI-06).
///
/// # Errors
/// Every delegate's failure, and what can't be read; the files stay for the next try.
pub(crate) fn detach(call: &Call<'_>, locks: &[BorrowedFd<'_>]) -> Result<(), Error> {
    let container_id = &call.request.container_id;
    let cached = cache::list_for(&call.conf.cni_dir, container_id).map_err(super::io_error)?;
    let attached =
        scratch::read(call, container_id).unwrap_or_else(|| from_cache(&cached, &call.request.ifname));
    let mut errors = Vec::new();
    for attachment in attached.iter().rev() {
        let entry = cached
            .iter()
            .find(|entry| entry.ifname == attachment.interface && entry.network == attachment.network.name);
        match detach_one(call, attachment, entry, locks) {
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
    attachment: &Attached,
    entry: Option<&CacheEntry>,
    locks: &[BorrowedFd<'_>],
) -> Result<(), Error> {
    let mut errors = Vec::new();
    for plugin in attachment.network.plugins.iter().rev() {
        if let Err(error) = detach_plugin(call, attachment, plugin, entry, locks) {
            errors.push(error.context(&format!("plugin {}", plugin.plugin_type())));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(undo::summary(&errors)) }
}

fn detach_plugin(
    call: &Call<'_>,
    attachment: &Attached,
    plugin: &PluginConf,
    entry: Option<&CacheEntry>,
    locks: &[BorrowedFd<'_>],
) -> Result<(), Error> {
    let search = call.search();
    let binary = match search.find(plugin.plugin_type()) {
        Ok(binary) => binary,
        Err(missing) if attachment.modules.iter().any(|kind| kind == plugin.plugin_type()) => {
            without_binary(call, attachment, plugin, &missing);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let path: Vec<PathBuf> = search.delegate_path(&call.node.lock_dir)?;
    let capabilities = entry.map(|entry| entry.capability_args.clone()).unwrap_or_default();
    let stdin = stdin_for(plugin, &attachment.network, &capabilities, previous(attachment, entry).as_deref())
        .to_string();
    let netns = call.live_netns(call.netns_path(), None);
    let target = Target {
        container_id: &call.request.container_id,
        netns: &netns,
        interface: &attachment.interface,
        args: &call.request.raw_args,
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
