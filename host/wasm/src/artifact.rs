//! Finds, verifies and loads the compiled artifact of a component.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, fstatvfs};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::catalog::Module;
use crate::digest::{Digest, Hasher};
use crate::engine::{ENGINE_ID, engine_config};
use crate::error::Fault;
use crate::lock::{Lock, LockEntry};
use crate::runtime::Runtime;
use crate::sys;
use crate::trusted::{self, Distrust};

/// An artifact whose content is the one that the lock names.
pub(crate) struct Verified {
    path: PathBuf,
    file: File,
    /// The content, where the file cannot be mapped.
    bytes: Option<Vec<u8>>,
}

impl LockEntry {
    /// Whether the artifact is there, could not have been written by others, is the one that was compiled, and one for
    /// this engine and this processor.
    ///
    /// # Errors
    /// Why it would not be loaded.
    pub fn check(&self, cache_dir: &Path) -> Result<(), Fault> {
        let verified = Verified::open(self, cache_dir)?;
        let failed = |error: wasmtime::Error| Fault::Host { message: format!("{error:#}") };
        let engine = Engine::new(&engine_config()).map_err(failed)?;
        verified.load(&engine).map(drop)
    }

    /// Whether the artifact can be linked as a module: that what it imports has the types of what it will be given, and
    /// what it exports the names of its role.
    ///
    /// # Errors
    /// Why not, or why it would not even be loaded.
    pub fn check_module(&self, cache_dir: &Path, module: &Module) -> Result<(), Fault> {
        let verified = Verified::open(self, cache_dir)?;
        let runtime = Runtime::start().map_err(|error| Fault::Host { message: format!("{error:#}") })?;
        let component = verified.load(&runtime.engine)?;
        runtime.link(&component, module).map(drop)
    }
}

impl Verified {
    /// The artifact of a component for this engine.
    pub(crate) fn find(component: &Digest, lock: &Lock, cache_dir: &Path) -> Result<Self, Fault> {
        match lock.find(component, ENGINE_ID) {
            Some(entry) => Self::open(entry, cache_dir),
            None => Err(no_artifact(component, format!("modules.lock has none for engine {ENGINE_ID}"))),
        }
    }

    /// Opens the artifact once and checks owner, mode, size and content on that descriptor.
    fn open(entry: &LockEntry, cache_dir: &Path) -> Result<Self, Fault> {
        let path = entry.path(cache_dir);
        let tampered = |why: String| Fault::Tampered { path: path.clone(), why };
        let (file, metadata) = trusted::open_artifact(&path).map_err(|distrust| match distrust {
            Distrust::Missing => no_artifact(&entry.component, format!("{} is missing", path.display())),
            Distrust::Refused(why) => tampered(why),
        })?;
        if metadata.len() != entry.size {
            let size = metadata.len();
            return Err(tampered(format!("it has {size} bytes, modules.lock says {}", entry.size)));
        }
        let noexec = fstatvfs(&file).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOEXEC));
        let mut bytes = noexec.then(Vec::new);
        let digest = hash(&file, entry.size, bytes.as_mut()).map_err(|error| tampered(error.to_string()))?;
        if digest != entry.artifact {
            return Err(tampered(format!("its content is not {}, as modules.lock says", entry.artifact)));
        }
        Ok(Self { path, file, bytes })
    }

    /// Loads the code. A file can be mapped, which shares pages between processes and reads only what runs; from a
    /// folder that forbids executing, the verified bytes are loaded instead.
    pub(crate) fn load(self, engine: &Engine) -> Result<Component, Fault> {
        let loaded = match &self.bytes {
            Some(bytes) => sys::load_verified(engine, bytes),
            None => sys::map_verified(engine, &self.file),
        };
        loaded.map_err(|error| Fault::Unusable { path: self.path, reason: format!("{error:#}") })
    }
}

fn no_artifact(component: &Digest, why: String) -> Fault {
    Fault::NoArtifact { digest: *component, why }
}

/// Hashes what was announced and no more, in pieces that stay in the processor's cache and touch little fresh
/// memory; `keep` gets it too.
fn hash(file: &File, size: u64, mut keep: Option<&mut Vec<u8>>) -> std::io::Result<Digest> {
    let mut hasher = Hasher::default();
    let mut reader = BufReader::with_capacity(16 << 10, file.take(size));
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(piece);
        if let Some(kept) = keep.as_deref_mut() {
            kept.extend_from_slice(piece);
        }
        let length = piece.len();
        reader.consume(length);
    }
}
