//! `default-route`: one attachment has the pod's default routes, all others lose theirs (NP-22, NP-23).
//!
//! The attachment whose selection carries the key is the *owner*. Of a family that it names gateways of, these
//! become its default routes, in their order; of a family that it names none of, it keeps what its own delegates
//! say they made. No other link of the pod keeps a default route of either family. `[]` names neither family. Why:
//! `docs/decisions/0009-default-route.md`.

mod carrier;
mod results;
mod rule;
mod settle;
#[cfg(test)]
mod tests;

pub(crate) use carrier::check;
pub(crate) use settle::settle;
