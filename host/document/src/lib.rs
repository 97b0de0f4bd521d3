//! Text that people write: JSON and YAML, parsed within limits, kept as it was written, and its
//! problems located by line and column; and the files it stands in.
//!
//! Knows nothing of CNI or Kubernetes, but for the members of a configuration that a [`Pattern`] never stands for. Validators elsewhere report [`Problem`]s by JSON pointer;
//! [`json::locate`] and [`yaml::Document::locate`] turn a pointer into a place in the text.

mod change;
pub mod file;
pub mod json;
mod object;
mod pattern;
mod pointer;
mod problem;
pub mod yaml;

pub use change::{Change, changes, merge};
pub use object::Object;
pub use pattern::{InvalidPattern, Pattern};
pub use pointer::Pointer;
pub use problem::{Position, Problem, SyntaxError};
