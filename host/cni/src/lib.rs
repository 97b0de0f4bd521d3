//! The CNI protocol, versions 0.1.0 to 1.1.0: a call's environment, configurations, results, error
//! codes, and running a plugin binary.
//!
//! Knows nothing of Kubernetes or Wasm. Rows CNI-01 to CNI-19 of the conformance tables are about
//! what is here.

pub mod args;
pub mod cache;
pub mod conf;
pub mod env;
mod error;
pub mod exec;
pub mod names;
pub mod result;
mod stderr;
pub mod version;

pub use args::Args;
pub use env::{Command, Request};
pub use error::{Code, Error};
pub use stderr::Stderr;
pub use version::Version;
