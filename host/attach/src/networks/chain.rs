//! Plugins in folders beside a network's file (`multus.md` 1.13).

use std::path::{Path, PathBuf};

use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error, names};
use multus_document::Object;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::file::{ConfFile, list};
use super::origin::{Asked, Found, Origin};
use super::{Wanted, join};
use crate::conf::{ClusterConf, Reference};

/// A list takes the plugins of `<its folder>/<its name>/*.conf` along, behind its own, unless it says
/// `loadOnlyInlinedPlugins` (CNI-13).
///
/// # Errors
/// Code 5 or 6: a plugin's file can't be read. It may be what keeps a pod in its bounds, so it is not
/// passed over.
pub(super) fn append_folder(list: &mut ConfFile) -> Result<(), Error> {
    let name: String = list.object.read("name").unwrap_or_default();
    let inline_only = list.object.get("loadOnlyInlinedPlugins");
    let inline_only = inline_only.is_some_and(|flag| flag == Value::Bool(true) || flag == "true");
    if inline_only || names::check_network_name(&name).is_err() {
        return Ok(());
    }
    let Some(folder) = list.path.parent().map(|parent| parent.join(name)) else { return Ok(()) };
    let added = plugins(&folder)?;
    if !added.is_empty() {
        let mut all: Vec<Box<RawValue>> = list.object.read("plugins").unwrap_or_default();
        all.extend(added);
        set_plugins(&mut list.object, &all);
    }
    Ok(())
}

/// The network of `auxiliaryCNIChainName`: the plugins in that folder beside the cluster network's file. They
/// run last, and on every pod; an empty folder is no network.
///
/// # Errors
/// Code 5 to 7: a plugin's file can't be read, or is no plugin's configuration.
pub(super) fn auxiliary(cluster: &ClusterConf, default: &Wanted) -> Result<Option<Wanted>, Error> {
    let (Some(name), Some(Reference::Path(path))) = (&cluster.auxiliary_chain, &cluster.network) else {
        return Ok(None);
    };
    let folder = beside(path).join(name);
    let plugins = plugins(&folder)?;
    if plugins.is_empty() {
        return Ok(None);
    }
    let mut object = Object::default();
    object.set("cniVersion", &Value::from(default.network.cni_version.to_string()));
    object.set("name", &Value::from(name.as_str()));
    set_plugins(&mut object, &plugins);
    let network = NetworkConf::parse(&object, None, None).map_err(|problems| {
        Error::new(Code::InvalidConfig, format!("the chain in {}: {}", folder.display(), join(&problems)))
    })?;
    Ok(Some(Wanted {
        display: name.clone(),
        network,
        default: false,
        origin: Origin { asked: Asked::AuxiliaryChain, found: Found::File(folder) },
        selection: None,
        definition: None,
    }))
}

/// The folder that a cluster network's file is in.
fn beside(path: &Path) -> PathBuf {
    if path.is_dir() { path.to_owned() } else { path.parent().unwrap_or(path).to_owned() }
}

/// The plugins of a folder in the order of their files' names; none if there is no such folder.
fn plugins(folder: &Path) -> Result<Vec<Box<RawValue>>, Error> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut plugins = Vec::new();
    for path in list(folder, &["conf"])? {
        let file = ConfFile::read(&path)?;
        plugins.extend(to_raw_value(&file.object));
    }
    Ok(plugins)
}

fn set_plugins(object: &mut Object, plugins: &[Box<RawValue>]) {
    if let Ok(text) = to_raw_value(plugins) {
        object.set_text("plugins", &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn types(file: &ConfFile) -> Vec<String> {
        let plugins: Vec<Value> = file.object.read("plugins").unwrap_or_default();
        plugins.iter().map(|plugin| plugin["type"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn cni_13_plugins_of_the_folder_follow_those_of_the_list() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cluster")).unwrap();
        for (name, text) in [
            ("20-b.conf", r#"{"type":"second"}"#),
            ("10-a.conf", r#"{"type":"first"}"#),
            ("x.json", r#"{"type":"not-a-plugin"}"#),
        ] {
            fs::write(folder.path().join("cluster").join(name), text).unwrap();
        }
        let rows: &[(&str, &[&str])] = &[
            (r#"{"name":"cluster","plugins":[{"type":"own"}]}"#, &["own", "first", "second"]),
            (r#"{"name":"cluster"}"#, &["first", "second"]),
            (r#"{"name":"cluster","loadOnlyInlinedPlugins":true,"plugins":[{"type":"own"}]}"#, &["own"]),
            (r#"{"name":"cluster","loadOnlyInlinedPlugins":"true","plugins":[{"type":"own"}]}"#, &["own"]),
            (r#"{"name":"other","plugins":[{"type":"own"}]}"#, &["own"]),
            (r#"{"name":"../cluster","plugins":[{"type":"own"}]}"#, &["own"]),
        ];
        for (text, expected) in rows {
            let path = folder.path().join("10-cluster.conflist");
            fs::write(&path, text).unwrap();
            let mut file = ConfFile::read(&path).unwrap();
            append_folder(&mut file).unwrap();
            assert_eq!(types(&file), *expected, "{text}");
        }
        fs::write(folder.path().join("cluster/15-broken.conf"), "{").unwrap();
        let path = folder.path().join("10-cluster.conflist");
        fs::write(&path, r#"{"name":"cluster","plugins":[]}"#).unwrap();
        let error = append_folder(&mut ConfFile::read(&path).unwrap()).unwrap_err();
        assert!(error.msg.contains("15-broken.conf"), "{error}");
    }
}
