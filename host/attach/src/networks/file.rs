//! Network confs in files on the node's disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};
use multus_document::{Object, json};

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
        let bytes = read(path)
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
        NetworkConf::parse(&self.object, default_name, Some(&conf.cni_version.to_string())).map_err(
            |problems| {
                Error::new(Code::InvalidConfig, format!("{}: {}", self.path.display(), join(&problems)))
                    .with_details("`multusctl validate FILE` shows every problem with its line and column")
            },
        )
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // A pipe would never end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(json::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
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
