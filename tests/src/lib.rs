//! The harness of the whole-system tests: a private node, a runtime that calls a CNI plugin as the kubelet's
//! does, delegates that remember and misbehave, and a judge that looks at the node with other eyes than ours.
//!
//! ```no_run
//! use multus_tests::{Node, RECORDING, private};
//! use serde_json::json;
//!
//! // in tests/tests/…rs:  #[test] fn a_pod_comes_and_goes() { private(|| { … }) }
//! private(|| {
//!     let node = Node::new();                  // drives MULTUS_BIN; state below target/tmp
//!     node.install("alpha", RECORDING);        // binDir/alpha is the recording delegate
//!     let conf = node.conf(json!([{ "name": "red", "type": "alpha", "recording": node.recording() }]));
//!     let pod = node.pod("web");               // a namespace by `ip netns add`, container id `web`, eth0
//!     let before = node.dump();
//!
//!     let result = node.add(&pod, &conf).result();         // panics, with all that was said, unless it succeeded
//!     assert_eq!(result["ips"][0]["address"], "192.0.2.1/24");
//!     assert_eq!(node.recorded()[0].verb, "ADD");          // what the delegate saw: environment, stdin
//!
//!     node.del(&pod, &conf).succeeded();
//!     node.dump().must_equal(&before);                     // links, addresses, routes, rules, files
//!
//!     // anything odd: one call, piece by piece
//!     let error = node.calling("ADD", &pod, &conf).without("CNI_NETNS").stdin("{").answer().error();
//!     assert_eq!(error.code, 4);
//! });
//! ```
//!
//! Every test runs in namespaces of its own, so all run side by side, as root or not. What a test needs from
//! outside comes by environment variables that `cargo xtask test` sets: see [`binaries`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise, and so does what tests are written with"
)]

mod answer;
mod api_server;
pub mod binaries;
mod call;
mod checks;
mod cni_folders;
mod containerd;
mod demo;
mod dump;
mod effort;
pub mod kinds;
mod left_out;
mod machine;
mod modules;
mod node;
mod pod_resources;
mod private;
mod random;
mod recorded;
mod rules;
mod sctp;
mod shelf;
mod story;
mod tool;
mod traffic;
mod visit;

pub use answer::{Answer, CniError};
pub use api_server::{
    ApiRequest, ClientCertificate, Cluster, Credential, Fault, RealApiServer, TestApiServer,
};
pub use binaries::{NULL, RECORDING};
pub use call::{Calling, Running};
pub use checks::Checks;
pub use cni_folders::fresh_cni_folders;
pub use containerd::{Containerd, Sandbox, SandboxStatus};
pub use demo::demo_delegates;
pub use dump::Dump;
pub use effort::{Effort, effort};
pub use left_out::left_out;
pub use machine::{in_the_machine, is_the_machine};
pub use modules::Module;
pub use node::{Node, Pod};
pub use pod_resources::{Kubelet, Manners, checkpoint};
pub use private::{private, private_runtime, privately};
pub use random::Random;
pub use recorded::Recorded;
pub use sctp::speaks_sctp;
pub use story::{network_object, pod_object, record_line, wait_for};
pub use tool::ip;
pub use traffic::{Heard, hear, hear_for, within};
pub use visit::{Protocol, visit};
