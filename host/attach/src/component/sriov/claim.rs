//! Taking a function: it is nobody else's, on record and on disk, before anything is done to it.

use std::time::Instant;

use multus_cni::Code;
use multus_journal::Effect;
use multus_net::PciAddress;
use multus_net::sriov::{ClaimError, Function, Holder, Locked, Taken};
use multus_wasm::node::{Answer, Failure, FunctionId};

use super::super::node::ComponentNode;
use super::super::predecessor;
use super::super::refusal::{self, failure, invalid, not_allowed, not_granted};
use super::{gone, look};

/// `device`.
pub(in super::super) fn device(node: &mut ComponentNode) -> Answer<FunctionId> {
    let named = node.scene.device.clone();
    let named = named.ok_or_else(|| {
        invalid(
            "the configuration names no device: its definition needs the annotation `k8s.v1.cni.cncf.io/resourceName`, \
             so that the kubelet's device gets there, or a `deviceID`",
        )
    })?;
    let address: PciAddress = named.parse().map_err(|error| invalid(format!("`deviceID`: {error}")))?;
    if let Some(id) = node.functions.position(&address) {
        return Ok(id);
    }
    has_none_yet(node)?;
    let found = look(node, &address)?.ok_or_else(|| gone(&address))?;
    check_granted(node, &found.physical)?;
    if let Some(words) = unfit(node, &found) {
        return Err(invalid(format!("virtual function {address}: {words}")));
    }
    let locked = lock(node, &address, node.scene.deadline)?;
    if let Some(words) = taken(node, &locked)? {
        return Err(failure(
            Code::TryAgainLater,
            format!("virtual function {address} of `{}` is taken: {words}", found.physical),
            "`multusctl sriov list` shows who has which",
        ));
    }
    // As it is now that nobody else works on it.
    let found = look(node, &address)?.ok_or_else(|| gone(&address))?;
    if let Some(words) = used_by_node(&found) {
        let message = format!(
            "virtual function {address} of `{}` is not a pod's to have, the node itself uses it: {words}",
            found.physical
        );
        let mend = "take that off the link if it is not meant, or name another function; the device plugin's \
                    configuration decides which ones pods are given";
        return Err(failure(Code::InvalidConfig, message, mend));
    }
    claim(node, locked)
}

/// `pick`.
pub(in super::super) fn pick(node: &mut ComponentNode, physical: &str) -> Answer<FunctionId> {
    check_granted(node, physical)?;
    has_none_yet(node)?;
    let all = node.ask(|backend| backend.functions_of(physical))?;
    let mut reasons = Vec::new();
    for place in all {
        match choose(node, &place.address)? {
            Ok(locked) => return claim(node, locked),
            Err(words) => reasons.push(format!("{}: {words}", place.address)),
        }
    }
    let why = match reasons.is_empty() {
        true => format!("it has none: `echo 8 > /sys/class/net/{physical}/device/sriov_numvfs` makes eight"),
        false => reasons.join("; "),
    };
    let message = format!("no virtual function of `{physical}` is free: {why}");
    Err(failure(Code::TryAgainLater, message, "`multusctl sriov list` shows who has which"))
}

/// An attachment has one function to itself: a module that may take any one of a card must not take all of them.
fn has_none_yet(node: &ComponentNode) -> Answer<()> {
    match node.functions.first() {
        None => Ok(()),
        Some(address) => Err(not_allowed(
            &format!("take a second virtual function: it has {address}"),
            "a pod that needs several asks for a network for each",
        )),
    }
}

/// A function that may be taken, locked, or why not.
fn choose(node: &ComponentNode, address: &PciAddress) -> Answer<Result<Locked, String>> {
    let locked = match lock(node, address, Instant::now()) {
        Err(busy) if busy.code == Code::TryAgainLater as u32 => {
            return Ok(Err("somebody works on it".to_owned()));
        }
        locked => locked?,
    };
    if let Some(words) = taken(node, &locked)? {
        return Ok(Err(words));
    }
    let Some(found) = look(node, address)? else { return Ok(Err("it is gone".to_owned())) };
    Ok(unfit(node, &found).or_else(|| unwanted(&found)).map_or(Ok(locked), Err))
}

/// Why a function can't be used at all.
fn unfit(node: &ComponentNode, function: &Function) -> Option<String> {
    plugged(function).or_else(|| confined(function).filter(|_| !node.scene.moves_rdma))
}

/// Why a function can't be used whose link would go to the pod without its RDMA device.
fn confined(function: &Function) -> Option<String> {
    let device = function.confined.first()?;
    Some(format!(
        "its RDMA device {device} would stay on the node, since RDMA is in exclusive mode: let the plugin `rdma` follow in the \
         network's list, which moves it, or `rdma system set netns shared`, which gives all pods all such devices"
    ))
}

/// Why a function can't be used whose frames a switch in the card leads: a VLAN of the card's would not be asked there.
fn plugged(function: &Function) -> Option<String> {
    let (switch, physical) = (function.switch.as_ref()?, &function.physical);
    Some(format!(
        "its card `{physical}` is in the mode switchdev (switch {switch}), in which a network plugin of the switch's, such as \
         ovs-cni, has to lead its frames; `devlink dev eswitch set … mode legacy` ends that"
    ))
}

/// Why a function that nobody claimed and nobody named is left alone.
fn unwanted(function: &Function) -> Option<String> {
    if function.link.is_none() {
        let driver = function.driver.as_deref().unwrap_or("none");
        return Some(format!("it has no link on the node (driver {driver})"));
    }
    used_by_node(function)
}

/// How the node itself uses a function: by its link. What the kernel gives a link that is up by itself is no use of it.
fn used_by_node(function: &Function) -> Option<String> {
    let link = function.link.as_ref()?;
    let lasting = |address: &&String| !address.starts_with("fe80:");
    match (link.master, link.addresses.iter().find(lasting), &function.carries) {
        (Some(_), ..) => Some(format!("its link {} is a port of another one", link.name)),
        (_, Some(address), _) => Some(format!("its link {} has the address {address}", link.name)),
        (.., Some(other)) => Some(format!("the link {other} is on its link {}", link.name)),
        _ => None,
    }
}

fn check_granted(node: &ComponentNode, physical: &str) -> Answer<()> {
    if node.grants.sriov_matches(physical) {
        return Ok(());
    }
    let shown = physical.escape_debug();
    Err(not_granted(&format!("take virtual functions of `{shown}`"), &format!("\"sriov\": [\"{shown}\"]")))
}

fn lock(node: &ComponentNode, address: &PciAddress, deadline: Instant) -> Answer<Locked> {
    node.scene.functions.lock(address, deadline).map_err(|error| claim_error(&error))
}

fn claim_error(error: &ClaimError) -> Failure {
    let code = match error {
        ClaimError::Busy { .. } => Code::TryAgainLater,
        ClaimError::Io { .. } => Code::Io,
    };
    failure(code, error.to_string(), "")
}

/// Who has it, in words. One that an earlier sandbox of the same pod has is remembered: if this ADD fails, that is taken
/// back.
fn taken(node: &ComponentNode, locked: &Locked) -> Answer<Option<String>> {
    let taken = locked.taken(&node.scene.boot).map_err(|error| claim_error(&error))?;
    Ok(match taken {
        None => None,
        Some(Taken::ByOthers { netns }) => Some(format!("the plugin `sriov` gave it to {netns}")),
        Some(Taken::ByUs(Holder { container_id, interface, .. })) => {
            let earlier = predecessor::of(&node.scene, &container_id);
            let mut held = node.hands.take();
            held.in_the_way = held.in_the_way.take().or(earlier);
            Some(format!("container {container_id} has it as {interface}"))
        }
    })
}

fn claim(node: &mut ComponentNode, locked: Locked) -> Answer<FunctionId> {
    let scene = &node.scene;
    let holder = Holder {
        container_id: scene.container_id.clone(),
        interface: scene.interface.clone(),
        netns: scene.netns.clone(),
        boot: scene.boot.clone(),
    };
    let effect = Effect::Device {
        directory: scene.functions.directory().display().to_string(),
        address: locked.address().clone(),
        netns: scene.netns.clone(),
    };
    let claimed = {
        let mut held = node.hands.take();
        let ledger = held.ledger().map_err(refusal::of_error)?;
        ledger.perform_lasting(node.part, effect, || locked.claim(&holder))
    };
    claimed.map_err(|error| refusal::not_done(error, |error| claim_error(&error)))?;
    Ok(node.functions.add(locked))
}
