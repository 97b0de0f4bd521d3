//! Transforms, then policies: what modules change and say before anything runs (design 3 and 5).

use std::sync::Arc;

use multus_cluster::Pod;
use multus_cni::conf::PluginConf;
use multus_cni::{Code, Error};
use multus_document::Object;
use multus_wasm::{Catalog, FileError, Level, ModuleError, Sandbox, Transformed, Verdict, lock_path};
use serde_json::json;

use crate::call::Call;
use crate::conf::WasmPaths;
use crate::log::{Log, Severity};
use crate::networks::join;
use crate::plan::{Attachment, Decision, Plan};

/// The sandbox for one call; without `wasm` in the conf there is none, and nothing to ask.
pub(crate) struct Reviewer<'a> {
    sandbox: Option<Arc<Sandbox>>,
    container_id: &'a str,
    log: &'a dyn Log,
}

/// Opens the catalog and the artifacts it names.
///
/// # Errors
/// Code 7 for a catalog with problems or one that others could have written, code 5 for one that can't
/// be read.
pub(crate) fn open_sandbox(paths: &WasmPaths) -> Result<Sandbox, Error> {
    let catalog = Catalog::load(&paths.catalog).map_err(|error| file_error(&error))?;
    Sandbox::open(catalog, &lock_path(&paths.catalog), &paths.cache_dir).map_err(|error| file_error(&error))
}

fn file_error(error: &FileError) -> Error {
    Error::with_raw_code(error.code(), error.to_string())
}

pub(crate) fn module_error(error: &ModuleError) -> Error {
    let said = Error::with_raw_code(error.code(), error.to_string());
    match error.advice() {
        Some(advice) => said.with_details(advice),
        None => said,
    }
}

impl<'a> Reviewer<'a> {
    pub(crate) fn open(call: &'a Call<'_>) -> Result<Self, Error> {
        let sandbox = call.conf.wasm.as_ref().map(open_sandbox).transpose()?.map(Arc::new);
        // Given back to the kernel with the rest of this process, which lives for one call: that is cheaper than to
        // unmap it piece by piece.
        std::mem::forget(sandbox.clone());
        Ok(Self { sandbox, container_id: &call.request.container_id, log: call.node.log })
    }

    /// The modules of the node, for who runs delegates; `None` if the conf names no catalog.
    pub(crate) fn sandbox(&self) -> Option<&Arc<Sandbox>> {
        self.sandbox.as_ref()
    }

    /// Whether anybody asks what the pod's namespace is like.
    pub(crate) fn has_policies(&self) -> bool {
        self.sandbox.as_ref().is_some_and(|sandbox| !sandbox.policies().is_empty())
    }

    /// Lets the transforms change an attachment's plugins, then asks every policy about the result.
    ///
    /// # Errors
    /// A module that fails, changes what it may not, or denies: the pod is refused.
    pub(crate) fn judge(&self, attachment: &mut Attachment, pod: Option<&Pod>) -> Result<(), Error> {
        let Some(sandbox) = &self.sandbox else { return Ok(()) };
        let seen = seen_by_modules(self.container_id, attachment, pod);
        for index in 0..attachment.network.plugins.len() {
            self.transform(sandbox, attachment, index, &seen)?;
        }
        self.review(sandbox, attachment, &seen)
    }

    fn transform(
        &self,
        sandbox: &Sandbox,
        attachment: &mut Attachment,
        index: usize,
        seen: &multus_wasm::Attachment,
    ) -> Result<(), Error> {
        let label = attachment.label();
        let Some(plugin) = attachment.network.plugins.get_mut(index) else { return Ok(()) };
        for module in sandbox.transforms() {
            // The type may be another one since the transform before.
            if !sandbox.works_on(module, plugin.plugin_type()) {
                continue;
            }
            let done =
                sandbox.transform(module, seen, plugin.object()).map_err(|error| self.failed(&error))?;
            self.pass_on(module, &done.log);
            let said = said(&done);
            *plugin = PluginConf::parse(done.plugin).map_err(|problems| {
                Error::new(
                    Code::InvalidConfig,
                    format!("after module {module} changed it: {}", join(&problems)),
                )
            })?;
            let severity = if done.let_pass.is_some() { Severity::Warning } else { Severity::Info };
            self.log.log(severity, &format!("{label}: transform {module}: {said}"));
            attachment.decisions.push(Decision { module: module.to_owned(), role: "transform", said });
        }
        Ok(())
    }

    fn review(
        &self,
        sandbox: &Sandbox,
        attachment: &mut Attachment,
        seen: &multus_wasm::Attachment,
    ) -> Result<(), Error> {
        let plugins: Vec<Object> =
            attachment.network.plugins.iter().map(|plugin| plugin.object().clone()).collect();
        for module in sandbox.policies() {
            let review = sandbox.review(module, seen, &plugins).map_err(|error| self.failed(&error))?;
            self.pass_on(module, &review.log);
            let said = match review.verdict {
                Verdict::Allow => match review.let_pass {
                    None => {
                        let line = format!("{}: policy {module} allowed it", attachment.label());
                        self.log.log(Severity::Info, &line);
                        "allowed".to_owned()
                    }
                    Some(instead) => {
                        self.log.log(
                            Severity::Warning,
                            &format!("{}: policy {module} {instead}", attachment.label()),
                        );
                        instead
                    }
                },
                Verdict::Warn(reason) => {
                    self.log.log(
                        Severity::Warning,
                        &format!("{}: policy {module} warns: {reason}", attachment.label()),
                    );
                    format!("warned: {reason}")
                }
                Verdict::Deny(reason) => {
                    return Err(Error::new(
                        Code::InvalidConfig,
                        format!("policy {module} refuses this attachment: {reason}"),
                    )
                    .with_details(
                        "nothing was attached; ask the operator of the policy, or change the pod",
                    ));
                }
            };
            attachment.decisions.push(Decision { module: module.clone(), role: "policy", said });
        }
        Ok(())
    }

    /// What a module said before it failed is often the reason.
    fn failed(&self, error: &ModuleError) -> Error {
        self.pass_on(&error.module, &error.log);
        module_error(error)
    }

    fn pass_on(&self, module: &str, lines: &[multus_wasm::LogLine]) {
        pass_on(self.log, module, lines);
    }
}

/// What a transform did, in words.
fn said(done: &Transformed) -> String {
    let changed: Vec<String> = done.changed.iter().map(ToString::to_string).collect();
    let changed = if changed.is_empty() { "changed nothing".to_owned() } else { changed.join("; ") };
    let read = done.read.iter().map(|file| format!("read {}; ", file.display()));
    read.chain([done.let_pass.clone().unwrap_or(changed)]).collect()
}

/// What a module said, for the operator.
pub(crate) fn pass_on(log: &dyn Log, module: &str, lines: &[multus_wasm::LogLine]) {
    for line in lines {
        let severity = match line.level {
            Level::Debug => Severity::Debug,
            Level::Info => Severity::Info,
            Level::Warn => Severity::Warning,
            Level::Error => Severity::Error,
        };
        log.log(severity, &format!("module {module} [{}]: {}", line.level, line.message));
    }
}

/// An attachment as modules see it, for those who show what they are asked.
pub fn seen(call: &Call<'_>, plan: &Plan, attachment: &Attachment) -> multus_wasm::Attachment {
    seen_by_modules(&call.request.container_id, attachment, plan.pod.as_ref())
}

/// An attachment as modules see it.
pub(crate) fn seen_by_modules(
    container_id: &str,
    attachment: &Attachment,
    pod: Option<&Pod>,
) -> multus_wasm::Attachment {
    multus_wasm::Attachment {
        container_id: container_id.to_owned(),
        interface_name: attachment.interface.clone(),
        network: attachment.display.clone(),
        index: attachment.index,
        default_network: attachment.default,
        pod: pod.map(crate::plan::seen_by_modules),
        context: json!({
            "definition": {"annotations": attachment.definition_annotations},
            "selection": attachment.selection,
            "runtimeConfig": attachment.runtime_config,
            "args": attachment.args,
        }),
    }
}
