//! STATUS: whether an ADD could be served now.

use std::sync::Arc;

use multus_cni::conf::{PluginConf, stdin_for};
use multus_cni::env::Command;
use multus_cni::{Code, Error, Version};
use multus_wasm::{ModuleError, Sandbox};
use serde_json::Map;

use crate::call::Call;
use crate::check::require_version;
use crate::delegate::{self, Guard, Target};
use crate::networks::{self, Wanted};
use crate::plan::{is_delegate, may_become_another};
use crate::readiness;
use crate::review::{module_error, open_sandbox};
use crate::undo;

/// Answers whether ADDs can be served (CNI-08): the cluster's objects at hand, modules usable, the default
/// network found, its plugins and their IPAM there and willing.
///
/// # Errors
/// Code 50 with the first reason why not, or the delegate's own code.
pub fn status(call: &Call<'_>) -> Result<(), Error> {
    require_version(call, Version::V1_1_0, "STATUS")?;
    readiness::wait(call).map_err(unavailable)?;
    let source = networks::source(call).map_err(unavailable)?;
    let sandbox = call.conf.wasm.as_ref().map(open_sandbox).transpose().map_err(unavailable)?.map(Arc::new);
    if let Some(sandbox) = &sandbox {
        sandbox.check_artifacts().map_err(|errors| unavailable(all(&errors)))?;
    }
    let networks =
        networks::of_conf(call, source.as_deref()).map_err(|refusal| unavailable(refusal.error))?;
    let Some(Wanted { network, .. }) = networks.first() else { return Ok(()) };
    for plugin in &network.plugins {
        plugin_status(call, sandbox.as_ref(), network, plugin).map_err(|error| {
            error.context(&format!("default network {}, plugin {}", network.name, plugin.plugin_type()))
        })?;
    }
    Ok(())
}

/// Whatever the reason's own code is, ADDs can't be served.
fn unavailable(reason: Error) -> Error {
    Error { code: Code::NotAvailable as u32, ..reason }
}

fn all(errors: &[ModuleError]) -> Error {
    undo::summary(&errors.iter().map(module_error).collect::<Vec<_>>())
}

fn plugin_status(
    call: &Call<'_>,
    sandbox: Option<&Arc<Sandbox>>,
    network: &multus_cni::conf::NetworkConf,
    plugin: &PluginConf,
) -> Result<(), Error> {
    let search = call.search();
    let ipam = plugin.ipam_type();
    let (components, binaries): (Vec<String>, Vec<String>) = std::iter::once(plugin.plugin_type().to_owned())
        .chain(ipam)
        .partition(|name| is_delegate(sandbox, name));
    if let Some(sandbox) = sandbox {
        components
            .iter()
            .try_for_each(|name| sandbox.ready(name).map(drop))
            .map_err(|error| unavailable(module_error(&error)))?;
    }
    let stdin = stdin_for(plugin, network, &Map::new(), None).to_string();
    let path = search.delegate_path(&call.node.lock_dir)?;
    for name in binaries {
        let binary = match search.find(&name) {
            Ok(binary) => binary,
            // What it becomes depends on the pod: an ADD tells.
            Err(_) if may_become_another(sandbox, plugin) => continue,
            Err(error) => return Err(unavailable(error)),
        };
        // A plugin of an older version has no STATUS: being there is all it can tell.
        if network.cni_version < Version::V1_1_0 {
            continue;
        }
        let target = Target::no_container(&path);
        let guard =
            Guard { deadline: call.deadlines.forward, timeout: call.conf.exec.timeout, locks: Vec::new() };
        delegate::run(Command::Status, &binary, target, &stdin, &guard)
            .map_err(|error| error.context(&name))?;
    }
    Ok(())
}
