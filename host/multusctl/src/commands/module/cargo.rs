//! Building a module's crate with cargo, as the project's own components are built.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, bail, ensure};
use clap::ValueEnum;
use serde_json::Value;
use wasm_metadata::{AddMetadata, AddMetadataField};

use super::sources::{Sources, cargo, no_rust};

/// What a component is compiled for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// No operating system, so nothing can be asked of one.
    #[default]
    #[value(name = "wasm32-unknown-unknown")]
    Unknown,
    /// WASI, for crates that need more of Rust's library: what a program prints becomes lines of the log.
    #[value(name = "wasm32-wasip2")]
    Wasi,
}

impl Target {
    fn name(self) -> &'static str {
        match self {
            Self::Unknown => "wasm32-unknown-unknown",
            Self::Wasi => "wasm32-wasip2",
        }
    }
}

/// The profile of the project's own components. Names and lines are kept, and taken out of what is shipped afterwards:
/// so the component that is tried and the one that is shipped have the same code, from one compilation.
const PROFILE: [&str; 7] = [
    "inherits = 'release'",
    "opt-level = 's'",
    "lto = 'fat'",
    "codegen-units = 1",
    "panic = 'abort'",
    "debug = 'line-tables-only'",
    "strip = 'none'",
];

/// A crate that was built.
pub(super) struct Built {
    /// The file's name without ending, such as `my_policy`.
    pub(super) name: String,
    /// Where finished components go.
    pub(super) folder: PathBuf,
    /// As it is installed: without names and debug information.
    pub(super) component: Vec<u8>,
    /// The same code with both.
    pub(super) explained: Vec<u8>,
}

/// What cargo says that it made.
#[derive(Debug, Default, PartialEq, Eq)]
struct Made {
    core: Option<PathBuf>,
    package: String,
    sdk: Option<String>,
}

/// Builds a crate and makes a component of it. Cargo speaks for itself on standard error.
///
/// # Errors
/// No cargo, no target for Rust, no crate there, whatever cargo refuses, and what makes no component.
pub(super) fn build(folder: &Path, target: Target) -> anyhow::Result<Built> {
    let manifest = folder.join("Cargo.toml");
    ensure!(
        manifest.is_file(),
        "{} has no Cargo.toml: name a crate's folder, or make one with `multusctl module new`",
        folder.display()
    );
    check_target(folder, target.name())?;
    let made = run(folder, &fs::canonicalize(&manifest)?, target.name())?;
    let core_path = made.core.clone().ok_or_else(|| {
        anyhow!("{} makes no .wasm: a module's crate has a library, src/lib.rs", manifest.display())
    })?;
    let core = fs::read(&core_path).with_context(|| format!("can't read {}", core_path.display()))?;
    let context = || core_path.display().to_string();
    // For WASI the linker has made one already.
    let finished = |core: &[u8]| match multus_componentize::is_component(core) {
        true => Ok(core.to_vec()),
        false => multus_componentize::componentize(core),
    };
    let component = multus_componentize::strip(&core).and_then(|core| finished(&core));
    Ok(Built {
        name: core_path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        folder: components_folder(&core_path),
        component: made.sign(&component.with_context(context)?)?,
        explained: made.sign(&finished(&core).with_context(context)?)?,
    })
}

/// Without the target's library, cargo says hundreds of lines about `core`.
fn check_target(folder: &Path, target: &str) -> anyhow::Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]).current_dir(folder);
    let output = rustc.output().map_err(|error| no_rust("rustc", &error))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    ensure!(output.status.success(), "rustc is of no use here: {}", said(&output.stderr));
    ensure!(
        Path::new(&said(&output.stdout)).is_dir(),
        "Rust's standard library for {target} is not installed: run `rustup target add {target}` in {}",
        folder.display()
    );
    Ok(())
}

fn run(folder: &Path, manifest: &Path, target: &str) -> anyhow::Result<Made> {
    let sources = Sources::find(manifest)?;
    let mut cargo = cargo();
    // Not what the manifest says: beside any other kind of library, nothing is optimised as a whole.
    cargo.args(["rustc", "--lib", "--crate-type", "cdylib", "--profile", "component", "--target", target]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    for setting in PROFILE {
        cargo.args(["--config", &format!("profile.component.{setting}")]);
    }
    // In the place of an author's own flags, which are for programs of this machine. Its folders stay out of what is
    // shipped, and a panic names `src/lib.rs`.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", sources.shared_flags());
    cargo.arg("--").args(sources.own_flags());
    cargo.current_dir(folder).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = cargo.output().map_err(|error| no_rust("cargo", &error))?;
    if !output.status.success() {
        bail!("{} was not built", folder.display());
    }
    Ok(Made::read(&String::from_utf8_lossy(&output.stdout), manifest))
}

/// `<target>/components`, beside `<target>/wasm32-unknown-unknown/component/x.wasm`.
fn components_folder(core: &Path) -> PathBuf {
    core.ancestors().nth(3).unwrap_or(Path::new(".")).join("components")
}

impl Made {
    /// From cargo's messages, one JSON object a line.
    fn read(messages: &str, manifest: &Path) -> Self {
        let mut made = Self::default();
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for message in messages.filter(|message| message.get("reason") == Some(&"compiler-artifact".into())) {
            let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            if text("/target/name") == "multus_guest" {
                made.sdk = version(text("/package_id")).map(str::to_owned);
            }
            if Path::new(text("/manifest_path")) == manifest {
                let files = message.get("filenames").and_then(Value::as_array).into_iter().flatten();
                let mut files = files.filter_map(Value::as_str).map(PathBuf::from);
                made.core = files.find(|file| file.extension() == Some(OsStr::new("wasm"))).or(made.core);
                made.package = text("/target/name").replace('_', "-");
            }
        }
        made
    }

    /// Notes in the component what it is and with which SDK it was made, where `wasm-tools` looks for that, too.
    fn sign(&self, component: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut metadata = AddMetadata::default();
        metadata.name = AddMetadataField::Set(self.package.clone());
        metadata.sdk = self.sdk.iter().map(|version| ("multus-guest".to_owned(), version.clone())).collect();
        metadata.to_wasm(component).map_err(|error| anyhow!("can't note what the component is: {error:#}"))
    }
}

/// The version in cargo's id of a package: `path+file:///…/rust#multus-guest@0.1.0`, or `…/multus-guest#0.1.0`.
fn version(package: &str) -> Option<&str> {
    let (_, rest) = package.rsplit_once('#')?;
    Some(rest.rsplit_once('@').map_or(rest, |(_, version)| version))
}
