//! Work of a component's own at CHECK and DEL. It may add to what follows from the record, never replace it, and it may
//! look but change nothing: only an ADD is on record.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use multus_cni::result::ResultDocument;
use multus_cni::{Code, Error, Version};
use multus_journal::{AttachmentRecord, Implementation, Part, StepIntent};
use multus_net::Kernel;
use multus_net::sriov::Claims;
use multus_wasm::{LogLine, ModuleError, Sandbox};

use super::node::ComponentNode;
use super::run::{self, SPOKEN};
use super::shared::{Hands, Scene};
use crate::call::Call;
use crate::review::{module_error, open_sandbox, pass_on};

/// One step of a record that is looked at again.
pub(crate) struct Recorded<'a> {
    pub(crate) container_id: &'a str,
    /// Empty where the namespace is gone.
    pub(crate) netns: &'a str,
    pub(crate) attachment: &'a AttachmentRecord,
    pub(crate) step: &'a StepIntent,
}

/// A component's own part of CHECK, if it has any.
///
/// # Errors
/// What it found, with its own code; a module that can't be run any more is only said.
pub(crate) fn lifecycle_check(call: &Call<'_>, recorded: &Recorded<'_>) -> Result<(), Error> {
    let done = later(call, recorded, |sandbox, module, scene, node| {
        let previous = previous(recorded.attachment);
        let previous = previous.as_deref().unwrap_or_default();
        sandbox.lifecycle_check(module, &scene.seen, &recorded.step.conf, previous, node)
    });
    match done {
        Ok(Some(Err(error))) => Err(module_error(&error)),
        Ok(_) => Ok(()),
        Err(why) => {
            call.node.warn(&format!("CHECK by the module {} is left out: {why}", recorded.step.plugin));
            Ok(())
        }
    }
}

/// A component's own part of DEL, if it has any. What it can't do is said, and the record is taken back all the same.
pub(crate) fn lifecycle_del(call: &Call<'_>, recorded: &Recorded<'_>) {
    let done = later(call, recorded, |sandbox, module, scene, node| {
        let previous = previous(recorded.attachment);
        sandbox.lifecycle_del(module, &scene.seen, &recorded.step.conf, previous.as_deref(), node)
    });
    let why = match done {
        Ok(Some(Err(error))) => error.to_string(),
        Ok(_) => return,
        Err(why) => why.to_string(),
    };
    call.node.warn(&format!("DEL by the module {} did not work: {why}", recorded.step.plugin));
}

type Asked = Result<Vec<LogLine>, ModuleError>;

/// `None` if the component has no work of its own.
fn later(
    call: &Call<'_>,
    recorded: &Recorded<'_>,
    ask: impl FnOnce(&Sandbox, &str, &Scene, Rc<RefCell<ComponentNode>>) -> Asked,
) -> Result<Option<Asked>, Error> {
    let Implementation::Component { module, digest, lifecycle: true } = &recorded.step.implementation else {
        return Ok(None);
    };
    let paths = call.conf.wasm.as_ref();
    let paths = paths.ok_or_else(|| Error::new(Code::InvalidConfig, "the configuration names no catalog"))?;
    let sandbox = Arc::new(open_sandbox(paths)?);
    let entry = sandbox.catalog().modules.get(module);
    if entry.is_none_or(|entry| entry.digest.to_string() != *digest) {
        return Err(Error::new(Code::InvalidConfig, "the catalog has another component under its name now"));
    }
    let scene = Rc::new(scene(call, recorded, sandbox.clone())?);
    let kernel = Kernel::open(Some(Path::new(recorded.netns)).filter(|path| !path.as_os_str().is_empty()));
    let kernel = kernel.map_err(|error| Error::new(Code::Io, error.to_string()))?;
    let hands = Hands::looking(Box::new(kernel));
    let part = Part::Step { attachment: recorded.attachment.intent.index, step: 0 };
    let node = ComponentNode::new(hands, scene.clone(), run::grants(&sandbox, module), part);
    let asked = ask(&sandbox, module, &scene, Rc::new(RefCell::new(node)));
    let log = match &asked {
        Ok(log) => log,
        Err(error) => &error.log,
    };
    pass_on(call.node.log, module, log);
    Ok(Some(asked))
}

/// The list's own final result, as components read it.
fn previous(attachment: &AttachmentRecord) -> Option<String> {
    let version = Version::parse(&attachment.intent.cni_version).ok()?;
    let result = ResultDocument::parse(attachment.result.as_deref()?.as_bytes(), version).ok()?;
    Some(result.to_version(SPOKEN).ok()?.get().to_owned())
}

fn scene(call: &Call<'_>, recorded: &Recorded<'_>, sandbox: Arc<Sandbox>) -> Result<Scene, Error> {
    let intent = &recorded.attachment.intent;
    let seen = multus_wasm::Attachment {
        container_id: recorded.container_id.to_owned(),
        interface_name: intent.interface.clone(),
        network: intent.display.clone(),
        index: intent.index,
        default_network: intent.default,
        ..multus_wasm::Attachment::default()
    };
    Ok(Scene {
        container_id: recorded.container_id.to_owned(),
        netns: recorded.netns.to_owned(),
        args: intent.args.clone(),
        interface: intent.interface.clone(),
        cni_version: Version::parse(&intent.cni_version)?,
        pod_uid: None,
        began: call.deadlines.began_ms(),
        boot: call.boot()?,
        deadline: call.deadlines.forward,
        lock_dir: call.node.lock_dir.clone(),
        store: call.store(),
        network: intent.network.clone(),
        device: None,
        moves_rdma: false,
        functions: Claims::at(&call.node.functions),
        search: call.search(),
        path: Vec::new(),
        exec_timeout: call.conf.exec.timeout,
        locks: Vec::new(),
        sandbox,
        seen,
        said: RefCell::default(),
    })
}
