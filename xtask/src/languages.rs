//! Modules in other languages: their tools are fetched below `target/languages`, the examples built and tried.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::Built;
use crate::run::{self, say};
use crate::setup;
use crate::workspace::Workspace;

/// Pinned, for what they make is part of a component.
const COMPONENTIZE_JS: &str = "@bytecodealliance/componentize-js@0.23.0";
const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";

/// Rust's target with WASI.
const WASI_TARGET: &str = "wasm32-wasip2";

/// The roles that there is an example of in each language, and the worlds that these are for.
const ROLES: [(&str, &str); 2] = [("policy", "policy-module"), ("transform", "transform-module")];

/// Whether the tools were fetched: then trying the examples costs a few minutes, and no network.
pub(crate) fn are_here(workspace: &Workspace) -> bool {
    let languages = Languages::of(workspace);
    languages.javascript().is_file() && languages.python().is_file()
}

/// Those in Rust with WASI: their folders, what comes out, and the fixtures that they answer.
const RUST: [(&str, &str, &str); 2] = [
    ("rust-wasi", "crowds", "rust-wasi/fixtures"),
    ("rust-wasi-transform", "namespace_mtu", "fixtures/transform"),
];

/// Fetches what is missing, builds every example and asks it what its fixtures say. A language whose tool can't be had is
/// left out, and said.
///
/// # Errors
/// If an example does not build or answers otherwise.
pub(crate) fn test(workspace: &Workspace, built: &Built) -> Result<()> {
    let languages = Languages::of(workspace);
    let examples = workspace.root.join("examples/modules");
    if is_here("Rust with WASI", setup::rust_target(workspace, WASI_TARGET)) {
        for (folder, name, fixtures) in RUST {
            try_out(built, &languages.build_rust(workspace, built, folder, name)?, &examples.join(fixtures))?;
        }
    }
    let javascript = is_here("JavaScript", languages.fetch_javascript());
    let python = is_here("Python", languages.fetch_python());
    for (role, world) in ROLES {
        let fixtures = examples.join("fixtures").join(role);
        if javascript {
            try_out(built, &languages.build_javascript(workspace, role, world)?, &fixtures)?;
        }
        if python {
            try_out(built, &languages.build_python(workspace, role, world)?, &fixtures)?;
        }
    }
    Ok(())
}

/// Whether a language's tool was found or fetched.
fn is_here(language: &str, fetched: Result<()>) -> bool {
    if let Err(error) = &fetched {
        println!("    {error:#}");
        println!("    LEFT OUT: the examples in {language}.");
    }
    fetched.is_ok()
}

/// What was fetched and built, below one folder.
struct Languages {
    folder: PathBuf,
}

impl Languages {
    fn of(workspace: &Workspace) -> Self {
        Self { folder: workspace.target.join("languages") }
    }

    fn javascript(&self) -> PathBuf {
        self.folder.join("javascript/node_modules/@bytecodealliance/componentize-js/src/cli.js")
    }

    fn python(&self) -> PathBuf {
        self.folder.join("python/bin/componentize-py")
    }

    fn fetch_javascript(&self) -> Result<()> {
        if self.javascript().is_file() {
            return Ok(());
        }
        let prefix = self.folder.join("javascript");
        fs::create_dir_all(&prefix)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--save-exact", COMPONENTIZE_JS]);
        run::step(&format!("fetching {COMPONENTIZE_JS} with npm"), npm.arg("--prefix").arg(&prefix)).context(
            "JavaScript's tool can't be had: it takes Node.js 20 or later with npm, and npm's registry",
        )
    }

    fn fetch_python(&self) -> Result<()> {
        if self.python().is_file() {
            return Ok(());
        }
        let folder = self.folder.join("python");
        let mut python = Command::new("python3");
        run::step("making a place for Python's tool", python.args(["-m", "venv"]).arg(&folder)).context(
            "Python's tool can't be had: it takes Python 3.10 or later with `venv` (on Debian python3-venv)",
        )?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", COMPONENTIZE_PY]);
        run::step(&format!("fetching {COMPONENTIZE_PY} with pip"), &mut pip)
            .context("Python's tool can't be had: it takes pip, and Python's package index")
    }

    fn build_rust(&self, workspace: &Workspace, built: &Built, folder: &str, name: &str) -> Result<PathBuf> {
        let mut build = Command::new(&built.multusctl);
        build.args(["module", "build"]).arg(workspace.root.join("examples/modules").join(folder));
        build.args(["--target", WASI_TARGET]).env("CARGO_TARGET_DIR", self.folder.join("rust"));
        run::step(&format!("building the example {folder}"), &mut build)?;
        Ok(self.folder.join("rust/components").join(format!("{name}.wasm")))
    }

    fn build_javascript(&self, workspace: &Workspace, role: &str, world: &str) -> Result<PathBuf> {
        let component = self.folder.join(format!("javascript-{role}.wasm"));
        let source = workspace.root.join("examples/modules/javascript").join(format!("{role}.js"));
        let mut node = Command::new("node");
        node.arg(self.javascript())
            .arg(source)
            .arg("--wit")
            .arg(wit(workspace))
            .args(["--world-name", world]);
        // Neither is ever answered; without them the component is smaller.
        node.args(["--disable", "http", "--disable", "fetch-event"]).arg("--out").arg(&component);
        run::step(&format!("building the {role} in JavaScript"), &mut node)?;
        Ok(component)
    }

    fn build_python(&self, workspace: &Workspace, role: &str, world: &str) -> Result<PathBuf> {
        let component = self.folder.join(format!("python-{role}.wasm"));
        // The Python in the component leaves what it compiled beside the source, whatever the environment says.
        let (file, sources) = (format!("{role}.py"), self.folder.join("python-sources"));
        fs::create_dir_all(&sources)?;
        fs::copy(workspace.root.join("examples/modules/python").join(&file), sources.join(&file))?;
        let mut python = Command::new(self.python());
        python.arg("--wit-path").arg(wit(workspace)).args(["--world", world, "componentize", role]);
        python.arg("--python-path").arg(sources).arg("--output").arg(&component);
        run::step(&format!("building the {role} in Python"), &mut python)?;
        Ok(component)
    }
}

fn wit(workspace: &Workspace) -> PathBuf {
    workspace.root.join("guest-sdk/wit")
}

fn try_out(built: &Built, component: &Path, fixtures: &Path) -> Result<()> {
    let name = component.file_stem().unwrap_or_default().to_string_lossy();
    say(&format!("asking {name} what its fixtures say"));
    let mut test = Command::new(&built.multusctl);
    run::quietly(test.args(["module", "test"]).arg(component).arg("--fixtures").arg(fixtures))
}
