//! A node with modules, made from components that are built from source.

pub mod recording;
pub mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use multus_compile::{Compiler, Installation, NewModule};
use multus_document::Object;
use multus_wasm::{Attachment, Catalog, ModuleError, Pod, Role, Sandbox, lock_path};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A component by the name of its package or example, built once a run.
pub fn component(name: &str) -> Vec<u8> {
    multus_componentize::componentize(&core_module(name)).unwrap()
}

/// What cargo leaves, before it is made a component.
pub fn core_module(name: &str) -> Vec<u8> {
    let built = built();
    let places = [built.join(format!("{name}.wasm")), built.join("examples").join(format!("{name}.wasm"))];
    places.iter().find_map(|path| fs::read(path).ok()).unwrap_or_else(|| panic!("no {name} in {places:?}"))
}

fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        build(target, &["--package", "flannel", "--package", "mtu", "--package", "tenant-guard"]);
        build(target, &["--package", "conformance-guests", "--package", "hostile-guests", "--examples"]);
        target.join("wasm32-unknown-unknown/component")
    })
}

fn build(target: &Path, packages: &[&str]) {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "component", "--target", "wasm32-unknown-unknown"])
        .arg("--target-dir")
        .arg(target)
        .args(packages)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "rustup target add wasm32-unknown-unknown");
}

/// Directories of a node, gone when the test is.
pub struct Node {
    pub directory: TempDir,
    pub installation: Installation,
}

impl Node {
    pub fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let below = |name: &str| directory.path().join(name);
        let installation = Installation {
            catalog: below("etc/catalog.json"),
            module_dir: below("modules"),
            cache_dir: below("cache"),
            compiler: Compiler::Here,
        };
        Self { directory, installation }
    }

    /// A node with one module that works.
    pub fn with_jumbo() -> Self {
        let members = json!({"mayChange": ["/mtu"], "settings": {"mtu": 9000}});
        Self::with("jumbo", Role::Transform, &component("mtu"), &members)
    }

    /// What loading that module says; what STATUS says has to be the same.
    pub fn refusal(&self) -> ModuleError {
        let sandbox = self.sandbox();
        let error = sandbox.transform("jumbo", &attachment(), &object("{}")).unwrap_err();
        let status = sandbox.check_artifacts().unwrap_err();
        assert_eq!(status[0].to_string(), error.to_string());
        assert_eq!(error.code(), 50, "the node is not ready");
        error
    }

    /// A node with one module, whose catalog entry has further members.
    pub fn with(name: &str, role: Role, component: &[u8], members: &Value) -> Self {
        let node = Self::new();
        let module = NewModule { name, role, component, entry: members.as_object().unwrap() };
        node.installation.add(&module).unwrap();
        node
    }

    /// Sets members of a module's entry, as an operator would with an editor.
    pub fn edit(&self, name: &str, members: &Value) {
        let mut catalog = self.catalog();
        for (key, value) in members.as_object().unwrap() {
            catalog["modules"][name][key] = value.clone();
        }
        fs::write(&self.installation.catalog, catalog.to_string()).unwrap();
    }

    pub fn catalog(&self) -> Value {
        serde_json::from_slice(&fs::read(&self.installation.catalog).unwrap()).unwrap()
    }

    pub fn lock(&self) -> PathBuf {
        lock_path(&self.installation.catalog)
    }

    /// The only artifact of the node.
    pub fn artifact(&self) -> PathBuf {
        let mut files =
            fs::read_dir(&self.installation.cache_dir).unwrap().map(|entry| entry.unwrap().path());
        let artifact = files.next().unwrap();
        assert_eq!(files.next(), None, "one artifact, no temporary files");
        artifact
    }

    /// All components, artifacts and locks of the node.
    pub fn files(&self) -> Vec<PathBuf> {
        let folders = [&self.installation.module_dir, &self.installation.cache_dir];
        let entries = folders.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
        let lock = Some(self.lock()).filter(|lock| lock.exists());
        entries.map(|entry| entry.unwrap().path()).chain(lock).collect()
    }

    pub fn sandbox(&self) -> Sandbox {
        let catalog = Catalog::load(&self.installation.catalog).unwrap();
        Sandbox::open(catalog, &self.lock(), &self.installation.cache_dir).unwrap()
    }
}

/// The attachment of a pod in namespace blue to one of its networks.
pub fn attachment() -> Attachment {
    Attachment {
        container_id: "c1".into(),
        interface_name: "net1".into(),
        network: "blue/storage".into(),
        index: 1,
        default_network: false,
        pod: Some(Pod {
            namespace: "blue".into(),
            name: "web".into(),
            labels: BTreeMap::from([("app".into(), "web".into())]),
            ..Pod::default()
        }),
        context: json!({}),
    }
}

pub fn object(text: &str) -> Object {
    Object::parse(text.as_bytes()).unwrap()
}
