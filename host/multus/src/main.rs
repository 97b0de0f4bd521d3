//! The CNI plugin that the container runtime calls on every pod start and stop.
//!
//! Standard input is the conf, standard output one JSON document: the result, or an error object.
//! Everything said on the way goes to standard error and to the conf's log file.

mod answer;
mod input;
mod log;

use std::process::ExitCode;

fn main() -> ExitCode {
    answer::print_panics();
    answer::give(&input::read_all())
}
