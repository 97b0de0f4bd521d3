//! Delegates that are components: each host call is checked against what the module may, written down, and done. What
//! a module does of itself is nothing but host calls, so its DEL and CHECK follow from the record.

mod bandwidth;
mod bridge;
mod chance;
mod change;
mod check;
mod claims;
mod ensured;
mod firewall;
mod garbage;
#[cfg(test)]
mod hostile;
mod lent;
mod lifecycle;
mod make;
mod nested;
mod node;
mod predecessor;
mod refusal;
mod routing;
mod run;
mod shared;
mod sriov;
#[cfg(test)]
pub(crate) mod stage;
mod story;
mod vlan_end;
mod words;

pub(crate) use check::{check, check_claims, devices};
pub(crate) use claims::give_back;
pub(crate) use garbage::drop_unused_bridges;
pub(crate) use lifecycle::{Recorded, lifecycle_check, lifecycle_del};
pub(crate) use nested::missing_ipam;
pub(crate) use run::add;
pub(crate) use shared::Hands;
