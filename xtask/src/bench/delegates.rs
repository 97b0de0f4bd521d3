//! Bridges with addresses: by components through multus, against the reference plugins exec'd as they stand.

use std::path::Path;

use anyhow::Result;
use multus_tests::{Module, binaries};
use serde_json::{Value, json};

use super::Bench;
use super::pair::{Both, Pair, Step, steps};
use super::report::{Aim, Line};

/// Where `host-local` keeps claims: on the disk that holds the records.
pub(super) const CLAIMS: &str = "claims";

/// Of a bridge that is a gateway.
pub(super) const GRANTS: &[&str] = &[
    "links=bench*",
    "ipam=host-local",
    "firewall=masquerade",
    "sysctls=net/ipv4/ip_forward",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/*/accept_ra",
    "sysctls=net/ipv6/conf/*/accept_dad",
];

/// The times, and the conf of one network by components.
///
/// # Errors
/// If a call fails.
pub(super) fn measure(bench: &Bench) -> Result<(Vec<Line>, Value)> {
    let one_network = by_components(bench, 1);
    let three_networks = by_components(bench, 3);
    let multus = binaries::multus();
    let mut lines = Vec::new();
    match binaries::reference_plugins() {
        Some(folder) => lines.extend(against_binaries(bench, &folder, &one_network, &three_networks)?),
        None => println!("LEFT OUT: components beside binaries (there are no reference CNI plugins here)"),
    }
    let (one, three) =
        (bench.add_and_del(&multus, &one_network)?, bench.add_and_del(&multus, &three_networks)?);
    let linear = Pair::new("by components: one network, three", one, three);
    lines.extend(linear.measure(bench.runs, &[("ADD", Aim::Times(3.0)), ("DEL", Aim::Times(3.0))])?);
    Ok((lines, one_network))
}

fn against_binaries(bench: &Bench, folder: &Path, one: &Value, three: &Value) -> Result<Vec<Line>> {
    let multus = binaries::multus();
    let add = Both { time: ("ADD", Aim::Times(0.25)), cpu: ("ADD, CPU", Aim::Times(0.2)) };
    let del = |aim| Both { time: ("DEL", aim), cpu: ("DEL, CPU", Aim::None) };
    let mut lines = Pair::of_steps(
        "bridge + host-local: binaries, components",
        directly(bench, folder, 1)?,
        steps(bench.add_and_del(&multus, one)?),
    )
    .measure_both(bench.runs, &[add, del(Aim::None)])?;
    let add = Both { time: ("ADD", Aim::None), cpu: ("ADD, CPU", Aim::None) };
    let pair = Pair::of_steps(
        "three such networks: binaries, components",
        directly(bench, folder, 3)?,
        steps(bench.add_and_del(&multus, three)?),
    );
    lines.extend(pair.measure_both(bench.runs, &[add, del(Aim::Times(0.5))])?);
    Ok(lines)
}

/// The reference plugin, once a network, as a runtime with so many confs would call it: all ADDs, then all DELs.
fn directly(bench: &Bench, folder: &Path, count: usize) -> Result<Vec<Step>> {
    let step = |verb: &str| {
        let networks = (0..count).map(|number| (format!("eth{number}"), network(bench, "binary", number)));
        let calls = networks.map(|(interface, network)| {
            Ok(bench.call_for(&folder.join("bridge"), verb, &interface, &network)?.among(folder))
        });
        calls.collect::<Result<Vec<_>>>().map(Step)
    };
    Ok(vec![step("ADD")?, step("DEL")?])
}

/// A conf with so many networks by components, where no binary may run.
fn by_components(bench: &Bench, count: usize) -> Value {
    let networks: Vec<_> = (0..count).map(|number| network(bench, "module", number)).collect();
    let claims = format!("store={}", bench.node.path(CLAIMS).display());
    let modules = [Module::delegate("bridge", GRANTS), Module::delegate("host-local", &[&claims])];
    let wasm = bench.node.modules("wasm-delegates", &modules);
    bench.through(json!({ "delegates": networks, "wasm": wasm, "exec": { "allow": [] } }))
}

/// Either side has bridges and ranges of its own.
fn network(bench: &Bench, side: &str, number: usize) -> Value {
    let subnet = if side == "binary" { 100 } else { 200 } + number;
    json!({
        "cniVersion": "1.0.0", "name": format!("{side}-{number}"), "type": "bridge",
        "bridge": format!("bench-{side}{number}"), "isGateway": true,
        "ipam": { "type": "host-local", "dataDir": bench.node.path(CLAIMS),
                  "ranges": [[{ "subnet": format!("10.{subnet}.0.0/24") }]] },
    })
}
