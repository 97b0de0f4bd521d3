//! Who does each plugin's work: a component of the catalog, or a binary.

use std::sync::Arc;

use multus_cni::conf::{PluginConf, stdin_for};
use multus_cni::{Code, Error};
use multus_journal::Implementation;
use multus_wasm::Sandbox;

use super::{Attachment, Step};
use crate::component;
use crate::review::module_error;
use crate::search::Search;

/// Whether a plugin's type names a component. Names of delegates come before those of binaries.
pub(crate) fn is_delegate(sandbox: Option<&Arc<Sandbox>>, kind: &str) -> bool {
    sandbox.is_some_and(|sandbox| sandbox.is_delegate(kind))
}

/// Whether what a conf says of a plugin may not be what runs, since a transform makes another one of it.
pub(crate) fn may_become_another(sandbox: Option<&Arc<Sandbox>>, plugin: &PluginConf) -> bool {
    sandbox.is_some_and(|sandbox| sandbox.may_become_another(plugin.plugin_type()))
}

/// The components and binaries of a node.
pub(super) struct Runners<'a> {
    search: Search,
    sandbox: Option<&'a Arc<Sandbox>>,
}

impl<'a> Runners<'a> {
    pub(super) fn new(search: Search, sandbox: Option<&'a Arc<Sandbox>>) -> Self {
        Self { search, sandbox }
    }

    /// What runs for each plugin of an attachment.
    ///
    /// # Errors
    /// A plugin, or the IPAM that it names, that is not there or may not run: the pod is refused before its first link
    /// exists.
    pub(super) fn steps(&self, attachment: &Attachment) -> Result<Vec<Step>, Error> {
        attachment.network.plugins.iter().map(|plugin| self.step(attachment, plugin)).collect()
    }

    fn step(&self, attachment: &Attachment, plugin: &PluginConf) -> Result<Step, Error> {
        let kind = plugin.plugin_type().to_owned();
        let implementation = match self.sandbox.filter(|_| is_delegate(self.sandbox, &kind)) {
            Some(sandbox) => self.component(sandbox, &kind, plugin)?,
            None => self.binary(&kind, plugin)?,
        };
        Ok(Step {
            stdin: stdin_for(plugin, &attachment.network, &attachment.runtime_config, None),
            implementation,
            plugin: kind,
        })
    }

    fn binary(&self, kind: &str, plugin: &PluginConf) -> Result<Implementation, Error> {
        let binary = self.search.find(kind)?;
        for nested in plugin.ipam_type().into_iter().chain(plugin.nested_types()) {
            self.search
                .check_allowed(&nested)
                .map_err(|error| error.context(&format!("`{kind}` runs `{nested}`")))?;
        }
        let path = binary.to_str().ok_or_else(|| {
            let message = format!("the path of `{kind}` is not UTF-8: {}", binary.display());
            Error::new(Code::InvalidConfig, message)
        })?;
        Ok(Implementation::Exec { path: path.to_owned() })
    }

    /// Loaded now, so that what can't be loaded refuses the pod.
    fn component(&self, sandbox: &Sandbox, kind: &str, plugin: &PluginConf) -> Result<Implementation, Error> {
        let ready = sandbox.ready(kind).map_err(|error| module_error(&error))?;
        if let Some(ipam) = plugin.ipam_type() {
            self.ipam(sandbox, &ipam).map_err(|error| component::missing_ipam(kind, &ipam, error))?;
        }
        Ok(Implementation::Component {
            module: kind.to_owned(),
            digest: ready.digest.to_string(),
            lifecycle: ready.lifecycle,
        })
    }

    fn ipam(&self, sandbox: &Sandbox, kind: &str) -> Result<(), Error> {
        if is_delegate(self.sandbox, kind) {
            return sandbox.ready(kind).map(drop).map_err(|error| module_error(&error));
        }
        self.search.find(kind).map(drop)
    }
}
