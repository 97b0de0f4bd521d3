//! libcni's cache on disk (CNI-16): what upstream and other tools know of a container's attachments.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use multus_document::file;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::names;

const KIND: &str = "cniCacheV1";

/// One attachment, as libcni remembers it.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheEntry {
    /// The container.
    pub container_id: String,
    /// The conf or conflist used.
    pub config: Vec<u8>,
    /// The interface.
    pub ifname: String,
    /// The network's name.
    pub network: String,
    /// The namespace's path; empty where unknown.
    pub netns: String,
    /// CNI_ARGS, pair by pair.
    pub args: Vec<(String, String)>,
    /// Capability arguments offered.
    pub capability_args: Map<String, Value>,
    /// The final result.
    pub result: Option<Value>,
    /// Types of the plugins that were no binaries: what they did is on record elsewhere. libcni knows no such member.
    pub modules: Vec<String>,
}

/// Why the cache could not be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Reading, writing or removing failed.
    #[error("can't {doing} {}: {error}", path.display())]
    Io {
        /// "read", "write", "remove".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The names of an attachment that can't be those of a file.
    #[error("no file of libcni's cache can be named so: {0}")]
    Name(Error),
    /// The file is not an entry of libcni's cache.
    #[error("{} is not an entry of libcni's cache: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    kind: String,
    container_id: String,
    config: String,
    if_name: String,
    network_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    netns: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cni_args: Option<Vec<(String, String)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capability_args: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    #[serde(default, rename = "multusModules", skip_serializing_if = "Vec::is_empty")]
    modules: Vec<String>,
}

fn folder(cni_dir: &Path) -> PathBuf {
    cni_dir.join("results")
}

/// The names may come from a file that somebody else wrote: none of them leads out of the folder.
fn path_of(cni_dir: &Path, network: &str, container_id: &str, ifname: &str) -> Result<PathBuf, CacheError> {
    let checked = names::check_network_name(network)
        .and_then(|()| names::check_container_id(container_id))
        .and_then(|()| names::check_ifname(ifname));
    checked.map_err(CacheError::Name)?;
    Ok(folder(cni_dir).join(format!("{network}-{container_id}-{ifname}")))
}

/// Where an entry is written first. libcni passes over it, and so do we.
fn draft(cni_dir: &Path, container_id: &str, ifname: &str) -> PathBuf {
    folder(cni_dir).join(format!(".{container_id}-{ifname}.new"))
}

/// Writes an entry under another name and renames it: other tools see it whole or not at all. It is not
/// synced, as libcni does not sync it either: our own record is what has to survive a power cut.
///
/// # Errors
/// [`CacheError::Io`], [`CacheError::Name`].
pub fn write(cni_dir: &Path, entry: &CacheEntry) -> Result<(), CacheError> {
    let path = path_of(cni_dir, &entry.network, &entry.container_id, &entry.ifname)?;
    let draft = draft(cni_dir, &entry.container_id, &entry.ifname);
    let on_disk = File {
        kind: KIND.to_owned(),
        container_id: entry.container_id.clone(),
        config: STANDARD.encode(&entry.config),
        if_name: entry.ifname.clone(),
        network_name: entry.network.clone(),
        netns: entry.netns.clone(),
        cni_args: (!entry.args.is_empty()).then(|| entry.args.clone()),
        capability_args: (!entry.capability_args.is_empty()).then(|| entry.capability_args.clone()),
        result: entry.result.clone(),
        modules: entry.modules.clone(),
    };
    let written = file::replace(&path, &draft, |draft| put(draft, &on_disk));
    written.map_err(|error| CacheError::Io { doing: "write", path, error })
}

fn put(draft: &Path, on_disk: &File) -> io::Result<()> {
    open_draft(draft)?.write_all(&serde_json::to_vec(on_disk)?)
}

fn open_draft(draft: &Path) -> io::Result<fs::File> {
    let open = || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft);
    match (open(), draft.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            open()
        }
        (opened, _) => opened,
    }
}

/// Makes the empty draft of an entry that [`write`] will be given: making a file is most of what that costs, and it
/// can be done while a plugin starts. [`remove`] removes it as well.
///
/// # Errors
/// [`CacheError::Io`], [`CacheError::Name`].
pub fn prepare(cni_dir: &Path, network: &str, container_id: &str, ifname: &str) -> Result<(), CacheError> {
    let path = path_of(cni_dir, network, container_id, ifname)?;
    let opened = open_draft(&draft(cni_dir, container_id, ifname));
    opened.map(drop).map_err(|error| CacheError::Io { doing: "write", path, error })
}

/// The entry of one attachment, if there is one.
///
/// # Errors
/// A file that can't be read or is something else.
pub fn read(
    cni_dir: &Path,
    network: &str,
    container_id: &str,
    ifname: &str,
) -> Result<Option<CacheEntry>, CacheError> {
    read_file(&path_of(cni_dir, network, container_id, ifname)?)
}

/// Every readable entry of a container, in the order of file names. Files of other tools and damaged ones
/// are passed over, as libcni does (CNI-06).
///
/// # Errors
/// The folder, or a file in it, can't be read: what is not known would be forgotten. A folder that is not there is empty.
pub fn list_for(cni_dir: &Path, container_id: &str) -> Result<Vec<CacheEntry>, CacheError> {
    let folder = folder(cni_dir);
    let fail = |error| CacheError::Io { doing: "read", path: folder.clone(), error };
    let listing = match fs::read_dir(&folder) {
        Ok(listing) => listing,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(fail(error)),
    };
    // The name only narrows the choice: `a-b-c` may be split in more than one way.
    let part = format!("-{container_id}-");
    let mut names = Vec::new();
    for entry in listing {
        let name = entry.map_err(fail)?.file_name();
        if name.to_str().is_some_and(|name| name.contains(&part) && !name.starts_with('.')) {
            names.push(name);
        }
    }
    names.sort();
    let mut entries = Vec::new();
    for name in names {
        match read_file(&folder.join(name)) {
            Ok(entry) => entries.extend(entry.filter(|entry| entry.container_id == container_id)),
            Err(CacheError::Io { error, .. }) if error.kind() == io::ErrorKind::IsADirectory => {}
            Err(error @ CacheError::Io { .. }) => return Err(error),
            Err(_foreign) => {}
        }
    }
    Ok(entries)
}

fn read_file(path: &Path) -> Result<Option<CacheEntry>, CacheError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CacheError::Io { doing: "read", path: path.to_owned(), error }),
    };
    let foreign = |why: String| CacheError::Foreign { path: path.to_owned(), why };
    let on_disk: File = multus_document::json::parse(&text).map_err(|error| foreign(error.to_string()))?;
    if on_disk.kind != KIND {
        return Err(foreign(format!("its kind is `{}`", on_disk.kind)));
    }
    let config = STANDARD.decode(&on_disk.config).map_err(|error| foreign(format!("config: {error}")))?;
    Ok(Some(CacheEntry {
        container_id: on_disk.container_id,
        config,
        ifname: on_disk.if_name,
        network: on_disk.network_name,
        netns: on_disk.netns,
        args: on_disk.cni_args.unwrap_or_default(),
        capability_args: on_disk.capability_args.unwrap_or_default(),
        result: on_disk.result,
        modules: on_disk.modules,
    }))
}

/// Removes the entry of one attachment, and a draft of it that a killed call left; one that is not there is
/// removed already.
///
/// # Errors
/// [`CacheError::Io`], [`CacheError::Name`].
pub fn remove(cni_dir: &Path, network: &str, container_id: &str, ifname: &str) -> Result<(), CacheError> {
    let path = path_of(cni_dir, network, container_id, ifname)?;
    for path in [draft(cni_dir, container_id, ifname), path] {
        file::remove(&path).map_err(|error| CacheError::Io { doing: "remove", path, error })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry() -> CacheEntry {
        CacheEntry {
            container_id: "c-1".into(),
            config: br#"{"name":"n","type":"t"}"#.to_vec(),
            ifname: "net1".into(),
            network: "n-c".into(),
            netns: "/run/netns/x".into(),
            args: vec![("K".into(), "V".into())],
            capability_args: json!({"ips": ["10.0.0.2/24"]}).as_object().unwrap().clone(),
            result: Some(json!({"cniVersion": "1.0.0"})),
            modules: Vec::new(),
        }
    }

    #[test]
    fn cni_16_an_entry_has_libcnis_name_and_members() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &entry()).unwrap();
        let text = fs::read_to_string(dir.path().join("results/n-c-c-1-net1")).unwrap();
        let found: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            found,
            json!({
                "kind": "cniCacheV1", "containerId": "c-1", "ifName": "net1", "networkName": "n-c",
                "config": STANDARD.encode(entry().config), "netns": "/run/netns/x", "cniArgs": [["K", "V"]],
                "capabilityArgs": {"ips": ["10.0.0.2/24"]}, "result": {"cniVersion": "1.0.0"},
            })
        );
        assert_eq!(read(dir.path(), "n-c", "c-1", "net1").unwrap(), Some(entry()));
        let by_module = CacheEntry { modules: vec!["t".into()], ..entry() };
        write(dir.path(), &by_module).unwrap();
        assert_eq!(read(dir.path(), "n-c", "c-1", "net1").unwrap(), Some(by_module));
        prepare(dir.path(), "n-c", "c-1", "net1").unwrap();
        assert!(dir.path().join("results/.c-1-net1.new").exists());
        remove(dir.path(), "n-c", "c-1", "net1").unwrap();
        remove(dir.path(), "n-c", "c-1", "net1").unwrap();
        assert_eq!(
            fs::read_dir(dir.path().join("results")).unwrap().count(),
            0,
            "a killed call's draft goes"
        );
        assert_eq!(read(dir.path(), "n-c", "c-1", "net1").unwrap(), None);
    }

    #[test]
    fn cni_16_entries_are_for_their_owner_and_never_outside_the_folder() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &entry()).unwrap();
        let mode = |path: &str| dir.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("results"), mode("results/n-c-c-1-net1")), (0o700, 0o600));
        assert_eq!(fs::read_dir(dir.path().join("results")).unwrap().count(), 1, "no draft stays");
        for (network, id, ifname) in
            [("../n", "c", "i"), ("n", "../../c", "i"), ("n", "c", "a/b"), ("", "c", "i")]
        {
            assert!(
                matches!(read(dir.path(), network, id, ifname), Err(CacheError::Name(_))),
                "{network} {id} {ifname}"
            );
            assert!(matches!(remove(dir.path(), network, id, ifname), Err(CacheError::Name(_))));
        }
    }

    #[test]
    fn cni_16_what_is_not_an_entry_says_so() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("results")).unwrap();
        let rows = [
            ("", "empty"),
            ("{", "EOF"),
            ("[]", "invalid length"),
            (r#"{"kind":"cniCacheV1"}"#, "missing field"),
            (
                r#"{"kind":"v2","containerId":"c","config":"","ifName":"i","networkName":"n"}"#,
                "its kind is `v2`",
            ),
            (
                r#"{"kind":"cniCacheV1","containerId":"c","config":"%","ifName":"i","networkName":"n"}"#,
                "config",
            ),
        ];
        for (text, why) in rows {
            fs::write(dir.path().join("results/n-c-i"), text).unwrap();
            let error = read(dir.path(), "n", "c", "i").unwrap_err();
            assert!(
                matches!(error, CacheError::Foreign { .. }) && error.to_string().contains(why),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn cni_16_a_container_finds_its_own_entries_among_damaged_and_foreign_ones() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(list_for(dir.path(), "c-1").unwrap(), vec![]);
        write(dir.path(), &entry()).unwrap();
        write(dir.path(), &CacheEntry { container_id: "1".into(), ..entry() }).unwrap();
        assert!(
            dir.path().join("results/n-c-1-net1").exists(),
            "the name of one container's file may contain another's id"
        );
        fs::write(dir.path().join("results/x-c-1-net2"), "{").unwrap();
        fs::write(dir.path().join("results/x-c-1-net3"), r#"{"kind":"other"}"#).unwrap();
        assert_eq!(list_for(dir.path(), "c-1").unwrap(), vec![entry()]);
    }
}
