//! The same conf through the reference plugin's binary and through the component, each on a node of its own: what
//! comes out has to agree, line by line, but for what a case names and explains.
//!
//! Cases are data: `tests/cases/differential/*.json`, see [`case`]. `cargo xtask test` prints the table.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

mod case;
mod judge;
mod kinds;
mod lines;
mod look;
mod names;
mod ports;
mod side;

use multus_tests::{Checks, is_the_machine, left_out, private};

use crate::case::CaseFile;
use crate::judge::Judge;
use crate::kinds::Kinds;
use crate::side::Sides;

/// Runs the cases of a file; all of them, whatever fails on the way.
fn agree(plugin: &str) {
    let file = CaseFile::read(plugin);
    let Some(sides) = Sides::new(&file) else {
        return left_out("comparing components with the reference plugins needs those (CNI_PLUGINS)");
    };
    let (mut judge, mut failed, mut complete) = (Judge::new(sides, &file.everywhere), Vec::new(), true);
    let mut kinds = Kinds::default();
    for (number, case) in (1..).zip(&file.cases) {
        // The virtual machine is slow, and there for what other kernels lack.
        if is_the_machine() && file.kinds.is_empty() && case.kinds.is_empty() {
            complete = false;
            continue;
        }
        let missing = judge.sides.missing(case).map(|program| format!("comparing takes `{program}`"));
        let lacking = || kinds.lacking(&file, case).map(|kind| format!("this kernel has no `{kind}`"));
        if let Some(why) = missing.or_else(lacking) {
            left_out(&format!("{plugin}, {}: {why}", case.name));
            let mut row = Checks::default();
            row.leave_out(why, "this machine lacks it");
            close(&row, &file, number, &format!("{plugin}: {}", case.name), &mut failed);
            complete = false;
            continue;
        }
        close(&judge.case(case), &file, number, &format!("{plugin}: {}", case.name), &mut failed);
    }
    if complete && !file.everywhere.is_empty() {
        close(&judge.everywhere(), &file, 0, &format!("{plugin}: in many of these"), &mut failed);
    }
    assert!(failed.is_empty(), "{plugin}: {}", failed.join("\n"));
}

fn close(row: &Checks, file: &CaseFile, number: usize, title: &str, failed: &mut Vec<String>) {
    if !row.close(&format!("DD-{}{number:02}", file.letter), title) {
        failed.push(format!("{title}:\n{row}"));
    }
}

#[test]
fn bridge() {
    private(|| agree("bridge"));
}

#[test]
fn ptp() {
    private(|| agree("ptp"));
}

#[test]
fn macvlan() {
    private(|| agree("macvlan"));
}

#[test]
fn ipvlan() {
    private(|| agree("ipvlan"));
}

#[test]
fn vlan() {
    private(|| agree("vlan"));
}

#[test]
fn dummy() {
    private(|| agree("dummy"));
}

#[test]
fn vrf() {
    private(|| agree("vrf"));
}

#[test]
fn tuning() {
    private(|| agree("tuning"));
}

#[test]
fn portmap() {
    private(|| agree("portmap"));
}

#[test]
fn bandwidth() {
    private(|| agree("bandwidth"));
}

#[test]
fn sbr() {
    private(|| agree("sbr"));
}

#[test]
fn loopback() {
    private(|| agree("loopback"));
}

#[test]
fn host_device() {
    private(|| agree("host-device"));
}

#[test]
fn host_local() {
    private(|| agree("host-local"));
}

#[test]
fn named_addresses() {
    private(|| agree("static"));
}
