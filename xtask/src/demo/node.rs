//! The demo's node: folders and namespaces in the private `/run`, commands run on them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::story::Parts;

/// Everything of the demo is below this folder of the private `/run`.
pub(super) const HOME: &str = "/run/demo";

/// One pretended node.
pub(super) struct Node {
    pub(super) parts: Parts,
    conf: String,
}

/// What a plugin answered.
pub(super) struct Answer {
    pub(super) ok: bool,
    pub(super) document: Value,
}

impl Node {
    /// Lays out conf and manifests as an operator would.
    pub(super) fn set_up(parts: Parts) -> Result<Self> {
        let manifests = Path::new(HOME).join("manifests");
        fs::create_dir_all(&manifests)?;
        for entry in fs::read_dir(parts.examples.join("demo"))? {
            let path = entry?.path();
            let name = path.file_name().context("an example without a name")?;
            let folder = if path.extension().is_some_and(|ending| ending == "yaml") {
                &manifests
            } else {
                Path::new(HOME)
            };
            fs::copy(&path, folder.join(name)).with_context(|| format!("copying {}", path.display()))?;
        }
        let conf = fs::read_to_string(Self::conf_path())?;
        run(Command::new("ip").args(["link", "set", "lo", "up"]))?;
        Ok(Self { parts, conf })
    }

    pub(super) fn conf_path() -> PathBuf {
        Path::new(HOME).join("multus.conf")
    }

    /// Runs `multusctl`, whose words are for people already.
    pub(super) fn multusctl(&self, args: &[&str]) -> Result<String> {
        let output = run(Command::new(&self.parts.multusctl).args(args))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(super) fn multusctl_json(&self, args: &[&str]) -> Result<Value> {
        let text = self.multusctl(&[args, &["--output", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("multusctl {} printed no JSON", args.join(" ")))
    }

    /// Calls the plugin as a runtime does.
    pub(super) fn multus(
        &self,
        verb: &str,
        pod: &super::pod::Pod,
        previous: Option<&Value>,
    ) -> Result<Answer> {
        let mut conf: Value = serde_json::from_str(&self.conf)?;
        if let (Some(result), Some(conf)) = (previous, conf.as_object_mut()) {
            conf.insert("prevResult".to_owned(), result.clone());
        }
        let mut child = Command::new(&self.parts.multus)
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", pod.container_id())
            .env("CNI_NETNS", pod.netns())
            .env("CNI_IFNAME", "eth0")
            .env("CNI_ARGS", pod.args())
            .env("CNI_PATH", self.parts.plugins.as_deref().unwrap_or(Path::new("/usr/lib/cni")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting multus")?;
        let stdin = child.stdin.take().context("no pipe to multus")?;
        serde_json::to_writer(stdin, &conf)?;
        let output = child.wait_with_output()?;
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Ok(Answer { ok: output.status.success(), document })
    }

    /// Every file below a folder of the demo, relative to it.
    pub(super) fn files(folder: &str) -> Vec<String> {
        let root = Path::new(HOME).join(folder);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    _ => {
                        found.extend(entry.path().strip_prefix(&root).map(|path| path.display().to_string()));
                    }
                }
            }
        }
        found.sort();
        found
    }
}

/// Runs a command whose failure ends the demo.
pub(super) fn run(command: &mut Command) -> Result<Output> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    if !output.status.success() {
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        bail!("{command:?} failed: {}", said.trim());
    }
    Ok(output)
}

/// `ip -j …`, as JSON.
pub(super) fn ip(args: &[&str]) -> Result<Value> {
    let output = run(Command::new("ip").arg("-j").args(args))?;
    let text = if output.stdout.is_empty() { b"[]".to_vec() } else { output.stdout };
    Ok(serde_json::from_slice(&text)?)
}
