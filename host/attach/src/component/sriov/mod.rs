//! The virtual function of an attachment: claimed before anything is done to it, its settings written down with what they
//! were.

mod claim;
mod mac;
#[cfg(test)]
mod tests;

use multus_net::sriov::{Function, Locked};
use multus_net::{
    Effect, FunctionChange, LinkState, PciAddress, Rate, Refused, Setting, Space, Vlan, VlanProtocol,
};
use multus_wasm::node::{Answer, FunctionId, FunctionSetting, LinkId};
use serde_json::json;

use super::lent::Origin;
use super::node::ComponentNode;
use super::refusal::{self, invalid};
use super::words;

pub(super) use claim::{device, pick};

/// What leaves a function to programs, and may be asked for.
const FOR_PROGRAMS: &str = "vfio-pci";

/// The functions of a module, in the order of their handles, each locked as long as the call lasts.
#[derive(Debug, Default)]
pub(super) struct Functions(Vec<Locked>);

impl Functions {
    fn add(&mut self, locked: Locked) -> FunctionId {
        self.0.push(locked);
        FunctionId(u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX))
    }

    fn position(&self, address: &PciAddress) -> Option<FunctionId> {
        let at = self.0.iter().position(|locked| locked.address() == address)?;
        u32::try_from(at).ok().map(FunctionId)
    }

    fn first(&self) -> Option<&PciAddress> {
        self.0.first().map(Locked::address)
    }

    fn address(&self, id: FunctionId) -> Answer<&PciAddress> {
        let found = usize::try_from(id.0).ok().and_then(|at| self.0.get(at));
        found.map(Locked::address).ok_or_else(|| invalid("this handle stands for no virtual function"))
    }
}

/// The function of a handle as it is now.
fn now(node: &ComponentNode, id: FunctionId) -> Answer<Function> {
    let address = node.functions.address(id)?;
    look(node, address)?.ok_or_else(|| gone(address))
}

fn look(node: &ComponentNode, address: &PciAddress) -> Answer<Option<Function>> {
    node.ask(|backend| backend.function(address))
}

fn gone(address: &PciAddress) -> multus_wasm::node::Failure {
    invalid(format!(
        "the device {address} is no virtual function of this node: look at `multusctl sriov list`"
    ))
}

/// `info`.
pub(super) fn info(node: &ComponentNode, id: FunctionId) -> Answer<String> {
    let found = now(node, id)?;
    let info = json!({
        "address": found.place.address,
        "physical": found.physical,
        "number": found.place.number,
        "driver": found.driver,
        "userspace": found.is_for_userspace(),
    });
    Ok(info.to_string())
}

/// `link`. It may be moved: it is the attachment's own, whatever it is called.
pub(super) fn link(node: &mut ComponentNode, id: FunctionId) -> Answer<Option<LinkId>> {
    let Some(link) = now(node, id)?.link else { return Ok(None) };
    Ok(Some(node.lent.lend(multus_net::LinkRef::to(Space::Host, &link), Origin::Granted)))
}

/// The `set-…` of a function.
pub(super) fn set(node: &mut ComponentNode, id: FunctionId, setting: FunctionSetting<'_>) -> Answer<()> {
    let function = now(node, id)?;
    let setting = match setting {
        FunctionSetting::Mac(text) => return mac::give(node, &function, words::mac(text)?),
        FunctionSetting::Driver(driver) => return leave_to_programs(node, &function, driver),
        FunctionSetting::Vlan { id, qos, protocol } => Setting::Vlan(vlan(id, qos, protocol)?),
        FunctionSetting::Rate { min, max } if max != 0 && min > max => {
            return Err(invalid(format!("a rate of at least {min} and at most {max} Mbit/s is none")));
        }
        FunctionSetting::Rate { min, max } => Setting::Rate(Rate { min, max }),
        FunctionSetting::SpoofCheck(on) => Setting::SpoofCheck(on),
        FunctionSetting::Trust(on) => Setting::Trust(on),
        FunctionSetting::LinkState(text) => Setting::LinkState(link_state(text)?),
    };
    change(node, &function, setting, false)?.map_err(|refused| refusal::refused(&refused))
}

fn vlan(id: u16, qos: u8, protocol: &str) -> Answer<Vlan> {
    if id > 4094 || qos > 7 {
        return Err(invalid(format!(
            "VLAN {id} with priority {qos}: a VLAN is 0 to 4094, a priority 0 to 7"
        )));
    }
    let all = [VlanProtocol::Ieee8021Q, VlanProtocol::Ieee8021Ad];
    let found = all.into_iter().find(|one| one.to_string() == protocol.to_ascii_lowercase());
    let protocol = found.ok_or_else(|| {
        invalid(format!("`{}` is no protocol of VLANs: 802.1q or 802.1ad", protocol.escape_debug()))
    })?;
    if id == 0 && (qos != 0 || protocol != VlanProtocol::default()) {
        return Err(invalid("no VLAN has neither priority nor protocol: set a VLAN from 1 to 4094"));
    }
    Ok(Vlan { id, qos, protocol })
}

fn link_state(text: &str) -> Answer<LinkState> {
    let all = [LinkState::Auto, LinkState::Enable, LinkState::Disable];
    let found = all.into_iter().find(|one| one.to_string() == text);
    found.ok_or_else(|| {
        invalid(format!("`{}` is no link state: auto, enable or disable", text.escape_debug()))
    })
}

/// Changes a setting, unless it is so already; then CHECK knows of it all the same. The card's refusal is an answer.
fn change(
    node: &ComponentNode,
    function: &Function,
    setting: Setting,
    briefly: bool,
) -> Answer<Result<(), Refused>> {
    let address = &function.place.address;
    let before = look(node, address)?.ok_or_else(|| gone(address))?.like(&setting);
    let effect = |before| {
        Effect::Function(FunctionChange::Set { function: function.place.clone(), setting, before, briefly })
    };
    if before == Some(setting) {
        return node.rely_on(effect(None)).map(Ok);
    }
    node.attempt(effect(before))
}

fn leave_to_programs(node: &ComponentNode, function: &Function, driver: &str) -> Answer<()> {
    if driver != FOR_PROGRAMS {
        return Err(invalid(format!(
            "the driver `{}` can't be given to a virtual function: `{FOR_PROGRAMS}` is the one that protects the node",
            driver.escape_debug()
        )));
    }
    if function.is_for_userspace() {
        return Ok(());
    }
    node.perform(Effect::Function(FunctionChange::Driver {
        address: function.place.address.clone(),
        driver: Some(driver.to_owned()),
        before: function.driver.clone(),
        name: function.link.as_ref().map(|link| link.name.clone()),
        reserved_for: function.reserved_for.clone(),
    }))
}
