//! ADD: plan the whole pod, record it, attach network after network, take all back on a failure.

use multus_cluster::{PodRef, Source, network_status};
use multus_cni::result::ResultDocument;
use multus_cni::{Code, Error};
use multus_journal::{Call as CallEntry, CallKey, ContainerLock, Effect, Entry, Part, Store};
use multus_net::NetnsId;

use crate::call::Call;
use crate::networks;
use crate::plan::{self, Plan};
use crate::steps::{Run, journal_error, now_ms};
use crate::undo;
use crate::upstream;

/// A finished ADD whose result the runtime has not got yet. The container stays locked until then.
pub struct Added<'a> {
    call: &'a Call<'a>,
    lock: ContainerLock,
    result: String,
}

impl Added<'_> {
    /// The default network's result in the version that the caller speaks: one JSON document.
    pub fn result(&self) -> &str {
        &self.result
    }

    /// The runtime has the result: the container is unlocked, the attachments stay.
    pub fn keep(self) {
        drop(self.lock);
    }

    /// The runtime did not get the result: everything is taken back, and `error` says what became of it.
    pub fn undo(self, error: Error) -> Error {
        roll_back(self.call, &self.lock, error)
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
    let netns = call.netns()?;
    let identity = netns.identity().map_err(|error| Error::new(Code::InvalidNetns, error.to_string()))?;
    let lock = call.lock_container()?;
    let store = call.store();
    settle_earlier(call, &store, &lock, &identity)?;
    let links = netns.links().map_err(|error| Error::new(Code::Io, error.to_string()))?;
    drop(netns);
    let names: Vec<String> =
        links.into_iter().flat_map(|link| [vec![link.name], link.alternative_names].concat()).collect();
    let source = networks::source(call.conf)?;
    let plan = plan::build(call, source.as_deref(), &names)?;
    let path = call.search().delegate_path(&call.node.lock_dir)?;
    let mut writer = store.create(&call_entry(call, identity, &path)?).map_err(journal_error)?;
    let intents = plan.attachments.iter().map(plan::Attachment::intent).collect();
    let recorded = writer.append(&Entry::Plan { attachments: intents }).and_then(|()| writer.sync());
    if let Err(error) = recorded {
        // Nothing was done yet, so there is nothing that the record could lose.
        let _ = store.remove(&call.key());
        return Err(journal_error(error));
    }
    let mut run = Run::new(call, &lock, writer, path);
    match attach_all(&mut run, &plan, source.as_deref()) {
        Ok(result) => Ok(Added { call, lock, result }),
        Err(error) => {
            drop(run);
            Err(roll_back(call, &lock, error))
        }
    }
}

fn attach_all(run: &mut Run<'_>, plan: &Plan, source: Option<&dyn Source>) -> Result<String, Error> {
    let mut results = Vec::new();
    for attachment in &plan.attachments {
        let result = run.attach(attachment).map_err(|error| error.context(&attachment.label()))?;
        results.push(result);
    }
    upstream::write(run.call, plan, &results).map_err(|error| error.context("upstream's scratch files"))?;
    publish_status(run, plan, source, &results)?;
    let default = results.first().ok_or_else(|| Error::new(Code::Internal, "the plan has no attachment"))?;
    let result = default.to_version(run.call.conf.cni_version)?;
    run.write(&Entry::Committed { at: now_ms() })?;
    Ok(result.to_string())
}

/// Writes the pod's network-status where its manifests are, if that is where the pod comes from.
fn publish_status(
    run: &mut Run<'_>,
    plan: &Plan,
    source: Option<&dyn Source>,
    results: &[ResultDocument],
) -> Result<(), Error> {
    let (Some(source), Some(pod)) = (source, &plan.pod) else { return Ok(()) };
    let mut status = Vec::new();
    for (attachment, result) in plan.attachments.iter().zip(results) {
        status.push(network_status(
            &attachment.display,
            attachment.default,
            &result.result()?,
            &attachment.interface,
        ));
    }
    let text = serde_json::to_string_pretty(&status)
        .map_err(|error| Error::new(Code::Internal, error.to_string()))?;
    let pod = PodRef {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: Some(pod.uid.clone()).filter(|uid| !uid.is_empty()),
    };
    let effect = Effect::Status { path: format!("{}/{}", pod.namespace, pod.name) };
    let sequence = run.intend(Part::Call, effect)?;
    let written = source.set_network_status(&pod, Some(&text)).map_err(networks::source_error);
    run.done(sequence, written.as_ref().err())?;
    written.map_err(|error| error.context("network-status"))
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
    undo::whole(call, store, lock, &record, "ADD failed").map_err(|errors| undo::summary(&errors))
}
