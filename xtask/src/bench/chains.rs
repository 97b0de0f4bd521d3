//! Other delegates than bridges alone, by components through multus against the reference plugins exec'd as they stand: a
//! macvlan with a written address, and a list of three, each of which gets the result of the one before it.

use std::path::Path;

use anyhow::Result;
use multus_tests::{Module, binaries, ip};
use serde_json::{Map, Value, json};

use super::Bench;
use super::delegates::{CLAIMS, GRANTS};
use super::pair::{Both, Call, Pair, Step, steps};
use super::report::{Aim, Line};

/// The link that macvlans are on: no card has to be there.
const WIRE: &str = "bench-wire";

/// The times.
///
/// # Errors
/// If a call fails.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Line>> {
    let Some(folder) = binaries::reference_plugins() else {
        println!("LEFT OUT: macvlan and a list beside binaries (there are no reference CNI plugins here)");
        return Ok(Vec::new());
    };
    ip(&format!("link add {WIRE} type veth peer name {WIRE}-end"));
    for link in [WIRE, &format!("{WIRE}-end")] {
        ip(&format!("link set {link} up"));
    }
    let mut lines = macvlan(bench, &folder)?;
    if has_program("iptables") && has_program("ip6tables") {
        lines.extend(list(bench, &folder)?);
    } else {
        println!("LEFT OUT: a list beside binaries (`portmap` takes iptables and ip6tables)");
    }
    Ok(lines)
}

fn parts() -> [Both; 2] {
    let part = |time, cpu| Both { time: (time, Aim::None), cpu: (cpu, Aim::None) };
    [part("ADD", "ADD, CPU"), part("DEL", "DEL, CPU")]
}

fn macvlan(bench: &Bench, folder: &Path) -> Result<Vec<Line>> {
    let network = json!({
        "cniVersion": "1.0.0", "name": "wire", "type": "macvlan", "master": WIRE,
        "ipam": { "type": "static", "addresses": [{ "address": "10.150.0.5/24" }] },
    });
    let directly = ["ADD", "DEL"]
        .iter()
        .map(|verb| binary(bench, folder, verb, &network))
        .collect::<Result<Vec<_>>>()?;
    let modules = [
        Module::delegate("macvlan", &["links=bench*", "ipam=static", "sysctls=net/ipv4/conf/*/arp_notify"]),
        Module::delegate("static", &[]),
    ];
    let conf = by_components(bench, "wasm-macvlan", &modules, json!({ "delegates": [network] }));
    let other = steps(bench.add_and_del(&binaries::multus(), &conf)?);
    Pair::of_steps("macvlan + static: binaries, components", steps(directly), other)
        .measure_both(bench.runs, &parts())
}

fn list(bench: &Bench, folder: &Path) -> Result<Vec<Line>> {
    let modules = [
        Module::delegate("bridge", GRANTS),
        Module::delegate("host-local", &[&format!("store={}", bench.node.path(CLAIMS).display())]),
        Module::delegate(
            "portmap",
            &["firewall=port-mapping", "sysctls=net/ipv4/conf/bench*/route_localnet"],
        ),
        Module::delegate("bandwidth", &[]),
    ];
    let list = json!({ "cniVersion": "1.0.0", "name": "listed", "plugins": plugins(bench, 250) });
    let conf = json!({ "delegates": [list], "runtimeConfig": ports() });
    let conf = by_components(bench, "wasm-list", &modules, conf);
    let other = steps(bench.add_and_del(&binaries::multus(), &conf)?);
    Pair::of_steps("bridge + portmap + bandwidth: binaries, components", one_by_one(bench, folder)?, other)
        .measure_both(bench.runs, &parts())
}

/// The reference plugins as libcni calls those of a list: one after the other, and backwards at DEL.
fn one_by_one(bench: &Bench, folder: &Path) -> Result<Vec<Step>> {
    let alone = |plugin: Value| {
        let mut conf: Map<String, Value> = plugin.as_object().cloned().unwrap_or_default();
        conf.extend([("cniVersion".to_owned(), json!("1.0.0")), ("name".to_owned(), json!("binaries"))]);
        if conf.contains_key("capabilities") {
            conf.insert("runtimeConfig".to_owned(), ports());
        }
        Value::Object(conf)
    };
    let confs: Vec<Value> = plugins(bench, 150).into_iter().map(alone).collect();
    let calls =
        |verb: &str| confs.iter().map(|conf| binary(bench, folder, verb, conf)).collect::<Result<Vec<_>>>();
    let (mut add, mut del) = (calls("ADD")?, calls("DEL")?);
    add.iter_mut().skip(1).for_each(|call| call.follows = true);
    del.reverse();
    Ok(vec![Step(add), Step(del)])
}

fn binary(bench: &Bench, folder: &Path, verb: &str, conf: &Value) -> Result<Call> {
    let kind = conf.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut call = bench.call(&folder.join(kind), verb, conf)?.among(folder);
    // It starts iptables.
    call.environment.push(("PATH", std::env::var_os("PATH").unwrap_or_default()));
    Ok(call)
}

fn by_components(bench: &Bench, folder: &str, modules: &[Module], further: Value) -> Value {
    let mut conf: Map<String, Value> = further.as_object().cloned().unwrap_or_default();
    conf.insert("wasm".to_owned(), bench.node.modules(folder, modules));
    conf.insert("exec".to_owned(), json!({ "allow": [] }));
    bench.through(Value::Object(conf))
}

/// Either side has a bridge and a range of its own.
fn plugins(bench: &Bench, subnet: u8) -> Vec<Value> {
    let ipam = json!({ "type": "host-local", "dataDir": bench.node.path(CLAIMS),
                       "ranges": [[{ "subnet": format!("10.{subnet}.1.0/24") }]] });
    vec![
        json!({ "type": "bridge", "bridge": format!("bench-list{subnet}"), "isGateway": true, "ipam": ipam }),
        json!({ "type": "portmap", "capabilities": { "portMappings": true } }),
        json!({ "type": "bandwidth", "ingressRate": 80_000_000, "ingressBurst": 8_000_000,
                "egressRate": 80_000_000, "egressBurst": 8_000_000 }),
    ]
}

fn ports() -> Value {
    json!({ "portMappings": [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }] })
}

fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
