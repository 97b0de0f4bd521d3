//! What one more call of a module costs in a process that has it loaded: what is left once engine and artifact are paid for.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use multus_tests::binaries;
use serde::Deserialize;

use crate::run;

/// The components, and the fixtures that they are asked.
const ASKED: [(&str, &str); 2] = [
    ("mtu", "plugins/mtu/fixtures/mtu.yaml"),
    ("tenant_guard", "plugins/tenant-guard/fixtures/tenants.yaml"),
];

/// Microseconds for an instance and an answer.
const AIM: f64 = 40.0;

/// What `multusctl module bench -o json` says.
#[derive(Deserialize)]
struct Measured {
    cases: Vec<Case>,
}

/// Microseconds, and bytes.
#[derive(Deserialize)]
struct Case {
    fixture: String,
    instantiate: f64,
    call: f64,
    whole: f64,
    memory: u64,
}

/// Prints a row for each case.
///
/// # Errors
/// If a module can't be measured.
pub(super) fn print(calls: usize) -> Result<()> {
    println!(
        "\nwarm calls, medians of {calls} in µs{:18}{:>9} {:>7} {:>5} {:>7} {:>7}  aim",
        "", "instance", "answer", "both", "whole", "KiB"
    );
    for (component, fixture) in ASKED {
        for case in measured(component, fixture, calls)? {
            let both = case.instantiate + case.call;
            let met = if both <= AIM { "met" } else { "MISSED" };
            println!(
                "{:<47.47} {:>8.1} {:>7.1} {both:>6.1} {:>7.1} {:>6}  at most {AIM:.0}: {met}",
                case.fixture,
                case.instantiate,
                case.call,
                case.whole,
                case.memory / 1024
            );
        }
    }
    Ok(())
}

fn measured(component: &str, fixture: &str, calls: usize) -> Result<Vec<Case>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut bench = Command::new(binaries::multusctl());
    bench.args(["module", "bench", "-o", "json", "--runs", &calls.to_string()]);
    bench.arg(binaries::components().join(format!("{component}.wasm")));
    let text = run::output(bench.arg("--fixture").arg(root.join(fixture)))?;
    let measured: Measured =
        serde_json::from_str(&text).with_context(|| format!("the costs of {component}: {text}"))?;
    Ok(measured.cases)
}
