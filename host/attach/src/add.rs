//! ADD: plan the whole pod, record it, attach network after network, take all back on a failure.

use std::path::PathBuf;

use multus_cni::{Code, Error};
use multus_journal::{Call as CallEntry, CallKey, ContainerLock, Entry, Store, Wait};
use multus_net::NetnsId;

use crate::call::Call;
use crate::default_route;
use crate::networks;
use crate::plan::{self, Built, Plan};
use crate::publish::Publisher;
use crate::readiness;
use crate::steps::{Run, journal_error, now_ms};
use crate::undo;
use crate::upstream;

/// A finished ADD whose result the runtime has not got yet. The container stays locked until then.
pub struct Added<'a> {
    call: &'a Call<'a>,
    lock: ContainerLock,
    publisher: Publisher<'a>,
    result: String,
}

impl Added<'_> {
    /// The default network's result in the version that the caller speaks: one JSON document.
    pub fn result(&self) -> &str {
        &self.result
    }

    /// The runtime has the result: the container is unlocked, the attachments stay. Events that are still on
    /// their way get a moment.
    pub fn keep(self) {
        drop(self.lock);
        self.publisher.settle();
    }

    /// The runtime did not get the result: everything is taken back, and `error` says what became of it.
    pub fn undo(self, error: Error) -> Error {
        self.publisher.failed(roll_back(self.call, &self.lock, error))
    }
}

/// Attaches a pod to all of its networks, or to none.
///
/// # Errors
/// The first failure, naming pod, network and plugin, with the plugin's own code; everything done
/// before it is taken back, and what could not be stays recorded for DEL.
pub fn add<'a>(call: &'a Call<'a>) -> Result<Added<'a>, Error> {
    attach(call).map_err(|error| error.context(&call.subject()))
}

fn attach<'a>(call: &'a Call<'a>) -> Result<Added<'a>, Error> {
    readiness::wait(call)?;
    let netns = call.netns()?;
    let identity = netns.identity().map_err(|error| Error::new(Code::InvalidNetns, error.to_string()))?;
    let lock = call.lock_container()?;
    let store = call.store();
    settle_earlier(call, &store, &lock, &identity)?;
    let names = netns.link_names().map_err(|error| Error::new(Code::Io, error.to_string()))?;
    drop(netns);
    let mut publisher = Publisher::new(call, networks::source(call)?);
    let built =
        plan::build(call, publisher.source(), &names).map_err(|refusal| publisher.refused(refusal))?;
    publisher.found(&built.plan);
    let path = call.search().delegate_path(&call.node.lock_dir)?;
    let entry = call_entry(call, identity, &path)?;
    let attempt = || -> Result<String, Failed> {
        let mut run = begin(call, &store, &lock, &entry, &built, path.clone())?;
        let done = attach_all(&mut run, &built.plan, &publisher);
        let in_the_way = run.hands.take().in_the_way.take();
        drop(run);
        done.map_err(|error| Failed { error: roll_back(call, &lock, error), in_the_way })
    };
    let done = attempt().or_else(|failed| match failed.in_the_way {
        // Once: what is still in the way then stays there.
        Some(earlier) if take_back_earlier(call, &store, &earlier) => attempt(),
        _ => Err(failed),
    });
    match done {
        Ok(result) => Ok(Added { call, lock, publisher, result }),
        Err(failed) => Err(publisher.failed(failed.error)),
    }
}

/// An attempt that was taken back.
struct Failed {
    error: Error,
    /// An earlier sandbox of the pod that has something that was asked for.
    in_the_way: Option<CallKey>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, in_the_way: None }
    }
}

/// Starts the record of an attempt, with its plan.
fn begin<'a>(
    call: &'a Call<'a>,
    store: &Store,
    lock: &'a ContainerLock,
    entry: &CallEntry,
    built: &'a Built,
    path: Vec<PathBuf>,
) -> Result<Run<'a>, Error> {
    let mut writer = store.create(entry).map_err(journal_error)?;
    let intents = built.plan.attachments.iter().map(plan::Attachment::intent).collect();
    if let Err(error) = writer.append(&Entry::Plan { attachments: intents }) {
        // Nothing was done yet, so there is nothing that the record could lose.
        let _ = store.remove(&call.key());
        return Err(journal_error(error));
    }
    Ok(Run::new(call, lock, writer, path, built))
}

/// Takes back what an earlier sandbox of the same pod has: the kubelet makes a new one only when it has given up the
/// old one, whose own DEL may be long in coming. What can't be taken back stays recorded for that. False if it is still
/// there.
fn take_back_earlier(call: &Call<'_>, store: &Store, earlier: &CallKey) -> bool {
    let line = format!("{}: taking back {earlier}, an earlier sandbox of the same pod", call.subject());
    call.node.warn(&line);
    let deadline = call.deadlines.forward;
    let done = call.lock(&earlier.container_id, Wait::Announced, deadline).and_then(|lock| {
        let Some(record) = store.open(earlier).map_err(journal_error)? else { return Ok(()) };
        undo::whole(call, store, &lock.descriptors(), &record, "a newer sandbox of the same pod")
            .map_err(|errors| undo::summary(&errors))
    });
    if let Err(error) = &done {
        call.node.warn(&format!("{earlier} could not be taken back: {error}"));
    }
    done.is_ok()
}

fn attach_all(run: &mut Run<'_>, plan: &Plan, publisher: &Publisher<'_>) -> Result<String, Error> {
    let mut results = Vec::new();
    for attachment in &plan.attachments {
        // An auxiliary chain goes on where the default network ended.
        let before = results.first().filter(|_| attachment.is_auxiliary());
        let result = run.attach(attachment, before).map_err(|error| error.context(&attachment.label()))?;
        results.push(result);
    }
    default_route::settle(run, plan, &mut results)?;
    run.announce()?;
    upstream::write(run.call, plan, &results).map_err(|error| error.context("libcni's cache"))?;
    publisher.attached(run, plan, &results)?;
    let default = results.first().ok_or_else(|| Error::new(Code::Internal, "the plan has no attachment"))?;
    let result = default.to_version(run.call.conf.cni_version)?;
    run.write(&Entry::Committed { at: now_ms() })?;
    Ok(result.to_string())
}

/// A record that is there already belongs to an ADD or a DEL that crashed, to a namespace that is gone, or to
/// a live attachment. The first two are undone, the third is refused (CNI-05).
fn settle_earlier(
    call: &Call<'_>,
    store: &Store,
    lock: &ContainerLock,
    identity: &NetnsId,
) -> Result<(), Error> {
    let key = call.key();
    let Some(record) = store.open(&key).map_err(journal_error)? else { return Ok(()) };
    let attached_here = record.call.as_ref().and_then(|call| call.netns.as_ref()) == Some(identity);
    if record.committed.is_some() && attached_here && record.undoing.is_none() {
        let message = format!("{} is attached already, a DEL has to come first", key.interface);
        return Err(Error::new(Code::InvalidEnvironment, message)
            .with_details("`multusctl journal show` lists what is attached"));
    }
    call.node.warn(&format!("{}: taking back an earlier ADD that did not finish", call.subject()));
    undo_and_remove(call, store, lock, &key)
        .map_err(|error| error.context("an earlier ADD of this container could not be taken back"))
}

fn call_entry(call: &Call<'_>, identity: NetnsId, path: &[std::path::PathBuf]) -> Result<CallEntry, Error> {
    let path: Vec<String> = path.iter().map(|dir| dir.display().to_string()).collect();
    Ok(CallEntry {
        key: call.key(),
        network: call.conf.name.clone(),
        netns_path: call.netns_path().to_owned(),
        netns: Some(identity),
        boot: call.boot()?,
        args: call.request.raw_args.clone(),
        path: path.join(":"),
        pod: call.pod_key(),
        started: now_ms(),
    })
}

/// Takes back what the record says was done, in front of the error that made it necessary.
fn roll_back(call: &Call<'_>, lock: &ContainerLock, error: Error) -> Error {
    match undo_and_remove(call, &call.store(), lock, &call.key()) {
        Ok(()) => error,
        Err(rest) => {
            let details = format!(
                "{} Not everything could be taken back: {rest}. It stays recorded, DEL goes on with it.",
                error.details
            );
            Error { details: details.trim().to_owned(), ..error }
        }
    }
}

fn undo_and_remove(call: &Call<'_>, store: &Store, lock: &ContainerLock, key: &CallKey) -> Result<(), Error> {
    let Some(record) = store.open(key).map_err(journal_error)? else { return Ok(()) };
    undo::whole(call, store, &lock.descriptors(), &record, "ADD failed")
        .map_err(|errors| undo::summary(&errors))
}
