//! Components taken back together: deleting a link costs a grace period of the kernel, and a batch of links costs one.

use std::path::Path;

use multus_cni::{Code, Error};
use multus_journal::{AttachmentRecord, Effect, EffectRecord, Outcome, Part, StepIntent, Writer};
use multus_net::Class;
use multus_net::sriov::Holder;

use super::functions::Functions;
use super::strays::Strays;
use super::{Scene, Undo, tick_off, unless_refused};
use crate::component::{self, Recorded};

/// Component steps whose turn has come, the last one of the ADD first.
#[derive(Default)]
pub(super) struct Batch<'r> {
    steps: Vec<Member<'r>>,
    strays: Strays<'r>,
}

struct Member<'r> {
    attachment: &'r AttachmentRecord,
    step: &'r StepIntent,
    index: u32,
    effects: &'r [EffectRecord],
    functions: Functions,
    errors: Vec<Error>,
}

impl<'r> Batch<'r> {
    pub(super) fn add(&mut self, attachment: &'r AttachmentRecord, index: u32) {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let (Some(step), Some(state)) = (attachment.intent.steps.get(at), attachment.steps.get(at)) else {
            return;
        };
        let effects = &state.own.effects;
        let functions = Functions::default();
        self.steps.push(Member { attachment, step, index, effects, functions, errors: Vec::new() });
    }

    pub(super) fn with(strays: Strays<'r>) -> Self {
        Self { strays, ..Self::default() }
    }

    /// Takes all of them back: other effects first, then the links in one go, then what the links had from others, so
    /// that an address is never free while a link has it.
    pub(super) fn flush(
        &mut self,
        undo: &Undo<'_>,
        scene: &Scene,
        writer: Option<&mut Writer>,
    ) -> Vec<(u32, Error)> {
        let mut steps = std::mem::take(&mut self.steps);
        let mut strays = std::mem::take(&mut self.strays);
        if let Some(error) = &scene.unreachable {
            // Taken for gone, it would keep what has to come home, and its links would keep addresses that are given
            // back. Nor is a component told so.
            steps.iter_mut().for_each(|member| member.errors.push(error.clone()));
            let lost = (!strays.is_empty()).then(|| error.clone());
            return ticked(steps, lost, writer);
        }
        for member in &mut steps {
            member.hold_functions(undo, scene);
            member.own_part(undo, scene);
            member.binaries(undo, scene, false);
        }
        let deadline = undo.call.deadlines.end;
        strays.hold_functions(scene, deadline);
        strays.miss_binaries();
        let lost = if scene.other_boot { None } else { kernel(undo, scene, &mut steps, &strays) };
        for member in &mut steps {
            if member.errors.is_empty() {
                member.binaries(undo, scene, true);
                member.claims(undo, scene);
            }
        }
        ticked(steps, strays.release(scene, lost, deadline), writer)
    }
}

/// Writes down how the undoing of each step ended. What belongs to no step has nobody to be ticked off with.
fn ticked(steps: Vec<Member<'_>>, lost: Option<Error>, mut writer: Option<&mut Writer>) -> Vec<(u32, Error)> {
    let ticked = steps.into_iter().filter_map(|member| {
        let part = Part::Step { attachment: member.attachment.intent.index, step: member.index };
        let done = if member.errors.is_empty() { Ok(()) } else { Err(super::summary(&member.errors)) };
        tick_off(writer.as_deref_mut(), part, member.attachment, member.step, done)
    });
    ticked.chain(lost.map(|error| (u32::MAX, error))).collect()
}

/// Undoes the kernel effects of all steps.
fn kernel(undo: &Undo<'_>, scene: &Scene, steps: &mut [Member<'_>], strays: &Strays<'_>) -> Option<Error> {
    let mut effects = Vec::new();
    let mut owners = Vec::new();
    // In the order in which they were done.
    for (member, step) in steps.iter().enumerate().rev() {
        for effect in step.effects.iter().filter_map(net).filter(|effect| step.functions.allow(effect)) {
            effects.push(effect);
            owners.push(Some(member));
        }
    }
    effects.extend(strays.kernel());
    owners.resize(effects.len(), None);
    if effects.is_empty() {
        return None;
    }
    let sandbox = Some(scene.netns.as_str()).filter(|path| !path.is_empty()).map(Path::new);
    let failures = match (undo.call.node.open)(sandbox) {
        Ok(mut node) => node.undo(&effects, undo.call.deadlines.end),
        Err(error) => {
            let error = Error::new(Code::Io, error.to_string());
            steps.iter_mut().for_each(|member| member.errors.push(error.clone()));
            return (!strays.is_empty()).then_some(error);
        }
    };
    let mut lost = None;
    for (at, refused) in failures {
        let error = Error::new(Code::Io, refused.to_string());
        match owners.get(at).copied().flatten().and_then(|owner| steps.get_mut(owner)) {
            Some(member) => member.errors.push(error),
            None => lost = Some(error),
        }
    }
    lost
}

/// What was refused is not there, and what has the look of it is somebody else's: only a move has a way back that can
/// fail, what a card was told it may do later, and what is owned has marks of its own, but for limits and rules of routing.
pub(super) fn net(recorded: &EffectRecord) -> Option<&multus_net::Effect> {
    let Effect::Net { effect } = &recorded.effect else { return None };
    let refused = matches!(recorded.outcome, Some(Outcome::Failed { .. }));
    let way_back = matches!(effect, multus_net::Effect::Move { .. } | multus_net::Effect::Function(_));
    let modified = effect.class() == Class::Modified && !way_back;
    let unmarked = matches!(effect, multus_net::Effect::Limit { .. } | multus_net::Effect::PolicyRule { .. });
    (!(refused && (modified || unmarked))).then_some(effect)
}

impl Member<'_> {
    /// Nobody else works on the functions that the component claimed, until all of it is taken back.
    fn hold_functions(&mut self, undo: &Undo<'_>, scene: &Scene) {
        let Some(boot) = &scene.boot else { return };
        let (container_id, interface) = (&scene.container_id, &self.attachment.intent.interface);
        for effect in self.effects {
            let Effect::Device { directory, address, netns } = &effect.effect else { continue };
            let holder = Holder {
                container_id: container_id.clone(),
                interface: interface.clone(),
                netns: netns.clone(),
                boot: boot.clone(),
            };
            if let Err(error) = self.functions.hold(directory, address, holder, undo.call.deadlines.end) {
                self.errors.push(Error::new(Code::Io, error.to_string()));
            }
        }
    }

    /// The DELs of binaries that the component had run, the last one first.
    fn binaries(&mut self, undo: &Undo<'_>, scene: &Scene, of_ipam: bool) {
        for effect in self.effects.iter().rev() {
            let Effect::Delegate { plugin, path, stdin, ipam } = &effect.effect else { continue };
            if *ipam != of_ipam {
                continue;
            }
            let done = undo.del(scene, &self.attachment.intent, plugin, path, stdin);
            if let Err(error) = unless_refused(done, effect.outcome.as_ref()) {
                self.errors.push(error.context(&format!("plugin {plugin}")));
            }
        }
    }

    fn claims(&mut self, undo: &Undo<'_>, scene: &Scene) {
        let holder = (scene.container_id.as_str(), self.attachment.intent.interface.as_str());
        for effect in self.effects.iter().rev() {
            let Effect::Claim { directory, network, key } = &effect.effect else { continue };
            let (other_boot, end) = (scene.other_boot, undo.call.deadlines.end);
            let given = component::give_back((directory, network, key), holder, other_boot, end);
            if let Err(error) = given {
                self.errors.push(Error::new(Code::Io, error.to_string()));
            }
        }
        self.errors.extend(self.functions.release().map(|error| Error::new(Code::Io, error.to_string())));
    }

    /// Work of the component's own; it is no failure of the DEL if that does not work.
    fn own_part(&self, undo: &Undo<'_>, scene: &Scene) {
        let (container_id, netns) = (&scene.container_id, &scene.netns);
        let recorded = Recorded { container_id, netns, attachment: self.attachment, step: self.step };
        component::lifecycle_del(undo.call, &recorded);
    }
}
