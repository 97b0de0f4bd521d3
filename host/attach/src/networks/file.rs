//! Network confs in files on the node's disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};
use multus_document::{Object, file, json};

use super::join;
use crate::conf::MultusConf;

/// A file that holds a JSON object.
#[derive(Debug, Clone)]
pub(super) struct ConfFile {
    pub(super) path: PathBuf,
    pub(super) object: Object,
}

impl ConfFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Code 5 or 6 naming the file.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = file::read(path, json::MAX_BYTES as u64 + 1)
            .map_err(|error| Error::new(Code::Io, format!("can't read {}: {error}", path.display())))?;
        let object = Object::parse(&bytes)
            .map_err(|error| Error::new(Code::Decode, format!("{}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), object })
    }

    /// The network that the file describes. It has the conf's version where it has none.
    ///
    /// # Errors
    /// Code 7: every problem, naming the file.
    pub(super) fn network(
        &self,
        default_name: Option<&str>,
        conf: &MultusConf,
    ) -> Result<NetworkConf, Error> {
        conf.network(&self.object, default_name).map_err(|problems| {
            Error::new(Code::InvalidConfig, format!("{}: {}", self.path.display(), join(&problems)))
                .with_details("`multusctl validate FILE` shows every problem with its line and column")
        })
    }
}

/// The files of a folder with one of these extensions, in the order of their names.
///
/// # Errors
/// Code 5: the folder can't be read.
pub(super) fn list(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let mut paths = entries(folder).map_err(|error| {
        Error::new(Code::Io, format!("can't read the folder {}: {error}", folder.display()))
    })?;
    paths.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    });
    paths.sort();
    Ok(paths)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}
