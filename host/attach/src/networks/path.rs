//! A network that the conf names by a path on the node's disk.

use std::path::{Path, PathBuf};

use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};

use super::chain;
use super::file::{ConfFile, list};
use crate::conf::MultusConf;

/// The names under which multus itself stands in a runtime's folder.
const OURSELVES: [&str; 2] = ["multus", "multus-shim"];

/// The file that `path` names, and the network in it. Of a folder it is the first conf by name that is not of
/// multus itself; a list takes the plugins in the folder of its name along.
///
/// # Errors
/// Code 5 to 7 naming the file and what is wrong with it.
pub(super) fn network(conf: &MultusConf, path: &Path) -> Result<(PathBuf, NetworkConf), Error> {
    let mut file = if path.is_dir() { first(path)? } else { ConfFile::read(path)? };
    if is_ourselves(&file) {
        let message = format!("{} is a conf of multus, not of a network", file.path.display());
        return Err(Error::new(Code::InvalidConfig, message)
            .with_details("name the conf of the network that pods had before multus was installed"));
    }
    if file.path.extension().is_some_and(|extension| extension == "conflist") {
        chain::append_folder(&mut file)?;
    }
    let network = file.network(None, conf)?;
    Ok((file.path, network))
}

fn first(folder: &Path) -> Result<ConfFile, Error> {
    for path in list(folder, &["conf", "conflist", "json"])? {
        let file = ConfFile::read(&path)?;
        if !is_ourselves(&file) {
            return Ok(file);
        }
    }
    let message = format!("the folder {} has no network configuration", folder.display());
    Err(Error::new(Code::InvalidConfig, message).with_details("put a .conf or .conflist file there"))
}

fn is_ourselves(file: &ConfFile) -> bool {
    let inner = file.object.read::<Vec<serde_json::Value>>("plugins").unwrap_or_default();
    let inner = inner.iter().filter_map(|plugin| plugin.get("type")?.as_str().map(str::to_owned));
    let mut types = file.object.read::<String>("type").into_iter().chain(inner);
    types.any(|kind| OURSELVES.contains(&kind.as_str()))
}
