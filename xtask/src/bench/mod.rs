//! `cargo xtask bench`: what a call costs, as medians of interleaved pairs of whole processes. Absolute times
//! depend on the machine and on what else it does; the differences between two sides of a pair depend less.

mod chains;
mod cluster;
mod delegates;
mod pair;
mod report;
mod sync;
mod warm;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use multus_tests::{Module, NULL, Node, Pod, binaries, privately};
use serde_json::{Value, json};

use crate::run::{self, say};
use crate::workspace::Workspace;
use crate::{BenchOptions, build, setup};
use pair::{Call, Pair};
use report::{Aim, Line};

/// Builds, then measures in a private namespace.
///
/// # Errors
/// If something does not build or a call fails.
pub(crate) fn run(workspace: &Workspace, options: &BenchOptions) -> Result<()> {
    if options.inside {
        return measure(options.runs);
    }
    let plugins = setup::run(workspace)?.cni_plugins.unwrap_or_default();
    let built = build::run(workspace)?;
    build::hostile(workspace)?;
    let delegates = build::delegates(workspace)?;
    let own: OsString = Workspace::own_program()?.into();
    let runs = options.runs.to_string();
    let line = [own.as_ref(), "bench".as_ref(), "--inside".as_ref(), "--runs".as_ref(), runs.as_ref()];
    let mut command = privately(&line);
    command
        .env("PATH", workspace.search_path())
        .env("MULTUS_DELEGATES", delegates)
        .env("CNI_PLUGINS", plugins);
    command.env("MULTUS_BIN", built.multus).env("MULTUSCTL_BIN", built.multusctl);
    run::quietly(command.env("MULTUS_COMPONENTS", built.components))
}

fn measure(runs: usize) -> Result<()> {
    let bench = Bench::new(runs)?;
    say(&format!("measuring, {runs} pairs a line, state on {}", sync::file_system(&bench.node.path(""))));
    let mut lines = bench.start_up()?;
    lines.extend(bench.delegate()?);
    lines.extend(bench.components()?);
    let (by_components, one_network) = delegates::measure(&bench)?;
    lines.extend(by_components);
    lines.extend(chains::measure(&bench)?);
    let (asking, requests) = cluster::measure(&bench)?;
    lines.extend(asking);
    report::print_times(&lines);
    warm::print(10 * runs)?;
    report::print_requests(&requests);
    let sides = [
        ("one delegate", bench.through(json!({}))),
        ("with transform and policy", bench.through(bench.modules(true))),
        ("bridge and host-local by components", one_network),
    ];
    sync::print(&bench.node, &bench.pod, &sides)?;
    report::print_sizes(&[binaries::multus(), binaries::multusctl(), binaries::components()])
}

struct Bench {
    node: Node,
    pod: Pod,
    runs: usize,
}

impl Bench {
    fn new(runs: usize) -> Result<Bench> {
        let node = Node::new();
        node.install(NULL, NULL);
        let pod = node.pod("bench").named("team-red", "web");
        Ok(Bench { pod, node, runs })
    }

    /// How long a process takes that does nothing, and ours.
    fn start_up(&self) -> Result<Vec<Line>> {
        let version = json!({ "cniVersion": "1.1.0" });
        let floor = self.call(Path::new("/bin/true"), "VERSION", &version)?;
        let ours = self.call(&binaries::multus(), "VERSION", &version)?;
        Pair::new("start-up: /bin/true, multus VERSION", vec![floor], vec![ours])
            .measure(self.runs, &[("VERSION", Aim::None)])
    }

    /// A delegate alone, and through multus.
    fn delegate(&self) -> Result<Vec<Line>> {
        let alone = json!({ "cniVersion": "1.1.0", "name": "null", "type": NULL });
        let one = self.add_and_del(&binaries::delegate(NULL), &alone)?;
        let other = self.add_and_del(&binaries::multus(), &self.through(json!({})))?;
        Pair::new("do-nothing delegate: alone, through multus", one, other).measure(self.runs, &verbs(1.0))
    }

    /// Through multus, with more and more components in the way.
    fn components(&self) -> Result<Vec<Line>> {
        let plain = self.through(json!({}));
        let transform = self.through(self.modules(false));
        let both = self.through(self.modules(true));
        let wasi = self.through(json!({ "wasm": self.node.modules("wasm-wasi", &[with_wasi()]) }));
        let mut lines = Vec::new();
        for (name, one, other, aim) in [
            ("through multus: alone, with a transform", &plain, &transform, 0.5),
            ("with a transform: alone, with a policy too", &transform, &both, 0.5),
            ("through multus: alone, with a transform that has all of WASI", &plain, &wasi, 1.0),
        ] {
            let multus = binaries::multus();
            let (one, other) = (self.add_and_del(&multus, one)?, self.add_and_del(&multus, other)?);
            lines.extend(Pair::new(name, one, other).measure(self.runs, &verbs(aim))?);
        }
        Ok(lines)
    }

    /// A conf of multus with the one delegate and these further keys.
    fn through(&self, further: Value) -> Value {
        let mut conf = self.node.conf(json!([{ "cniVersion": "1.1.0", "name": "null", "type": NULL }]));
        if let (Some(conf), Value::Object(further)) = (conf.as_object_mut(), further) {
            conf.extend(further);
        }
        conf
    }

    /// The conf's `wasm` with a transform that works on the delegate, and with a policy that lets it pass.
    fn modules(&self, with_policy: bool) -> Value {
        let mut modules = vec![Module::transform("mtu", json!({ "mtu": 1400 }), &["/mtu"])];
        if with_policy {
            let all = json!({ "networks": ["*"], "types": ["*"] });
            modules.push(Module::policy("tenant-guard", json!({ "tenants": {}, "default": all })));
        }
        json!({ "wasm": self.node.modules(&format!("wasm-{}", modules.len()), &modules) })
    }

    fn add_and_del(&self, plugin: &Path, conf: &Value) -> Result<Vec<Call>> {
        ["ADD", "DEL"].iter().map(|verb| self.call(plugin, verb, conf)).collect()
    }

    fn call(&self, plugin: &Path, verb: &str, conf: &Value) -> Result<Call> {
        self.call_for(plugin, verb, &self.pod.ifname, conf)
    }

    fn call_for(&self, plugin: &Path, verb: &str, interface: &str, conf: &Value) -> Result<Call> {
        let stdin: PathBuf = self.node.scratch(&format!("stdin-{}", uniquely()));
        std::fs::write(&stdin, conf.to_string())?;
        let environment = [
            ("CNI_COMMAND", verb.into()),
            ("CNI_CONTAINERID", self.pod.container_id.clone().into()),
            ("CNI_NETNS", self.pod.netns.clone().into()),
            ("CNI_IFNAME", interface.into()),
            ("CNI_ARGS", self.pod.args.clone().into()),
            ("CNI_PATH", self.node.bin_dir().into()),
        ];
        Ok(Call { plugin: plugin.to_owned(), environment: environment.to_vec(), stdin, follows: false })
    }
}

/// A transform that imports every interface of WASI that has a function, and changes nothing.
fn with_wasi() -> Module {
    let component = binaries::components().join("hostile/uses_wasi.wasm");
    Module::transform("uses-wasi", json!("nothing"), &[]).from_file(component)
}

fn verbs(aim: f64) -> [(&'static str, Aim); 2] {
    [("ADD", Aim::Over(aim)), ("DEL", Aim::Over(aim))]
}

fn uniquely() -> usize {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}
