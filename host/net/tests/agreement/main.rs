//! The simulated kernel and the real one do the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod faults;
mod hardware;
mod kernel;
#[allow(unreachable_pub, reason = "of another crate, whose tests use it as well")]
#[path = "../../../../tests/src/kinds.rs"]
mod kinds;
mod lacking;
#[allow(unreachable_pub, reason = "of another crate, whose tests say it to others")]
#[path = "../../../../tests/src/left_out.rs"]
mod left_out;
mod others;
#[path = "../private/mod.rs"]
mod private;
mod random;
mod rules;
mod script;
mod stage;
mod view;
mod words;

use stage::InMemory;

#[test]
fn every_rule_holds_in_memory() {
    let failures: Vec<_> =
        rules::all().filter_map(|rule| script::play(&mut InMemory::new(), rule).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_holds_in_the_kernel() {
    if !private::inside("every_rule_holds_in_the_kernel") {
        return;
    }
    let mut lacking = lacking::Lacking::default();
    let here = rules::all().filter(|rule| lacking.allows(rule));
    let failures: Vec<_> =
        here.filter_map(|rule| kernel::aside(|stage| script::play(stage, rule)).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// As many as `MULTUS_NET_LIVES` says; a life takes some 50 ms.
#[test]
fn whatever_is_done_both_kernels_end_up_the_same() {
    if !private::inside("whatever_is_done_both_kernels_end_up_the_same") {
        return;
    }
    let lives = |life: Vec<String>| kernel::aside(|stage| random::play(&mut InMemory::new(), stage, &life));
    let run = random::runner().run(&random::life(), lives);
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
