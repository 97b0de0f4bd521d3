//! A real container runtime: containerd with runc, told by the interface that the kubelet uses to run the
//! sandboxes of pods. It calls the plugin under test by itself.
//!
//! ```no_run
//! use multus_tests::{Containerd, Node, Sandbox, private_runtime};
//! use serde_json::json;
//!
//! private_runtime(|| {                          // not `private`: what is left running has to end
//!     let node = Node::new();
//!     let Some(containerd) = Containerd::start(&node) else { return };
//!     containerd.configure(&node.conf(json!([{ "name": "red", "type": "bridge" }])));
//!     let sandbox = containerd.run(&Sandbox::of("shop", "web")).unwrap();
//!     assert_eq!(containerd.status(&sandbox).ips, ["10.1.0.2"]);
//!     containerd.stop(&sandbox).unwrap();
//!     containerd.remove(&sandbox).unwrap();
//! });
//! ```

mod archive;
mod client;
mod config;
mod image;
mod messages;
mod sandbox;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicU32;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Node, binaries, left_out};
use client::Client;
use messages::{ImageSpec, ImageStatusRequest, ImageStatusResponse, StatusRequest, StatusResponse};
pub use sandbox::{Sandbox, SandboxStatus};

/// Where all of it is, on the private `/run`: configuration, image, state, sockets. The dump does not look there.
const HOME: &str = "/run/containerd";

/// For what takes no second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// containerd, running until it is dropped; one in a private namespace.
#[derive(Debug)]
pub struct Containerd {
    process: Child,
    client: Client,
    attempts: AtomicU32,
}

/// Starting and ending.
impl Containerd {
    /// A runtime that has the image of a sandbox, and no conf of a network. Its plugins are those in the node's
    /// `binDir`, to which the plugin under test is added as `multus`. Says so and returns `None` where this machine
    /// has no containerd, or lacks a plugin that it calls by itself.
    ///
    /// # Panics
    /// If it does not start, or this is not [`crate::private_runtime`].
    pub fn start(node: &Node) -> Option<Containerd> {
        assert_eq!(std::process::id(), 1, "a runtime, and what it leaves, is for a namespace of its own");
        let Some(programs) = binaries::containerd() else {
            left_out("this machine has no containerd and runc (`cargo xtask setup` fetches them)");
            return None;
        };
        if !node.install_reference(&["loopback"]) {
            return None;
        }
        std::os::unix::fs::symlink(binaries::multus(), node.bin_dir().join("multus")).expect("a free name");
        fs::create_dir_all(home("net.d")).expect("a private /run");
        config::write(&programs.join("runc"), &node.bin_dir());
        let (process, client) = (launch(&programs), Client::new(&home("containerd.sock")));
        let mut containerd = Containerd { process, client, attempts: AtomicU32::new(0) };
        containerd.wait_until_it_serves();
        containerd.import_image(&programs);
        Some(containerd)
    }

    /// Makes this the conf of the node's network, as an operator does: a file in a folder that containerd watches.
    /// Comes back when containerd has taken it.
    ///
    /// # Panics
    /// If it does not.
    pub fn configure(&self, conf: &Value) {
        // By rename, so that nobody reads half of it; inside the folder, because containerd 1.6 does not look at a
        // file that comes from elsewhere.
        let fresh = home("net.d/00-multus.new");
        fs::write(&fresh, conf.to_string()).expect("a file for the conf");
        fs::rename(&fresh, home("net.d/00-multus.conf")).expect("a place in the same folder");
        self.until("the conf is taken", || self.network_ready().is_ok() && self.has_taken(conf));
    }

    /// containerd tells which confs it has loaded, in its own order of keys.
    fn has_taken(&self, conf: &Value) -> bool {
        let answer = self.client.runtime::<_, StatusResponse>("Status", StatusRequest { verbose: true });
        let Ok(answer) = answer else { return false };
        let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let loaded = answer.info.get("cniconfig").map(|text| read(text)).unwrap_or_default();
        let mut networks = loaded["Networks"].as_array().into_iter().flatten();
        networks.any(|network| {
            network["Config"]["Plugins"][0]["Source"].as_str().is_some_and(|text| read(text) == *conf)
        })
    }

    /// Is the condition `NetworkReady` true?
    ///
    /// # Errors
    /// What the runtime says it lacks.
    ///
    /// # Panics
    /// If there is no such condition.
    pub fn network_ready(&self) -> Result<(), String> {
        let answer: StatusResponse = self.client.runtime("Status", StatusRequest::default())?;
        let conditions = answer.status.unwrap_or_default().conditions;
        let condition = conditions.into_iter().find(|condition| condition.kind == "NetworkReady");
        let condition = condition.expect("every runtime has this condition");
        if condition.status { Ok(()) } else { Err(format!("{}: {}", condition.reason, condition.message)) }
    }

    /// What it complained about.
    pub fn complaints(&self) -> String {
        let log = fs::read_to_string(home("log")).unwrap_or_default();
        log.lines().filter(|line| !line.contains("level=info")).collect::<Vec<_>>().join("\n")
    }

    fn wait_until_it_serves(&mut self) {
        let began = Instant::now();
        while let Err(error) = self.client.runtime::<_, StatusResponse>("Status", StatusRequest::default()) {
            let ended = self.process.try_wait().expect("one's own child");
            let hopeless = ended.is_some() || began.elapsed() > PATIENCE;
            assert!(!hopeless, "containerd does not serve ({ended:?}): {error}\n{}", self.complaints());
            sleep(Duration::from_millis(10));
        }
    }

    fn import_image(&self, programs: &Path) {
        let archive = home("pause.tar");
        image::write(&archive);
        let mut ctr = program(programs, "ctr");
        ctr.args(["--namespace", "k8s.io", "images", "import", "--no-unpack"]).arg(&archive);
        let output = ctr.output().expect("ctr starts");
        assert!(
            output.status.success(),
            "{}\n{}",
            String::from_utf8_lossy(&output.stderr),
            self.complaints()
        );
        // The service of pods hears of it by an event.
        let image = ImageSpec { image: image::NAME.to_owned() };
        let request = ImageStatusRequest { image: Some(image) };
        self.until("the image is known", || {
            let answer = self.client.images::<_, ImageStatusResponse>("ImageStatus", request.clone());
            answer.is_ok_and(|answer| answer.image.is_some())
        });
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < PATIENCE, "never came to pass: {what}\n{}", self.complaints());
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // Shims and sandboxes that a failed test left behind end with the namespace of processes.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            println!("containerd complained:\n{}", self.complaints());
        }
    }
}

fn home(name: &str) -> PathBuf {
    Path::new(HOME).join(name)
}

fn launch(programs: &Path) -> Child {
    let log = File::create(home("log")).expect("a file for the log");
    let also = log.try_clone().expect("the same file");
    let mut command = program(programs, "containerd");
    command.arg("--config").arg(home("config.toml")).stdin(Stdio::null()).stdout(log).stderr(also);
    command.spawn().unwrap_or_else(|error: io::Error| panic!("containerd does not start: {error}"))
}

/// containerd finds its shim, and the shim finds runc, by the search path.
fn program(programs: &Path, name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    let mut command = Command::new(programs.join(name));
    command.env("PATH", std::env::join_paths(folders).expect("folders of a search path"));
    command
}
