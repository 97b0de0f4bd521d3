//! WebAssembly modules of a node, installed the way an operator does: by `multusctl module add`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::shelf::Shelf;
use crate::{Node, binaries};

/// A module to be installed.
#[derive(Debug, Clone)]
pub struct Module {
    name: String,
    component: PathBuf,
    settings: Value,
    options: Vec<String>,
}

impl Module {
    /// A transform among the components that the project ships (`mtu`), and what it may change.
    pub fn transform(component: &str, settings: Value, may_change: &[&str]) -> Module {
        let may_change = may_change.iter().flat_map(|pointer| ["--may-change", pointer]);
        Module::new(component, settings, ["--role", "transform"].into_iter().chain(may_change))
    }

    /// A policy among the components that the project ships (`tenant-guard`).
    pub fn policy(component: &str, settings: Value) -> Module {
        Module::new(component, settings, ["--role", "policy"].into_iter())
    }

    /// A delegate among the components that the project ships (`bridge`), and what it is granted: `links=cni0`.
    pub fn delegate(component: &str, grants: &[&str]) -> Module {
        let grants = grants.iter().flat_map(|grant| ["--grant", grant]);
        Module::new(component, json!({}), ["--role", "delegate"].into_iter().chain(grants))
    }

    fn new<'a>(component: &str, settings: Value, options: impl Iterator<Item = &'a str>) -> Module {
        let file = format!("{}.wasm", component.replace('-', "_"));
        Module {
            name: component.to_owned(),
            component: binaries::components().join(file),
            settings,
            options: options.map(str::to_owned).collect(),
        }
    }

    /// Another name in the catalog than the component's.
    #[must_use]
    pub fn named(mut self, name: &str) -> Module {
        name.clone_into(&mut self.name);
        self
    }

    /// Another component than the project's.
    #[must_use]
    pub fn from_file(mut self, component: PathBuf) -> Module {
        self.component = component;
        self
    }

    /// The name that it gets in the catalog.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The component's file.
    pub(crate) fn component(&self) -> &Path {
        &self.component
    }

    /// The words of `multusctl module add` for it, but for its settings and for where modules are.
    pub fn words(&self) -> Vec<String> {
        let component = self.component.display().to_string();
        let own = [component, "--name".to_owned(), self.name.clone()];
        own.into_iter().chain(self.options.iter().cloned()).collect()
    }

    /// A further option of `multusctl module add`, such as `--mode monitor`.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Module {
        self.options.extend([name.to_owned(), value.to_owned()]);
        self
    }
}

impl Node {
    /// Installs modules, in this order, in places of their own; the conf's member `wasm`.
    ///
    /// # Panics
    /// If `multusctl module add` refuses one.
    pub fn modules(&self, folder: &str, modules: &[Module]) -> Value {
        let [catalog, module_dir, cache_dir] =
            ["catalog.json", "modules", "cache"].map(|name| self.path(folder).join(name));
        fs::create_dir_all(self.path(folder)).expect("a folder for the catalog");
        let install = |folder: &Path, modules: &[Module]| self.install_modules(folder, modules);
        match Shelf::of(modules, &install) {
            Some(shelf) => shelf.furnish(&self.path(folder)),
            None => install(&self.path(folder), modules),
        }
        json!({ "catalog": catalog, "moduleDir": module_dir, "cacheDir": cache_dir })
    }

    fn install_modules(&self, folder: &Path, modules: &[Module]) {
        let [catalog, module_dir, cache_dir] =
            ["catalog.json", "modules", "cache"].map(|name| folder.join(name));
        for module in modules {
            let settings = self.scratch(&format!("{}.settings.json", module.name));
            fs::write(&settings, module.settings.to_string()).expect("a file for the settings");
            let mut command = Command::new(binaries::multusctl());
            command
                .args(["module", "add", "--yes"])
                .args(module.words())
                .arg("--settings")
                .arg(&settings)
                .arg("--catalog")
                .arg(&catalog);
            command.arg("--module-dir").arg(&module_dir).arg("--cache-dir").arg(&cache_dir);
            let output = command.output().expect("multusctl starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "multusctl module add {}: {said}", module.name);
        }
    }

    /// Changes the catalog in that folder, as an operator's editor does.
    ///
    /// # Panics
    /// If there is none.
    pub fn edit_catalog(&self, folder: &str, change: impl FnOnce(&mut Value)) {
        let path = self.path(folder).join("catalog.json");
        let text = fs::read(&path).expect("a catalog is there");
        let mut catalog = serde_json::from_slice(&text).expect("a catalog is JSON");
        change(&mut catalog);
        fs::write(&path, catalog.to_string()).expect("the catalog is the test's");
    }
}
