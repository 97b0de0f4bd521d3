//! The demo's acts, in order.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use multus_tests::{Module, demo_delegates};
use serde_json::Value;

use super::node::{HOME, Node, ip};
use super::pod::Pod;
use super::show::{act, say, table};

/// What the build handed over.
pub(super) struct Parts {
    /// The plugin.
    pub(super) multus: PathBuf,
    /// The tool.
    pub(super) multusctl: PathBuf,
    /// Folder of CNI binaries, if they could be had.
    pub(super) plugins: Option<PathBuf>,
    /// The repository's `examples`.
    pub(super) examples: PathBuf,
}

/// Plays every act; runs inside the private namespaces.
///
/// # Errors
/// The first thing that does not go as told: the demo proves what it says.
pub(super) fn run(parts: Parts) -> Result<()> {
    let mixes = parts.plugins.as_ref().is_some_and(|folder| folder.join("tuning").is_file());
    let node = Node::set_up(parts)?;
    act(1, "The operator installs four delegates, a transform and a policy");
    install(&node)?;
    act(2, "What a pod will get: the reviewed plan of team-red/web");
    print!("{}", indent(&explain(&node)?));
    let links_before = ip(&["link"])?;
    let mut pods = vec![attach(&node, 3, "team-red", "web")?, attach(&node, 4, "team-red", "db")?];
    act(5, "A component and a binary in one network");
    if mixes {
        pods.push(begin(&node, "team-red", "batch")?);
    } else {
        say("Left out: there is no CNI binary `tuning` here, and apt could not give it;");
        say("set CNI_PLUGINS to a folder that has it. Nothing else needs a binary.");
    }
    act(6, "A pod of another team asks for team-red's storage");
    refuse(&node)?;
    act(7, "The pods stop");
    for (pod, result) in &pods {
        detach(&node, pod, result)?;
    }
    act(8, "Nothing is left");
    prove_nothing_left(&links_before)
}

fn install(node: &Node) -> Result<()> {
    let conf = Node::conf_path().display().to_string();
    for module in modules() {
        let words = module.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        node.multusctl(&[&["module", "add", "--yes", "--conf", &conf], &words[..]].concat())?;
    }
    print!("{}", indent(&node.multusctl(&["module", "list", "--conf", &conf])?));
    Ok(())
}

fn modules() -> Vec<Module> {
    let settings = |name: &str| format!("{HOME}/{name}.settings.json");
    let with_settings = |module: Module, name: &str| module.option("--settings", &settings(name));
    let transform = Module::transform("mtu", Value::Null, &["/mtu"]).option("--match-type", "bridge");
    let policy = Module::policy("tenant-guard", Value::Null);
    let mut modules = demo_delegates();
    modules.extend([with_settings(transform, "mtu"), with_settings(policy, "tenant-guard")]);
    modules
}

fn explain(node: &Node) -> Result<String> {
    node.multusctl(&["explain", "--conf", &Node::conf_path().display().to_string(), "--pod", "team-red/web"])
}

fn attach(node: &Node, number: usize, namespace: &'static str, name: &'static str) -> Result<(Pod, Value)> {
    act(number, &format!("The runtime starts {namespace}/{name}"));
    let attached = begin(node, namespace, name)?;
    println!();
    say("The pod's network-status:");
    let status = std::fs::read_to_string(format!("{HOME}/manifests/network-status/{namespace}/{name}.json"))
        .context("the pod's network-status is not there")?;
    print!("{}", indent(&status));
    Ok(attached)
}

/// Attaches a pod and tells what it has.
fn begin(node: &Node, namespace: &'static str, name: &'static str) -> Result<(Pod, Value)> {
    let pod = Pod::start(namespace, name)?;
    let begun = Instant::now();
    let answer = node.multus("ADD", &pod, None)?;
    let took = begun.elapsed();
    ensure!(answer.ok, "ADD of {} failed: {}", pod.full_name(), answer.document);
    let record = node.multusctl_json(&[
        "journal",
        "show",
        &pod.container_id(),
        "--conf",
        &Node::conf_path().display().to_string(),
    ])?;
    let links = pod.links()?;
    let rows = attachments(&record).into_iter().filter_map(|(interface, network, millis)| {
        let [_, addresses, mac, mtu] = links.iter().find(|link| link[0] == interface)?.clone();
        Some(vec![interface, network, addresses, mac, mtu, millis])
    });
    table(&["interface", "network", "addresses", "mac", "mtu", "took"], rows.collect());
    let check = node.multus("CHECK", &pod, Some(&answer.document))?;
    ensure!(check.ok, "CHECK of {} failed: {}", pod.full_name(), check.document);
    println!();
    say(&format!("ADD took {:.1} ms in all, CHECK passed.", took.as_secs_f64() * 1000.0));
    Ok((pod, answer.document))
}

/// Interface, network and time of each attachment in a record.
fn attachments(record: &Value) -> Vec<(String, String, String)> {
    let records = record.get("records").and_then(Value::as_array).cloned().unwrap_or_default();
    let all = records.iter().filter_map(|record| record.get("attachments")?.as_array().cloned()).flatten();
    all.map(|attachment| {
        let text = |key: &str| attachment.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let millis = attachment.get("durationMs").and_then(Value::as_f64).unwrap_or_default();
        (text("interface"), text("network"), format!("{millis:.0} ms"))
    })
    .collect()
}

fn refuse(node: &Node) -> Result<()> {
    let pod = Pod::start("team-blue", "intruder")?;
    let answer = node.multus("ADD", &pod, None)?;
    ensure!(!answer.ok, "the policy let {} in: {}", pod.full_name(), answer.document);
    let text = |key: &str| {
        answer
            .document
            .get(key)
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .unwrap_or_default()
    };
    say(&format!("refused, code {}: {}", text("code"), text("msg")));
    say(&text("details"));
    ensure!(pod.links()?.is_empty(), "the refused pod has links: {:?}", pod.links()?);
    say("Its namespace has no link but lo.");
    pod.stop()
}

fn detach(node: &Node, pod: &Pod, result: &Value) -> Result<()> {
    let begun = Instant::now();
    let answer = node.multus("DEL", pod, Some(result))?;
    ensure!(answer.ok, "DEL of {} failed: {}", pod.full_name(), answer.document);
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    let left = pod.links()?;
    ensure!(left.is_empty(), "{} still has {left:?}", pod.full_name());
    say(&format!("{}: DEL took {took:.1} ms, its namespace has no link but lo", pod.full_name()));
    pod.stop()
}

fn prove_nothing_left(links_before: &Value) -> Result<()> {
    let names = |links: &Value| -> Vec<String> {
        let all = links.as_array().cloned().unwrap_or_default();
        all.iter().filter_map(|link| link.get("ifname")?.as_str().map(str::to_owned)).collect()
    };
    let bridges: Vec<String> =
        names(&ip(&["link"])?).into_iter().filter(|name| !names(links_before).contains(name)).collect();
    let ports = bridges.iter().filter(|name| !name.starts_with("demo")).count();
    ensure!(ports == 0, "host links are left: {bridges:?}");
    let leases: Vec<String> = Node::files("leases").into_iter().filter(|file| is_lease(file)).collect();
    let records =
        [Node::files("cni/attachments"), Node::files("cni/results"), Node::files("cni/leftover")].concat();
    let statuses = Node::files("manifests/network-status");
    if !(leases.is_empty() && records.is_empty() && statuses.is_empty()) {
        bail!("left: leases {leases:?}, records {records:?}, statuses {statuses:?}");
    }
    say("no link of a pod on the node, no lease, no record, no status");
    say(&format!("the bridges {} stay for the next pod, until GC finds them unused", bridges.join(", ")));
    say("and all of it was in namespaces of the demo's own, which end with it");
    Ok(())
}

/// host-local keeps a file per address, beside its lock and its memory of the last one.
fn is_lease(file: &str) -> bool {
    file.rsplit('/').next().is_some_and(|name| name.parse::<std::net::IpAddr>().is_ok())
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("   {line}\n")).collect()
}
