//! CHECK: every attachment of the container, as recorded, not as configured today.

use std::path::Path;

use multus_cni::env::Command;
use multus_cni::result::ResultDocument;
use multus_cni::{Code, Error, Version};
use multus_journal::{AttachmentRecord, Effect, Implementation, Outcome, Record, StepIntent, StepRecord};
use multus_net::PciAddress;
use multus_net::sriov::Sysfs;

use crate::call::Call;
use crate::component::{self, Recorded};
use crate::delegate::{self, Guard, Target};
use crate::steps::journal_error;
use crate::undo::{recorded_stdin, search_path};

/// Verifies that everything attached at ADD is still there (CNI-07).
///
/// # Errors
/// The first thing that is missing or that a plugin objects to, with the plugin's own code.
pub fn check(call: &Call<'_>) -> Result<(), Error> {
    verify(call).map_err(|error| error.context(&call.subject()))
}

fn verify(call: &Call<'_>) -> Result<(), Error> {
    require_version(call, Version::V0_4_0, "CHECK")?;
    if !call.conf.source.contains("prevResult") {
        return Err(Error::new(
            Code::InvalidConfig,
            "CHECK needs the `prevResult` of the ADD in the configuration",
        ));
    }
    let netns = call.netns()?;
    let lock = call.lock_container()?;
    let record = call.store().open(&call.key()).map_err(journal_error)?.ok_or_else(|| {
        Error::new(
            Code::UnknownContainer,
            "nothing is recorded for this container, so there is nothing to check",
        )
    })?;
    if record.committed.is_none() {
        return Err(Error::new(Code::TryAgainLater, "the ADD of this container did not finish"));
    }
    let identity = netns.identity().map_err(|error| Error::new(Code::InvalidNetns, error.to_string()))?;
    if record.call.as_ref().and_then(|call| call.netns.as_ref()) != Some(&identity) {
        return Err(Error::new(Code::InvalidNetns, "CNI_NETNS is not the namespace that was attached")
            .with_details("the path is the same, the namespace behind it was made anew"));
    }
    let names = netns.link_names().map_err(|error| Error::new(Code::Io, error.to_string()))?;
    drop(netns);
    for attachment in &record.attachments {
        let of = format!("network {} ({})", attachment.intent.display, attachment.intent.interface);
        check_links(attachment, &names)
            .and_then(|()| check_steps(call, &lock, &record, attachment))
            .map_err(|error| error.context(&of))?;
    }
    Ok(())
}

/// Verbs that came later than the conf's version are not for it.
pub(crate) fn require_version(call: &Call<'_>, least: Version, verb: &str) -> Result<(), Error> {
    if call.conf.cni_version >= least {
        return Ok(());
    }
    let message =
        format!("{verb} needs cniVersion {least} or later, the configuration says {}", call.conf.cni_version);
    Err(Error::new(Code::IncompatibleVersion, message))
}

/// Each interface that the recorded result places in the sandbox must still be there, unless it stands for a function that
/// programs have.
fn check_links(attachment: &AttachmentRecord, links: &[String]) -> Result<(), Error> {
    let result =
        attachment.result.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    let interfaces =
        result.as_ref().and_then(|result| result.get("interfaces")?.as_array().cloned()).unwrap_or_default();
    for interface in interfaces {
        let in_sandbox =
            interface.get("sandbox").and_then(|text| text.as_str()).is_some_and(|text| !text.is_empty());
        let name = interface.get("name").and_then(|text| text.as_str()).unwrap_or_default();
        let named = interface.get("pciID").and_then(|text| text.as_str());
        let has_program = || component::devices(named, attachment.steps.iter()).iter().any(has_program);
        if in_sandbox && !links.iter().any(|link| link == name) && !has_program() {
            return Err(Error::new(
                Code::UnknownContainer,
                format!("the link `{name}` is gone from the pod's namespace"),
            )
            .with_details("delete the pod so that it is attached anew"));
        }
    }
    Ok(())
}

fn has_program(device: &PciAddress) -> bool {
    let found = Sysfs::default().virtual_function(device);
    found.is_ok_and(|found| found.is_some_and(|function| function.is_for_userspace()))
}

fn check_steps(
    call: &Call<'_>,
    lock: &multus_journal::ContainerLock,
    record: &Record,
    attachment: &AttachmentRecord,
) -> Result<(), Error> {
    let version = Version::parse(&attachment.intent.cni_version).unwrap_or(Version::V0_1_0);
    // Below 0.4.0 a plugin has no CHECK; its links were looked at above.
    if attachment.intent.disable_check || version < Version::V0_4_0 {
        return Ok(());
    }
    let guard = Guard {
        deadline: call.deadlines.forward,
        timeout: call.conf.exec.timeout,
        locks: lock.descriptors().to_vec(),
    };
    let path = search_path(call, record.call.as_ref().map(|call| call.path.as_str()).unwrap_or_default());
    let target = Target {
        container_id: &record.key.container_id,
        netns: call.netns_path(),
        interface: &attachment.intent.interface,
        args: &attachment.intent.args,
        path: &path,
    };
    let looked = Looked { call, attachment, target, guard };
    for (at, (step, state)) in attachment.intent.steps.iter().zip(&attachment.steps).enumerate() {
        let done = match &step.implementation {
            Implementation::Exec { path } => looked.binary(path, &step.conf),
            Implementation::Component { .. } => looked.component(step, at, state),
        };
        done.map_err(|error| error.context(&format!("plugin {}", step.plugin)))?;
    }
    Ok(())
}

/// An attachment that is looked at again.
struct Looked<'a> {
    call: &'a Call<'a>,
    attachment: &'a AttachmentRecord,
    target: Target<'a>,
    guard: Guard<'a>,
}

impl Looked<'_> {
    /// Asks a binary, with its configuration of ADD.
    fn binary(&self, path: &str, conf: &str) -> Result<(), Error> {
        let stdin = recorded_stdin(self.attachment, conf)?;
        delegate::run(Command::Check, Path::new(path), self.target, &stdin, &self.guard).map(drop)
    }

    /// The record knows what there has to be; a component may have more to ask.
    fn component(&self, step: &StepIntent, at: usize, state: &StepRecord) -> Result<(), Error> {
        let Self { call, attachment, target, .. } = self;
        let version = Version::parse(&attachment.intent.cni_version)?;
        let text = attachment.result.as_deref().unwrap_or_default();
        let result = ResultDocument::parse(text.as_bytes(), version)?.result()?;
        let later = attachment.steps.get(at + 1..).unwrap_or_default();
        let planned = attachment.intent.steps.get(at + 1..).unwrap_or_default();
        let binaries = planned.iter().any(|step| matches!(step.implementation, Implementation::Exec { .. }));
        component::check(target.netns, state, later, binaries, &result)?;
        let holder = (target.container_id, target.interface);
        component::check_claims(state, holder, &call.boot()?, self.guard.deadline)?;
        self.had_run(state)?;
        let (container_id, netns) = (target.container_id, target.netns);
        component::lifecycle_check(call, &Recorded { container_id, netns, attachment, step })
    }

    /// The binaries that a component had run, IPAM among them: the record has what each of them was given.
    fn had_run(&self, state: &StepRecord) -> Result<(), Error> {
        for recorded in &state.own.effects {
            let (Effect::Delegate { plugin, path, stdin, .. }, Some(Outcome::Ok)) =
                (&recorded.effect, &recorded.outcome)
            else {
                continue;
            };
            self.binary(path, stdin).map_err(|error| error.context(&format!("its plugin {plugin}")))?;
        }
        Ok(())
    }
}
