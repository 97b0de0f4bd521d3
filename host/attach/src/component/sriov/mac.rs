//! A function's address. Cards let an untrusted function have no other than the assigned one, and some only notice an
//! assignment when the function is reset: so its own link gets the address first.

use multus_net::sriov::Function;
use multus_net::{MacAddr, Refused, Setting};
use multus_wasm::node::Answer;

use super::super::node::ComponentNode;
use super::super::refusal;
use super::change;

pub(super) fn give(node: &ComponentNode, function: &Function, mac: MacAddr) -> Answer<()> {
    let (own, assigned) = (Setting::OwnMac(mac), Setting::Mac(mac));
    let must = |done: Result<(), Refused>| done.map_err(|refused| refusal::refused(&refused));
    if function.link.is_some() && change(node, function, own, false)?.is_err() {
        // Another address was assigned to it.
        let distrusted = function.settings.trust == Some(false);
        if distrusted && change(node, function, Setting::Trust(true), true)?.is_ok() {
            let done = change(node, function, own, false)?;
            must(change(node, function, Setting::Trust(false), true)?)?;
            must(done)?;
        } else {
            // It may be told by the assignment.
            must(change(node, function, assigned, false)?)?;
            return must(change(node, function, own, false)?);
        }
    }
    must(change(node, function, assigned, false)?)
}
