//! Text that people write: JSON and YAML, parsed within limits, kept as it was written, and its
//! problems located by line and column; and the files it stands in.
//!
//! Knows nothing of CNI or Kubernetes. Validators elsewhere report [`Problem`]s by JSON pointer;
//! [`json::locate`] and [`yaml::Document::locate`] turn a pointer into a place in the text.

pub mod file;
pub mod json;
mod object;
mod pointer;
mod problem;
pub mod yaml;

pub use object::Object;
pub use pointer::Pointer;
pub use problem::{Position, Problem, SyntaxError};
