//! Taking back what a record says was done, step by step in reverse (design 4, "Undo order").

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use multus_cluster::{ManifestDirectory, PodRef, Source};
use multus_cni::env::Command;
use multus_cni::{Code, Error, Version};
use multus_document::Object;
use multus_journal::{
    AttachmentIntent, AttachmentRecord, ContainerLock, Effect, Entry, Implementation, Part, Record,
    StepIntent, StepState, Store, Writer,
};
use serde_json::value::RawValue;

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
struct Scene {
    container_id: String,
    /// Empty where the namespace of the ADD is gone.
    netns: String,
    path: Vec<PathBuf>,
    /// Some of the log may be missing, as after a power cut: whatever was planned may have begun.
    incomplete: bool,
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
    lock: &ContainerLock,
    record: &Record,
    reason: &str,
) -> Result<(), Vec<Error>> {
    Undo::new(call, store, lock.descriptors().to_vec()).record(record, reason)?;
    if !record.problems.is_empty() || record.attachments.is_empty() {
        upstream::detach(call, &lock.descriptors()).map_err(|error| vec![error])?;
    }
    store.dispose(record).map(drop).map_err(|error| vec![journal_error(error)])
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
        let mut errors = Vec::new();
        for attachment in record.attachments.iter().rev() {
            match self.attachment(&scene, attachment, writer.as_mut()) {
                Ok(()) => upstream::forget(self.call, &record.key.container_id, &attachment.intent),
                Err(failed) => errors.extend(failed),
            }
        }
        if errors.is_empty() {
            upstream::forget_scratch(self.call, &record.key.container_id);
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn scene(&self, record: &Record) -> Scene {
        let recorded = record.call.as_ref();
        Scene {
            container_id: record.key.container_id.clone(),
            netns: recorded
                .map(|call| self.call.live_netns(&call.netns_path, call.netns.as_ref()))
                .unwrap_or_default(),
            path: search_path(self.call, recorded.map(|call| call.path.as_str()).unwrap_or_default()),
            incomplete: record.torn
                || !record.problems.is_empty()
                || recorded.is_none_or(|call| self.call.boot().is_ok_and(|boot| boot != call.boot)),
        }
    }

    fn attachment(
        &self,
        scene: &Scene,
        attachment: &AttachmentRecord,
        mut writer: Option<&mut Writer>,
    ) -> Result<(), Vec<Error>> {
        let mut errors = Vec::new();
        let steps = (0_u32..).zip(attachment.intent.steps.iter().zip(&attachment.steps)).collect::<Vec<_>>();
        for (index, (step, state)) in steps.into_iter().rev() {
            let begun = state.state() != StepState::NotStarted || scene.incomplete;
            if state.own.undone || !begun {
                continue;
            }
            let part = Part::Step { attachment: attachment.intent.index, step: index };
            match self.step(scene, attachment, step) {
                Ok(()) => note(writer.as_deref_mut(), &Entry::Undone { part, at: now_ms() }),
                Err(error) => {
                    let message = error.to_string();
                    note(writer.as_deref_mut(), &Entry::UndoFailed { part, at: now_ms(), message });
                    let of = format!(
                        "network {} ({}), plugin {}",
                        attachment.intent.display, attachment.intent.interface, step.plugin
                    );
                    errors.push(error.context(&of));
                }
            }
        }
        // A plugin that has to be asked once more may look at it again.
        if errors.is_empty()
            && let Err(error) = info::take_back(&attachment.own)
        {
            errors.push(error);
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn step(&self, scene: &Scene, attachment: &AttachmentRecord, step: &StepIntent) -> Result<(), Error> {
        let intent = &attachment.intent;
        let stdin = recorded_stdin(attachment, step)?;
        let binary = self.binary(step)?;
        let target = Target {
            container_id: &scene.container_id,
            netns: &scene.netns,
            interface: &intent.interface,
            args: &intent.args,
            path: &scene.path,
        };
        delegate::run(Command::Del, &binary, target, &stdin, &self.guard()).map(drop)
    }

    /// The binary used at ADD; where it has moved since, the one of the same name.
    fn binary(&self, step: &StepIntent) -> Result<PathBuf, Error> {
        match &step.implementation {
            Implementation::Exec { path } if Path::new(path).exists() => Ok(path.into()),
            Implementation::Exec { .. } => {
                multus_cni::exec::find_plugin(&step.plugin, self.call.search().dirs())
            }
            Implementation::Component { module, .. } => Err(Error::new(
                Code::Internal,
                format!("module {module} was attached by a newer version of multus"),
            )),
        }
    }

    fn guard(&self) -> Guard<'_> {
        Guard {
            deadline: self.call.deadlines.end,
            timeout: self.call.conf.exec.timeout,
            locks: self.locks.clone(),
        }
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
        let withdrawn =
            ManifestDirectory::open(directory).and_then(|source| source.set_network_status(&pod, None));
        if let Err(error) = withdrawn {
            self.call
                .node
                .warn(&format!("network-status of pod {}/{} not removed: {error}", pod.namespace, pod.name));
        }
    }
}

/// What a recorded step gets at DEL and CHECK: its bytes of ADD, with the list's own result.
///
/// # Errors
/// Code 6: what was recorded is not JSON.
pub(crate) fn recorded_stdin(attachment: &AttachmentRecord, step: &StepIntent) -> Result<String, Error> {
    let conf = Object::parse(step.conf.as_bytes()).map_err(|error| {
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
