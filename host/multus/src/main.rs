//! The CNI plugin that the container runtime calls on every pod start and stop.
//!
//! Standard input is the conf, standard output one JSON document: the result, or an error object.
//! Everything said on the way goes to standard error and to the conf's log file.

#![cfg_attr(not(test), no_main)]

mod answer;
mod input;
mod log;
#[allow(unsafe_code, reason = "a program's entry has no safe form")]
mod sys;

/// One call; whether it succeeded.
fn call() -> bool {
    answer::print_panics();
    answer::give(&input::read_all())
}
