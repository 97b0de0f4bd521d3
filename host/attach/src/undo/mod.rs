//! Taking back what a record says was done, step by step in reverse (design 4, "Undo order"). Consecutive components
//! are taken back together ([`Batch`]), binaries one by one.

mod batch;
#[cfg(test)]
mod crash;
mod functions;
mod strays;

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use multus_cluster::{ManifestDirectory, PodRef, Source};
use multus_cni::env::Command;
use multus_cni::{Code, Error, Version};
use multus_document::Object;
use multus_journal::{
    AttachmentIntent, AttachmentRecord, Effect, Entry, Implementation, Outcome, Part, Record, StepIntent,
    StepState, Store, Writer,
};
use multus_net::BootId;
use serde_json::value::RawValue;

use self::batch::Batch;
use self::strays::Strays;
use crate::call::Call;
use crate::delegate::{self, Guard, Target};
use crate::devices::info;
use crate::steps::{journal_error, now_ms, with_previous};
use crate::upstream;

/// The backward half: DELs, by record.
pub(crate) struct Undo<'a> {
    call: &'a Call<'a>,
    store: &'a Store,
    locks: Vec<BorrowedFd<'a>>,
}

/// Many failures as one error: the first one's code, everything said.
pub(crate) fn summary(errors: &[Error]) -> Error {
    let code = errors.first().map_or(999, |error| error.code);
    let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Error::with_raw_code(code, all.join("; "))
}

/// What an undo needs to know of the call that it takes back.
pub(crate) struct Scene {
    pub(crate) container_id: String,
    /// Empty where the namespace of the ADD is gone, or out of reach.
    pub(crate) netns: String,
    /// Why it can't be told whether it is gone.
    pub(crate) unreachable: Option<Error>,
    pub(crate) path: Vec<PathBuf>,
    /// The boot of the ADD, if that is on record.
    pub(crate) boot: Option<BootId>,
    /// The kernel's state is that of another boot: nothing of it is ours.
    pub(crate) other_boot: bool,
    /// Some of the log may be missing, as after a power cut: whatever was planned may have begun.
    pub(crate) incomplete: bool,
}

/// A recorded `CNI_PATH` as folders. A folder of allowed binaries is on tmpfs: after a reboot it is made
/// anew.
pub(crate) fn search_path(call: &Call<'_>, recorded: &str) -> Vec<PathBuf> {
    let dirs: Vec<PathBuf> = recorded.split(':').filter(|dir| !dir.is_empty()).map(PathBuf::from).collect();
    if dirs.iter().any(|dir| dir.exists()) {
        return dirs;
    }
    call.search().delegate_path(&call.node.lock_dir).unwrap_or(dirs)
}

/// Takes back a whole call and drops its record. What a damaged record no longer says may still stand in
/// libcni's cache.
///
/// # Errors
/// Everything that could not be taken back; the record keeps it.
pub(crate) fn whole(
    call: &Call<'_>,
    store: &Store,
    locks: &[BorrowedFd<'_>],
    record: &Record,
    reason: &str,
) -> Result<(), Vec<Error>> {
    Undo::new(call, store, locks.to_vec()).record(record, reason)?;
    if is_unclear(record) {
        let container = upstream::Container::recorded(call, record);
        upstream::detach(call, store, &container, locks).map_err(|error| vec![error])?;
    }
    store.dispose(record).map(drop).map_err(|error| vec![journal_error(error)])
}

/// Whether a record may be silent about attachments of which libcni's cache tells.
pub(crate) fn is_unclear(record: &Record) -> bool {
    !record.problems.is_empty() || record.attachments.is_empty()
}

impl<'a> Undo<'a> {
    pub(crate) fn new(call: &'a Call<'a>, store: &'a Store, locks: Vec<BorrowedFd<'a>>) -> Self {
        Self { call, store, locks }
    }

    /// Takes back every step that was begun and not yet taken back. One failure does not stop the
    /// rest (NP-40); a full disk does not stop it either, the steps are only not ticked off.
    ///
    /// # Errors
    /// Everything that could not be taken back; the record keeps it.
    pub(crate) fn record(&self, record: &Record, reason: &str) -> Result<(), Vec<Error>> {
        if record.newer() {
            let message = format!("{} was written by a newer version of multus", record.path.display());
            return Err(vec![
                Error::new(Code::Internal, message).with_details("detach this container with that version"),
            ]);
        }
        if !record.begun() {
            return Ok(());
        }
        let mut writer = self.store.writer(record).ok();
        note(writer.as_mut(), &Entry::Undoing { at: now_ms(), reason: reason.to_owned() });
        let scene = self.scene(record);
        self.withdraw_status(record);
        let mut failures = self.steps(&scene, record, writer.as_mut());
        for attachment in record.attachments.iter().rev() {
            self.attachment(record, attachment, &mut failures);
        }
        let errors: Vec<Error> = failures.into_iter().map(|(_, error)| error).collect();
        if errors.is_empty() {
            upstream::forget_scratch(self.call, &record.key.container_id);
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn scene(&self, record: &Record) -> Scene {
        let recorded = record.call.as_ref();
        let other_boot = recorded.is_none_or(|call| self.call.is_of_another_boot(call));
        let netns = recorded.map(|call| self.call.namespace_of(call));
        let (netns, unreachable) = match netns.transpose() {
            Ok(netns) => (netns.unwrap_or_default(), None),
            Err(error) => {
                self.call.node.warn(&format!("the pod's namespace is out of reach: {error}"));
                (String::new(), Some(Error::new(Code::Io, error.to_string())))
            }
        };
        Scene {
            container_id: record.key.container_id.clone(),
            netns,
            unreachable,
            path: search_path(self.call, recorded.map(|call| call.path.as_str()).unwrap_or_default()),
            boot: recorded.map(|call| call.boot.clone()),
            incomplete: record.torn || !record.problems.is_empty() || other_boot,
            other_boot,
        }
    }

    /// Takes back every step that was begun; what could not be, with its attachment.
    pub(crate) fn steps(
        &self,
        scene: &Scene,
        record: &Record,
        mut writer: Option<&mut Writer>,
    ) -> Vec<(u32, Error)> {
        let mut failures = Vec::new();
        let mut batch = Batch::with(Strays::of(record));
        for attachment in record.attachments.iter().rev() {
            let steps = (0_u32..).zip(attachment.intent.steps.iter().zip(&attachment.steps));
            for (index, (step, state)) in steps.collect::<Vec<_>>().into_iter().rev() {
                let begun = state.state() != StepState::NotStarted || scene.incomplete;
                if state.own.undone || !begun {
                    continue;
                }
                if let Implementation::Component { .. } = step.implementation {
                    batch.add(attachment, index);
                    continue;
                }
                failures.extend(batch.flush(self, scene, writer.as_deref_mut()));
                let part = Part::Step { attachment: attachment.intent.index, step: index };
                let outcome = state.own.effects.last().and_then(|effect| effect.outcome.as_ref());
                let done = unless_refused(self.step(scene, attachment, step), outcome);
                failures.extend(tick_off(writer.as_deref_mut(), part, attachment, step, done));
            }
        }
        failures.extend(batch.flush(self, scene, writer));
        failures
    }

    /// What belongs to an attachment as a whole, once its steps are taken back.
    fn attachment(&self, record: &Record, attachment: &AttachmentRecord, failures: &mut Vec<(u32, Error)>) {
        let index = attachment.intent.index;
        // A plugin that has to be asked once more may look at them again.
        if failures.iter().any(|(failed, _)| *failed == index) {
            return;
        }
        match info::take_back(&attachment.own) {
            Ok(()) => upstream::forget(self.call, &record.key.container_id, &attachment.intent),
            Err(error) => failures.push((index, error)),
        }
    }

    fn step(&self, scene: &Scene, attachment: &AttachmentRecord, step: &StepIntent) -> Result<(), Error> {
        let stdin = recorded_stdin(attachment, &step.conf)?;
        let Implementation::Exec { path } = &step.implementation else { return Ok(()) };
        self.del(scene, &attachment.intent, &step.plugin, path, &stdin)
    }

    /// A binary's DEL.
    fn del(
        &self,
        scene: &Scene,
        intent: &AttachmentIntent,
        plugin: &str,
        path: &str,
        stdin: &str,
    ) -> Result<(), Error> {
        // A binary that is told of no namespace gives back addresses that links in it may still have.
        if let Some(error) = &scene.unreachable {
            return Err(error.clone());
        }
        let binary = self.binary(plugin, path)?;
        let target = Target {
            container_id: &scene.container_id,
            netns: &scene.netns,
            interface: &intent.interface,
            args: &intent.args,
            path: &scene.path,
        };
        delegate::run(Command::Del, &binary, target, stdin, &self.guard()).map(drop)
    }

    /// The binary used at ADD; where it has moved since, the one of the same name.
    fn binary(&self, plugin: &str, path: &str) -> Result<PathBuf, Error> {
        if path.is_empty() {
            // Of what upstream attached nobody has looked yet whether it may run here.
            return self.call.search().find(plugin);
        }
        if Path::new(path).exists() {
            return Ok(path.into());
        }
        multus_cni::exec::find_plugin(plugin, self.call.search().dirs())
    }

    fn guard(&self) -> Guard<'_> {
        Guard {
            deadline: self.call.deadlines.end,
            timeout: self.call.conf.exec.timeout,
            locks: self.locks.clone(),
        }
    }

    /// Whether the pod has another sandbox, whole and meant to stay: the status is of that one by now.
    fn has_other_sandbox(&self, record: &Record) -> bool {
        let pod = |record: &Record| record.call.as_ref().and_then(|call| call.pod.clone());
        self.store.records().records.iter().any(|other| {
            let whole = other.committed.is_some() && other.undoing.is_none();
            whole && other.key.container_id != record.key.container_id && pod(other) == pod(record)
        })
    }

    /// The status belongs to the attachments; the source may be gone by now, and DEL never needs it.
    fn withdraw_status(&self, record: &Record) {
        let published = record.own.effects.iter().any(|done| matches!(done.effect, Effect::Status { .. }));
        let (true, Some(pod)) = (published, record.call.as_ref().and_then(|call| call.pod.as_ref())) else {
            return;
        };
        let pod = PodRef { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: pod.uid.clone() };
        // An API server keeps the status with the pod, and both go together.
        let Some(directory) = &self.call.conf.cluster.manifests else { return };
        if self.has_other_sandbox(record) {
            return;
        }
        let withdrawn =
            ManifestDirectory::open(directory).and_then(|source| source.set_network_status(&pod, None));
        if let Err(error) = withdrawn {
            self.call
                .node
                .warn(&format!("network-status of pod {}/{} not removed: {error}", pod.namespace, pod.name));
        }
    }
}

/// A binary that refused ADD and now refuses DEL, because of the version that it is spoken to in, has done nothing: it
/// would refuse for ever.
fn unless_refused(done: Result<(), Error>, add: Option<&Outcome>) -> Result<(), Error> {
    match (done, add) {
        (Err(error), Some(Outcome::Failed { .. })) if error.is(Code::IncompatibleVersion) => Ok(()),
        (done, _) => done,
    }
}

/// What a plugin gets at DEL and CHECK: its recorded configuration of ADD, with the list's own result.
///
/// # Errors
/// Code 6: what was recorded is not JSON.
pub(crate) fn recorded_stdin(attachment: &AttachmentRecord, conf: &str) -> Result<String, Error> {
    let conf = Object::parse(conf.as_bytes()).map_err(|error| {
        Error::new(Code::Decode, format!("the recorded configuration is not JSON: {error}"))
    })?;
    Ok(with_previous(&conf, previous_result(attachment).as_deref()).to_string())
}

/// The list's own final result (design 4), or as far as it came; plugins before 0.4.0 get none (CNI-06).
fn previous_result(attachment: &AttachmentRecord) -> Option<Box<RawValue>> {
    if !speaks_prev_result(&attachment.intent) {
        return None;
    }
    let last = attachment.steps.iter().rev().find_map(|step| step.result.clone());
    let text = attachment.result.clone().or(last)?;
    RawValue::from_string(text).ok()
}

fn speaks_prev_result(intent: &AttachmentIntent) -> bool {
    Version::parse(&intent.cni_version).is_ok_and(|version| version >= Version::V0_4_0)
}

/// Writes down how a step's undoing ended; its failure with words for people.
fn tick_off(
    writer: Option<&mut Writer>,
    part: Part,
    attachment: &AttachmentRecord,
    step: &StepIntent,
    done: Result<(), Error>,
) -> Option<(u32, Error)> {
    let AttachmentIntent { index, display, interface, .. } = &attachment.intent;
    match done {
        Ok(()) => {
            note(writer, &Entry::Undone { part, at: now_ms() });
            None
        }
        Err(error) => {
            note(writer, &Entry::UndoFailed { part, at: now_ms(), message: error.to_string() });
            Some((*index, error.context(&format!("network {display} ({interface}), plugin {}", step.plugin))))
        }
    }
}

/// Undoing goes on when the disk is full: a step not ticked off is only undone once more.
fn note(writer: Option<&mut Writer>, entry: &Entry) {
    if let Some(writer) = writer {
        let _ = writer.append(entry);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use multus_cni::env::Request;
    use serde_json::json;

    use super::*;
    use crate::call::{Deadlines, Node};
    use crate::conf::MultusConf;
    use crate::log::{Log, Severity};

    struct Quiet;

    impl Log for Quiet {
        fn log(&self, _: Severity, _: &str) {}
    }

    #[test]
    fn the_folder_of_allowed_binaries_is_made_anew_after_a_reboot() {
        let dir = tempfile::tempdir().unwrap();
        let bridge = dir.path().join("bridge");
        fs::write(&bridge, "").unwrap();
        fs::set_permissions(&bridge, fs::Permissions::from_mode(0o755)).unwrap();
        let conf = json!({"name": "n", "binDir": dir.path(), "exec": {"allow": ["bridge"]}, "delegates": [{"type": "bridge"}]});
        let conf = MultusConf::parse(conf.to_string().as_bytes()).unwrap();
        let request = Request::from_env(|name| (name == "CNI_COMMAND").then(|| "STATUS".into())).unwrap();
        let node = Node { lock_dir: dir.path().join("run"), ..Node::new(&Quiet) };
        let call = Call { node: &node, request: &request, conf: &conf, deadlines: Deadlines::start() };

        let recorded = call.search().delegate_path(&node.lock_dir).unwrap();
        let text = recorded[0].to_str().unwrap();
        assert_eq!(search_path(&call, text), recorded);
        fs::remove_dir_all(&node.lock_dir).unwrap();
        assert_eq!(search_path(&call, text), recorded, "the same folder");
        assert!(recorded[0].join("bridge").exists(), "with the same binaries in it");
        assert_eq!(search_path(&call, "/nonexistent:/proc:").len(), 2, "others stay as they were recorded");
    }
}
