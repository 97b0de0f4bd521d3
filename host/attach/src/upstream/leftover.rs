//! What a DEL could not take back by files alone, as a record for `multusctl journal sweep`.

use multus_cni::Error;
use multus_cni::conf::{PluginConf, stdin_for};
use multus_journal::{
    AttachmentIntent, Call as CallEntry, Effect, Entry, Implementation, Part, StepIntent, Store, Writer,
};
use multus_net::{Netns, NetnsId};

use super::container::Container;
use super::detach::Told;
use super::scratch::Attached;
use crate::call::Call;
use crate::steps::{journal_error, now_ms};

/// Writes down what upstream's and libcni's files tell of a container as if we had attached it, puts that with the
/// leftovers, and removes the files. `None` if they tell nothing.
///
/// # Errors
/// It can't be written or read; then the files stay as they are.
pub(crate) fn keep(
    call: &Call<'_>,
    store: &Store,
    container: &Container,
    why: &str,
) -> Result<Option<String>, Error> {
    let told = Told::of(call, store, container)?;
    let attachments: Vec<_> =
        (0..).zip(&told.attached).map(|(index, one)| intent(call, container, &told, index, one)).collect();
    if attachments.iter().all(|attachment| attachment.steps.is_empty()) {
        return Ok(None);
    }
    let named: Vec<_> =
        attachments.iter().map(|one| format!("network {} ({})", one.network, one.interface)).collect();
    let mut writer = store.create(&entry(call, container)?).map_err(journal_error)?;
    let kept = write(&mut writer, &told, attachments).and_then(|()| {
        let path = store.to_leftover(&container.key, why).map_err(journal_error)?;
        Ok(path)
    });
    drop(writer);
    let path = kept.inspect_err(|_| drop(store.remove(&container.key)))?;
    told.cached.iter().for_each(|entry| super::forget_cached(call, entry));
    super::forget_scratch(call, &container.key.container_id);
    Ok(Some(format!("{} in {}", named.join(", "), path.display())))
}

/// Its namespace counts if it is there now: what is at its path later may be another pod's.
fn entry(call: &Call<'_>, container: &Container) -> Result<CallEntry, Error> {
    let (netns_path, netns) = namespace(call, container).unzip();
    let path = call.search().dirs().iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>();
    Ok(CallEntry {
        key: container.key.clone(),
        network: call.conf.name.clone(),
        netns_path: netns_path.unwrap_or_default(),
        netns,
        boot: call.boot()?,
        args: container.args(None).into_owned(),
        path: path.join(":"),
        pod: None,
        started: now_ms(),
    })
}

fn namespace(call: &Call<'_>, container: &Container) -> Option<(String, NetnsId)> {
    let path = container.netns(call, None).ok()?;
    let identity = Netns::open(path.as_ref()).and_then(|netns| netns.identity()).ok()?;
    Some((path, identity))
}

fn intent(
    call: &Call<'_>,
    container: &Container,
    told: &Told,
    index: u32,
    attachment: &Attached,
) -> AttachmentIntent {
    let Attached { network, interface, .. } = attachment;
    let entry = told.entry(attachment);
    let runtime_config = entry.map(|entry| entry.capability_args.clone()).unwrap_or_default();
    let step = |plugin: &PluginConf| StepIntent {
        plugin: plugin.plugin_type().to_owned(),
        conf: stdin_for(plugin, network, &runtime_config, None).to_string(),
        // Where it is, and whether it may run, is looked up when it is asked.
        implementation: Implementation::Exec { path: String::new() },
    };
    // What a module did is on a record of its own.
    let asked = |plugin: &&PluginConf| {
        !attachment.is_module(plugin) || call.search().find(plugin.plugin_type()).is_ok()
    };
    AttachmentIntent {
        index,
        interface: interface.clone(),
        network: network.name.clone(),
        display: network.name.clone(),
        default: *interface == container.key.interface,
        cni_version: network.cni_version.to_string(),
        args: container.args(entry).into_owned(),
        disable_check: network.disable_check,
        disable_gc: network.disable_gc,
        source: network.source.to_string(),
        steps: network.plugins.iter().filter(asked).map(step).collect(),
        runtime_config,
    }
}

/// All of it counts as begun.
fn write(writer: &mut Writer, told: &Told, attachments: Vec<AttachmentIntent>) -> Result<(), Error> {
    let mut entries = Vec::new();
    let mut sequence = 0..;
    for (intent, attachment) in attachments.iter().zip(&told.attached) {
        for (step, planned) in (0..).zip(&intent.steps) {
            entries.push(Entry::Intent {
                part: Part::Step { attachment: intent.index, step },
                sequence: sequence.next().unwrap_or_default(),
                at: now_ms(),
                effect: Effect::Exec { verb: "ADD".to_owned(), stdin: planned.conf.clone() },
            });
        }
        let result = told.entry(attachment).and_then(|entry| entry.result.as_ref());
        entries.extend(result.map(|result| Entry::Attached {
            attachment: intent.index,
            at: now_ms(),
            result: result.to_string(),
        }));
    }
    entries.insert(0, Entry::Plan { attachments });
    entries.iter().try_for_each(|entry| writer.append(entry)).map_err(journal_error)?;
    writer.sync().map_err(journal_error)
}
