//! A host in memory that writes down what it is asked, and cases as data.
//!
//! A case is an object in a list in `cases/*.json`:
//!
//! | member | |
//! |---|---|
//! | `what` | what it shows |
//! | `conf` | the delegate's conf |
//! | `args` | `CNI_ARGS`, if there are any |
//! | `ipam` | what IPAM answers |
//! | `node` | links of the node that are there before, by name: `mac`, `mtu`, `up`, `addresses`, `device` |
//! | `pod` | the same of the pod's namespace, and `routes` |
//! | `tables` | the routing tables of the pod that are in use |
//! | `prev` | the result of the plugin before, if there is one |
//! | `refuse` | calls that the host refuses, by how they begin, with the `code` |
//! | `calls` | what the host is asked for, in order, questions left out |
//! | `result` | what the delegate answers, without `cniVersion`, which is always that of the SDK |
//! | `failure` | or its failure: `code`, and words that its message `says` |
//!
//! The pod's end of a veth is `eth0` with `0a:58:00:00:00:0e`, the node's `veth1` with `0a:58:00:00:00:0f`; a bridge that
//! is made has `0a:58:00:00:00:0b`, a vrf `0a:58:00:00:00:0d`, the way of what is sent `bwp0` with `0a:58:00:00:00:0c`, a link that moves keeps its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod case;
mod host;

pub use case::{Case, attachment, cases};
pub use host::Double;
