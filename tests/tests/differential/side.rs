//! One case on one side: a node of its own, pods that come, are looked at, talk, and go.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use multus_tests::{Answer, Heard, Module, Node, Pod, binaries, hear_for, ip, within};
use serde_json::{Value, json};

use crate::case::{Case, CaseFile};
use crate::lines::Lines;
use crate::look::look;
use crate::{names, ports};

/// The reference plugins that are compared with.
const PLUGINS: [&str; 14] = [
    "bridge",
    "ptp",
    "macvlan",
    "ipvlan",
    "vlan",
    "vrf",
    "host-device",
    "host-local",
    "static",
    "tuning",
    "portmap",
    "bandwidth",
    "sbr",
    "loopback",
];
/// Where `host-local` keeps claims.
const CLAIMS: &str = "/var/lib/cni/networks";
/// Beyond the node, where nobody knows pods.
const WORLD: [&str; 2] = ["192.0.2.2", "2001:db8::2"];
/// How long IPv6 addresses may take, and how often to look.
const SETTLING: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// Both sides have settled when packets are sent.
const PATIENCE: Duration = Duration::from_millis(1500);
/// A neighbour that does not answer at once is asked again after a second, by each node on the way.
const PATIENCE_V6: Duration = Duration::from_secs(4);
/// A hardware address that is nobody's.
const FORGED: &str = "02:00:00:00:00:99";

/// Everything that a conf of the cases may ask for.
const GRANTS: &[&str] = &[
    "links=*",
    "defaultRoutes=true",
    "firewall=masquerade",
    "sysctls=net/ipv4/ip_forward",
    "sysctls=net/ipv4/conf/*/arp_notify",
    "sysctls=net/ipv6/conf/all/forwarding",
    "sysctls=net/ipv6/conf/*/accept_ra",
    "sysctls=net/ipv6/conf/*/accept_dad",
    "sysctls=net/ipv6/conf/*/disable_ipv6",
    "ipam=host-local",
    "ipam=static",
];

/// Settings of the pod that the cases change.
const TUNED: &[&str] = &[
    "sysctls=net/core/somaxconn",
    "sysctls=net/ipv4/tcp_syncookies",
    "sysctls=net/ipv4/ip_local_port_range",
    "sysctls=net/ipv4/conf/*/rp_filter",
    "sysctls=net/ipv4/conf/*/arp_notify",
];

/// What leads ports of the node to pods.
const MAPPED: &[&str] = &["firewall=port-mapping", "sysctls=net/ipv4/conf/*/route_localnet"];

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Binary,
    Component,
}

/// Both sides' parts, made once for all cases.
pub(crate) struct Sides {
    /// Keeps the modules.
    _store: Node,
    wasm: Value,
    /// Whether packets are part of the comparison.
    packets: bool,
}

impl Sides {
    /// `None` where there are no reference plugins.
    /// For the cases of a file: compiling a module that none of them names takes time for nothing.
    pub(crate) fn new(file: &CaseFile) -> Option<Sides> {
        binaries::reference_plugins()?;
        let store = Node::new();
        let modules: Vec<Module> = [
            Module::delegate("bridge", &[GRANTS, &["firewall=spoof-check"]].concat()),
            Module::delegate("ptp", GRANTS),
            Module::delegate("macvlan", GRANTS),
            Module::delegate("ipvlan", GRANTS),
            Module::delegate("vlan", GRANTS),
            Module::delegate("dummy", GRANTS),
            Module::delegate("vrf", &["names=blue", "defaultRoutes=true"]),
            Module::delegate("host-device", GRANTS),
            Module::delegate("tuning", TUNED),
            Module::delegate("portmap", MAPPED),
            Module::delegate("bandwidth", &[]),
            Module::delegate("sbr", &["defaultRoutes=true"]),
            Module::delegate("loopback", &[]),
            Module::delegate("host-local", &["store=/var/lib/cni/networks"]),
            Module::delegate("static", &[]),
        ]
        .into_iter()
        .filter(|module| file.cases.iter().any(|case| case.has_type(module.name())))
        .collect();
        let wasm = store.modules("wasm", &modules);
        Some(Sides { _store: store, wasm, packets: file.packets })
    }

    /// A program that the reference plugin needs for this and that is not there.
    pub(crate) fn missing<'a>(&self, case: &'a Case) -> Option<&'a str> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let there = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
        case.needs.iter().map(String::as_str).find(|name| !there(name))
    }

    /// Plays the case on a node of its own, and takes that away.
    pub(crate) fn play(&self, side: Side, case: &Case) -> Lines {
        ip("netns add node");
        let lines = within("node", || Stage::new(self, side, case).play(self.packets));
        for name in case.pods.iter().map(String::as_str).chain(["node", "world"]) {
            ip(&format!("netns del {name}"));
        }
        for folder in ["/var/lib/cni", "/run/multus", "/run/cni"] {
            let _ = fs::remove_dir_all(folder);
        }
        lines
    }

    fn conf(&self, node: &Node, side: Side, case: &Case) -> Value {
        let mut conf = node.conf(json!([case.network()]));
        conf["cniVersion"] = case.network()["cniVersion"].clone();
        if !case.runtime_config.is_empty() {
            conf["runtimeConfig"] = Value::Object(case.runtime_config.clone());
        }
        if side == Side::Component {
            conf["wasm"] = self.wasm.clone();
            conf["exec"] = json!({ "allow": [] });
        }
        conf
    }
}

struct Stage<'a> {
    case: &'a Case,
    node: Node,
    conf: Value,
    lines: Lines,
}

impl<'a> Stage<'a> {
    /// A node that reaches a world beyond it.
    fn new(sides: &Sides, side: Side, case: &'a Case) -> Stage<'a> {
        let node = Node::new();
        if side == Side::Binary {
            assert!(node.install_reference(&PLUGINS), "a machine with `bridge` has them all");
        }
        ip("link set lo up");
        ip("netns add world");
        ip("link add out type veth peer name in netns world");
        // Without a link-local address that is settled, the node looks for nobody on the way to the world.
        for (netns, link) in [("", "out"), ("world", "in")] {
            within(netns, || fs::write(format!("/proc/sys/net/ipv6/conf/{link}/accept_dad"), "0").unwrap());
        }
        ip("addr add 192.0.2.1/24 dev out");
        ip("addr add 2001:db8::1/64 dev out nodad");
        ip("link set out up");
        ip("-n world addr add 192.0.2.2/24 dev in");
        ip("-n world addr add 2001:db8::2/64 dev in nodad");
        ip("-n world link set in up");
        case.before.iter().for_each(|line| drop(ip(line)));
        let conf = sides.conf(&node, side, case);
        Stage { case, node, conf, lines: Lines::default() }
    }

    fn play(mut self, packets: bool) -> Lines {
        let pods: Vec<Pod> = self.case.pods.iter().map(|name| self.pod(name)).collect();
        let mut results = Vec::new();
        for pod in &pods {
            results.push(self.add(pod));
            if self.case.come_and_go {
                self.claims("claims");
                self.node.del(pod, &self.conf).succeeded();
            }
        }
        if self.case.come_and_go {
            return self.lines;
        }
        ["", "world"].into_iter().chain(self.case.pods.iter().map(String::as_str)).for_each(let_settle);
        look(&mut self.lines, "node", "");
        for (pod, result) in pods.iter().zip(&results) {
            look(&mut self.lines, &pod.container_id, &pod.container_id);
            if let Some(result) = result {
                self.check(pod, result);
            }
        }
        self.claims("claims");
        if packets {
            self.talk(&pods, &results);
            ports::visit(&mut self.lines, self.case);
        }
        let mut seen = self.lines.renamed(&names::of_chance(self.case, &self.case.pods));
        self.lines = Lines::default();
        self.leave(&pods);
        seen.0.extend(self.lines.renamed(&names::of_chance(self.case, &self.case.pods)).0);
        seen
    }

    fn pod(&self, name: &str) -> Pod {
        let mut pod = self.node.pod(name);
        pod.args.clone_from(&self.case.args);
        pod
    }

    /// The result of an ADD; what it says becomes lines. Of a failure its code does: words are everybody's own.
    fn add(&mut self, pod: &Pod) -> Option<Value> {
        let (answer, of): (Answer, _) = (self.node.add(pod, &self.conf), &pod.container_id);
        if !answer.is_success() {
            let error = answer.error();
            println!("{of}: {}", error.msg);
            self.lines.say("result", format!("{of} failed with code {}", error.code));
            return None;
        }
        let result = answer.result();
        // Of pods that go at once, nothing will tell whose a hardware address was.
        let told = if self.case.come_and_go { &result["ips"] } else { &result };
        self.lines.document("result", of, told);
        Some(result)
    }

    fn check(&mut self, pod: &Pod, result: &Value) {
        let mut conf = self.conf.clone();
        conf["prevResult"] = result.clone();
        let answer = self.node.check(pod, &conf);
        let word = if answer.is_success() { "passes" } else { "fails" };
        if !answer.is_success() {
            println!("CHECK of {}: {answer}", pod.container_id);
        }
        self.lines.say("check", format!("{} {word}", pod.container_id));
    }

    /// Claims and notes on disk.
    fn claims(&mut self, kind: &str) {
        for network in fs::read_dir(CLAIMS).into_iter().flatten().flatten() {
            let files = fs::read_dir(network.path()).into_iter().flatten().flatten();
            for file in files.filter(|file| file.file_name() != "lock") {
                let path = file.path();
                let shown = path.strip_prefix(CLAIMS).unwrap_or(Path::new("")).display().to_string();
                let content = fs::read_to_string(&path).unwrap_or_default();
                self.lines.say(kind, format!("{shown} = {content:?}"));
            }
        }
    }

    /// Each pod to its gateways, to the other pods, and to the world; all at once, because silence takes its time.
    fn talk(&mut self, pods: &[Pod], results: &[Option<Value>]) {
        let mut ways: Vec<(&str, &str, IpAddr, String)> = Vec::new();
        for (pod, result) in pods.iter().zip(results) {
            let Some(result) = result else { continue };
            let from = pod.container_id.as_str();
            let (own, gateways) = (addresses(result, "address"), addresses(result, "gateway"));
            ways.extend(gateways.into_iter().map(|way| (from, "", way, format!("its gateway {way}"))));
            for (other, result) in pods.iter().zip(results).filter(|(other, _)| other.container_id != from) {
                let other = other.container_id.as_str();
                let to = addresses(result.as_ref().unwrap_or(&Value::Null), "address");
                ways.extend(to.into_iter().map(|way| (from, other, way, other.to_owned())));
            }
            let worlds = WORLD.map(|text| text.parse::<IpAddr>().unwrap());
            let worlds =
                worlds.into_iter().filter(|way| own.iter().any(|own| own.is_ipv4() == way.is_ipv4()));
            ways.extend(worlds.map(|way| (from, "world", way, "the world".to_owned())));
        }
        thread::scope(|scope| {
            let asked = ways.iter().map(|(from, to, way, called)| {
                (from, called, scope.spawn(|| hear_for(patience(way), from, to, *way)))
            });
            for (from, called, heard) in asked.collect::<Vec<_>>() {
                self.heard(from, called, heard.join().unwrap());
            }
        });
        if self.case.conf.contains_key("macspoofchk") {
            self.forge(pods, results);
        }
    }

    /// The first pod to its gateway with another hardware address.
    fn forge(&mut self, pods: &[Pod], results: &[Option<Value>]) {
        let (Some(pod), Some(Some(result))) = (pods.first(), results.first()) else { return };
        let Some(gateway) = addresses(result, "gateway").into_iter().find(IpAddr::is_ipv4) else { return };
        let (name, ifname) = (&pod.container_id, &pod.ifname);
        let links: Value = serde_json::from_str(&ip(&format!("-n {name} -j link show {ifname}"))).unwrap();
        let own = links[0]["address"].as_str().unwrap();
        let set = |mac: &str| ip(&format!("-n {name} link set {ifname} address {mac}"));
        set(FORGED);
        self.heard(name, "its gateway, with a forged mac,", hear_for(PATIENCE, name, "", gateway));
        set(own);
    }

    fn heard(&mut self, from: &str, called: &str, heard: Heard) {
        let what = match heard {
            Heard::Nothing => "hears nothing".to_owned(),
            Heard::OneWay(source) => format!("hears it from {source}, and it hears no answer"),
            Heard::Answered(source) => format!("hears it from {source} and answers"),
        };
        self.lines.say("packets", format!("{from} speaks, {called} {what}"));
    }

    /// DEL, and what is left.
    fn leave(&mut self, pods: &[Pod]) {
        for pod in pods {
            let answer = self.node.del(pod, &self.conf);
            if !answer.is_success() {
                println!("DEL of {}: {answer}", pod.container_id);
                self.lines.say("del", format!("{} fails", pod.container_id));
            }
        }
        let mut left = Lines::default();
        look(&mut left, "node", "");
        for pod in pods {
            look(&mut left, &pod.container_id, &pod.container_id);
        }
        self.claims("left");
        self.lines.0.extend(left.0.iter().map(|line| format!("left: {line}")));
    }
}

fn patience(way: &IpAddr) -> Duration {
    if way.is_ipv4() { PATIENCE } else { PATIENCE_V6 }
}

/// Waits until no IPv6 address of a namespace is being looked for elsewhere: not everybody waits for all of them.
fn let_settle(netns: &str) {
    let select = if netns.is_empty() { String::new() } else { format!("-n {netns} ") };
    let tentative = || ip(&format!("{select}-6 -o addr show scope global tentative"));
    let began = Instant::now();
    while !tentative().trim().is_empty() && began.elapsed() < SETTLING {
        thread::sleep(PAUSE);
    }
}

/// Addresses of a result, without their prefix lengths.
fn addresses(result: &Value, key: &str) -> Vec<IpAddr> {
    let ips = result["ips"].as_array().into_iter().flatten();
    ips.filter_map(|ip| ip[key].as_str()?.split('/').next()?.parse().ok()).collect()
}
