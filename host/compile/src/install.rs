//! Installing modules: what can be refused is compiled first, then component, artifact, lock and catalog are written, in
//! this order, so that nothing ever names what is not there yet.

use std::fs::File;
use std::path::{Path, PathBuf};

use multus_wasm::{
    Catalog, Digest, ENGINE_ID, Fault, FileError, Grants, Lock, LockEntry, Module, Role, lock_path,
};
use nix::fcntl::{Flock, FlockArg};
use serde_json::{Map, Value};

use crate::artifact::{Artifact, check_kind, read_component};
use crate::compiler::Compiler;
use crate::error::{CompileError, InstallError};
use crate::files;
use crate::registry::with_module;
use crate::role::{check_role, missing_grants};
use crate::take_back::Before;

/// Where a node's modules are, as `wasm` in the plugin's configuration says.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The catalog; `modules.lock` lies beside it.
    pub catalog: PathBuf,
    /// Components, `<sha256>.wasm`.
    pub module_dir: PathBuf,
    /// Artifacts.
    pub cache_dir: PathBuf,
    /// Who compiles.
    pub compiler: Compiler,
}

/// A module to be added, or to get a new component.
#[derive(Debug, Clone, Copy)]
pub struct NewModule<'a> {
    /// Its name in the catalog.
    pub name: &'a str,
    /// What it is for.
    pub role: Role,
    /// The component.
    pub component: &'a [u8],
    /// Members of its catalog entry besides role and digest: settings, limits, mode and so on. They are laid over
    /// an entry that is there; `limits` keeps its other members.
    pub entry: &'a Map<String, Value>,
}

/// A module that has its artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// Its name in the catalog.
    pub name: String,
    /// Its component.
    pub component: Digest,
    /// The artifact's size in bytes.
    pub size: u64,
    /// Whether it was compiled now; else the artifact was there and is authentic.
    pub fresh: bool,
}

/// A module's artifact.
enum Made {
    /// It was there, and can be loaded.
    Before(LockEntry),
    Now(Artifact),
}

impl Made {
    /// Where it will be written, if it will.
    fn path(&self, cache_dir: &Path) -> Option<PathBuf> {
        match self {
            Self::Before(_) => None,
            Self::Now(artifact) => Some(entry_of(artifact).path(cache_dir)),
        }
    }
}

/// The catalog with a new module in it.
pub(crate) struct Planned {
    /// What is there under the name.
    pub(crate) before: Option<Module>,
    pub(crate) catalog: Value,
    /// The module as it would read there.
    pub(crate) entry: Module,
}

impl Installation {
    /// Checks, compiles and installs a component, and writes it into the catalog: a new name gets an entry and
    /// the last place in its role's order, one that is there another digest and the members given.
    ///
    /// # Errors
    /// What is no component, does not fit its role or imports what it is not granted, a catalog that would not be valid,
    /// settings that the module can't use, and files that cannot be written. Nothing has changed then, and no file is left
    /// that was not there.
    pub fn add(&self, module: &NewModule<'_>) -> Result<Compiled, InstallError> {
        self.install(module, |catalog| self.check_settings(catalog, module.name, module.component))
    }

    /// As [`Self::add`], whatever its settings are: for those who try a module with settings of their own.
    ///
    /// # Errors
    /// Those of `add` but for settings.
    pub fn add_to_try(&self, module: &NewModule<'_>) -> Result<Compiled, InstallError> {
        self.install(module, |_| Ok(()))
    }

    fn install(
        &self,
        module: &NewModule<'_>,
        last: impl FnOnce(Catalog) -> Result<(), InstallError>,
    ) -> Result<Compiled, InstallError> {
        check(module.name, module.role, module.component)?;
        let _locked = self.lock_installation()?;
        let digest = Digest::of(module.component);
        let Planned { before, catalog, entry } = self.plan(module, &digest)?;
        let mut lock = Lock::load(&self.lock_path())?;
        let made = self.compile_one(module.name, &digest, module.component, &lock)?;
        let component = self.component_path(&digest);
        let written = [Some(component.clone()), made.path(&self.cache_dir)].into_iter().flatten().collect();
        let on_disk = Before::of(self, written, &lock);
        let write = || -> Result<(Compiled, Catalog), InstallError> {
            files::directory(&self.module_dir)?;
            files::write(&component, module.component, 0o644)?;
            let compiled = self.keep(module.name, &entry, made, &mut lock)?;
            self.write_lock(&lock)?;
            let after =
                Catalog::from_value(&catalog).map_err(|problems| InstallError::Invalid { problems })?;
            last(after.clone())?;
            write_json(&self.catalog, &catalog)?;
            Ok((compiled, after))
        };
        let (compiled, after) = write().inspect_err(|_| on_disk.restore())?;
        // The new one is installed: what is left over of the old one is only in the way.
        let _ = before.map(|before| self.drop_unused(&before.digest, &after, &mut lock));
        Ok(compiled)
    }

    /// What the catalog would say, checked; nothing is written.
    pub(crate) fn plan(&self, module: &NewModule<'_>, digest: &Digest) -> Result<Planned, InstallError> {
        let now = self.read_catalog()?;
        let before = Catalog::from_value(&now).ok().and_then(|mut now| now.modules.remove(module.name));
        let (catalog, entry) = with_module(now, module, digest)?;
        check_grants(module.name, &entry, module.component)?;
        self.check_wider(before.as_ref(), module)?;
        Ok(Planned { before, catalog, entry })
    }

    /// A build that imports what the one before did not, and takes a grant for it, is nothing that an update may bring
    /// along by itself, although the catalog has the grant: nobody saw it used.
    ///
    /// # Errors
    /// [`InstallError::Ungranted`] with what it imports beyond, unless the grants are given with it.
    fn check_wider(&self, before: Option<&Module>, module: &NewModule<'_>) -> Result<(), InstallError> {
        let Some(before) = before.filter(|_| !module.entry.contains_key("grants")) else { return Ok(()) };
        let imports = |component: &[u8]| {
            missing_grants(component, &Grants::default())
                .map_err(|misfits| InstallError::Misfits { name: module.name.to_owned(), misfits })
        };
        // One that is lost had nothing that anybody could compare with.
        let old = read_component(&self.component_path(&before.digest)).unwrap_or_default();
        let had = imports(&old).unwrap_or_default();
        let is_new = |(_, grant): &(String, &str)| !had.iter().any(|(_, before)| before == grant);
        none_ungranted(module.name, imports(module.component)?.into_iter().filter(is_new).collect())
    }

    /// Gives every module of the catalog an artifact for this version of the engine, where it has none that can be
    /// loaded. The lock afterwards names the catalog's components only.
    ///
    /// # Errors
    /// Every module that has none now; the others have theirs all the same.
    pub fn compile_all(&self) -> Result<Vec<Compiled>, Vec<InstallError>> {
        let one = |error| vec![error];
        let _locked = self.lock_installation().map_err(one)?;
        let catalog = Catalog::load(&self.catalog).map_err(|error| one(error.into()))?;
        let mut lock = self.lock_to_mend().map_err(one)?;
        lock.artifacts
            .retain(|entry| catalog.modules.values().any(|module| module.digest == entry.component));
        let (mut compiled, mut errors) = (Vec::new(), Vec::new());
        for (name, module) in &catalog.modules {
            match self.compile_installed(name, module, &mut lock) {
                Ok(one) => compiled.push(one),
                Err(error) => errors.push(error),
            }
        }
        errors.extend(self.write_lock(&lock).err());
        if errors.is_empty() { Ok(compiled) } else { Err(errors) }
    }

    fn compile_installed(
        &self,
        name: &str,
        module: &Module,
        lock: &mut Lock,
    ) -> Result<Compiled, InstallError> {
        let path = self.component_path(&module.digest);
        let component = read_component(&path).map_err(InstallError::io("read", &path))?;
        let found = Digest::of(&component);
        if found != module.digest {
            return Err(InstallError::OtherContent {
                name: name.to_owned(),
                path,
                found,
                wanted: module.digest,
            });
        }
        check(name, module.role, &component)?;
        check_grants(name, module, &component)?;
        let made = self.compile_one(name, &found, &component, lock)?;
        self.keep(name, module, made, lock)
    }

    fn compile_one(
        &self,
        name: &str,
        digest: &Digest,
        component: &[u8],
        lock: &Lock,
    ) -> Result<Made, InstallError> {
        let usable = |entry: &&LockEntry| entry.check(&self.cache_dir).is_ok();
        if let Some(entry) = lock.find(digest, ENGINE_ID).filter(usable) {
            return Ok(Made::Before(entry.clone()));
        }
        self.compiler.compile(component).map(Made::Now).map_err(|error| compile_error(name, error))
    }

    /// Writes an artifact that is new, and names it in the lock, if it can be linked as that module.
    fn keep(
        &self,
        name: &str,
        module: &Module,
        made: Made,
        lock: &mut Lock,
    ) -> Result<Compiled, InstallError> {
        let (entry, fresh) = match made {
            Made::Before(entry) => (entry, false),
            Made::Now(artifact) => (self.write_artifact(&artifact)?, true),
        };
        // Where it is not found as it was written, as in a folder that others may write, it would be refused at load.
        let unlinkable = |fault| InstallError::Artifact { name: name.to_owned(), fault };
        entry.check_module(&self.cache_dir, module).map_err(unlinkable)?;
        let compiled =
            Compiled { name: name.to_owned(), component: entry.component, size: entry.size, fresh };
        if fresh {
            lock.artifacts.retain(|old| old.component != entry.component || old.engine != ENGINE_ID);
            lock.artifacts.push(entry);
        }
        Ok(compiled)
    }

    fn write_artifact(&self, artifact: &Artifact) -> Result<LockEntry, InstallError> {
        let entry = entry_of(artifact);
        files::directory(&self.cache_dir)?;
        files::write(&entry.path(&self.cache_dir), &artifact.bytes, 0o600)?;
        Ok(entry)
    }

    /// The lock as far as it can be believed: whatever it does not name is compiled again.
    fn lock_to_mend(&self) -> Result<Lock, InstallError> {
        match Lock::load(&self.lock_path()) {
            Err(FileError::Lock { source }) if !matches!(*source, FileError::Unreadable { .. }) => {
                Ok(Lock::default())
            }
            other => Ok(other?),
        }
    }

    /// Two installations at once would lose one of the two entries.
    pub(crate) fn lock_installation(&self) -> Result<Flock<File>, InstallError> {
        let directory =
            self.catalog.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        files::directory(directory)?;
        let file = File::open(directory).map_err(InstallError::io("open", directory))?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, errno)| InstallError::io("lock", directory)(errno.into()))
    }

    pub(crate) fn read_catalog(&self) -> Result<Value, InstallError> {
        match Catalog::load_value(&self.catalog) {
            Err(FileError::NoCatalog { .. }) => Ok(Value::Object(Default::default())),
            read => Ok(read?),
        }
    }

    pub(crate) fn write_lock(&self, lock: &Lock) -> Result<(), InstallError> {
        write_json(&self.lock_path(), lock)
    }

    pub(crate) fn lock_path(&self) -> PathBuf {
        lock_path(&self.catalog)
    }

    /// Where a component lies.
    pub fn component_path(&self, digest: &Digest) -> PathBuf {
        self.module_dir.join(format!("{}.wasm", digest.hex()))
    }
}

pub(crate) fn check(name: &str, role: Role, component: &[u8]) -> Result<(), InstallError> {
    check_kind(component).map_err(|error| compile_error(name, error))?;
    check_role(component, role).map_err(|misfits| InstallError::Misfits { name: name.to_owned(), misfits })
}

/// The plugin would refuse it as well, but then a pod is waiting.
fn check_grants(name: &str, module: &Module, component: &[u8]) -> Result<(), InstallError> {
    let misfits = |misfits| InstallError::Misfits { name: name.to_owned(), misfits };
    none_ungranted(name, missing_grants(component, &module.grants).map_err(misfits)?)
}

fn none_ungranted(name: &str, imports: Vec<(String, &'static str)>) -> Result<(), InstallError> {
    if imports.is_empty() {
        return Ok(());
    }
    Err(InstallError::Ungranted { name: name.to_owned(), fault: Fault::MissingGrants { imports } })
}

fn compile_error(name: &str, error: CompileError) -> InstallError {
    InstallError::Compile { name: name.to_owned(), error }
}

fn entry_of(artifact: &Artifact) -> LockEntry {
    LockEntry {
        component: artifact.component,
        engine: ENGINE_ID.to_owned(),
        artifact: artifact.digest,
        size: artifact.bytes.len() as u64,
    }
}

pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), InstallError> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| InstallError::io("write", path)(error.into()))?;
    files::write(path, (text + "\n").as_bytes(), 0o644)
}
