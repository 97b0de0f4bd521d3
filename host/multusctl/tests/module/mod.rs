//! An author's desk and an operator's node, both in folders that are gone with the test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Where crates are built: kept, so that their dependencies are compiled once. Crates of one name would get into each
/// other's way there: each test has names of its own.
pub fn build_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("modules")
}

/// The tool, in a folder. It finds what this workspace was built from, and asks no registry.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_multusctl"));
    command.args(arguments).current_dir(folder);
    command.env("CARGO_NET_OFFLINE", "true").env("CARGO_TARGET_DIR", build_folder());
    command
}

pub fn multusctl(folder: &Path, arguments: &[&str]) -> Said {
    Said::of(command(folder, arguments).output().unwrap())
}

/// What a call of the tool said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It went well.
    #[track_caller]
    pub fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    /// It did not, and these words say why.
    #[track_caller]
    pub fn refused(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {}", self.stderr);
        }
        self
    }

    #[track_caller]
    pub fn has(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stdout.contains(word), "{word:?} is not in {}", self.stdout);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A folder to work in.
pub fn desk() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A new crate on a desk; its source replaced, if there is one.
pub fn new_crate(desk: &TempDir, name: &str, role: &str, source: Option<&str>) -> PathBuf {
    multusctl(desk.path(), &["module", "new", name, "--role", role]).well();
    let folder = desk.path().join(name);
    if let Some(source) = source {
        fs::write(folder.join("src/lib.rs"), source).unwrap();
    }
    folder
}

/// Builds a crate; the component's path.
pub fn build(folder: &Path) -> PathBuf {
    let said = multusctl(folder, &["module", "build"]).well();
    PathBuf::from(said.stdout.trim_end())
}

/// One of the project's own components.
pub fn shipped(name: &str) -> PathBuf {
    build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(name))
}

/// One of the components that the sandbox is tested with, made in a folder.
pub fn hostile(name: &str, folder: &Path) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "component", "--target", "wasm32-unknown-unknown"])
        .args(["--package", "hostile-guests", "--example", name, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "rustup target add wasm32-unknown-unknown");
    let core = target.join("wasm32-unknown-unknown/component/examples").join(format!("{name}.wasm"));
    let component = folder.join(format!("{name}.wasm"));
    fs::write(&component, multus_componentize::componentize(&fs::read(core).unwrap()).unwrap()).unwrap();
    component
}

/// Places for modules.
pub struct Node {
    pub folder: TempDir,
}

impl Node {
    pub fn new() -> Self {
        Self { folder: desk() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command about this node's modules.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.folder.path(), &["module"]);
        command.args(arguments);
        for (option, place) in
            [("--catalog", "catalog.json"), ("--module-dir", "modules"), ("--cache-dir", "cache")]
        {
            command.arg(option).arg(self.path(place));
        }
        command
    }

    pub fn module(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(arguments).output().unwrap())
    }

    /// With the settings that those of the shipped modules need that can't do without; an option of the caller's own
    /// stands.
    pub fn add(&self, component: &Path, arguments: &[&str]) -> Said {
        let stem = component.file_stem().and_then(OsStr::to_str).unwrap();
        let needed = match stem {
            "mtu" | "rogue" => r#"{"mtu": 9000}"#,
            "tenant_guard" => r#"{"tenants": {}}"#,
            _ => "{}",
        };
        let settings = self.path("needed.settings.json");
        fs::write(&settings, needed).unwrap();
        let settings = ["--settings", settings.to_str().unwrap()];
        let settings = if arguments.contains(&"--settings") { &[][..] } else { &settings[..] };
        let component = component.to_str().unwrap();
        self.module(&[&["add", component, "--yes"], settings, arguments].concat())
    }

    pub fn catalog(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("catalog.json")).unwrap()).unwrap()
    }

    /// The files in one of the folders.
    pub fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort_by(|one, other| OsStr::cmp(one.as_os_str(), other.as_os_str()));
        files
    }
}
