//! The conf of type `flannel`, as far as it is read.

use ipnet::IpNet;
use multus_guest::{Failure, Plugin, log};
use serde_json::Value;

use crate::INVALID_CONF;

/// The keys that flannel has.
const OWN: [&str; 5] = ["type", "subnetFile", "dataDir", "delegate", "ipam"];

/// Keys of the network or of the runtime, which stay as they are. By `capabilities` the host knows what of `runtimeConfig`
/// the delegate gets.
const OTHERS: [&str; 9] = [
    "name",
    "cniVersion",
    "cniVersions",
    "capabilities",
    "disableCheck",
    "disableGC",
    "loadOnlyInlinedPlugins",
    "runtimeConfig",
    "prevResult",
];

/// Keys of `delegate` that flannel writes itself.
const WRITTEN: [&str; 2] = ["name", "ipam"];

/// Keys of `delegate` that only the runtime can mean.
const OF_THE_RUNTIME: [&str; 2] = ["prevResult", "runtimeConfig"];

/// What a conf says.
pub(crate) struct Flannel {
    pub(crate) subnet_file: Option<String>,
    /// Without `type`.
    pub(crate) delegate: Plugin,
    kind: Option<String>,
    /// The basis of the delegate's `ipam`.
    pub(crate) ipam: Plugin,
}

impl Flannel {
    /// # Errors
    /// Keys that flannel refuses, and values of the wrong kind.
    pub(crate) fn read(plugin: &Plugin) -> Result<Self, Failure> {
        for key in plugin.keys() {
            check_case(key)?;
        }
        let subnet_file = match plugin.get("subnetFile") {
            None | Some(Value::Null) => None,
            Some(Value::String(file)) => Some(file.clone()),
            Some(_) => return Err(invalid("`subnetFile` is no text: write a path")),
        };
        let mut delegate = object(plugin, "delegate")?;
        for key in delegate.keys() {
            check_delegate(key)?;
        }
        let kind = match delegate.shift_remove("type") {
            None => None,
            Some(Value::String(kind)) => Some(kind),
            Some(_) => return Err(invalid("`delegate.type` is no text: write the name of a plugin")),
        };
        // The network's version counts, and the conf's own capabilities.
        ["cniVersion", "capabilities"].iter().for_each(|key| drop(delegate.shift_remove(*key)));
        Ok(Self { subnet_file, delegate, kind, ipam: object(plugin, "ipam")? })
    }

    pub(crate) fn delegate_type(&self) -> String {
        self.kind.clone().unwrap_or_else(|| "bridge".to_owned())
    }
}

/// What stays of a conf. The plugin hands on nothing else of it, and a key that does nothing is worth a word.
pub(crate) fn kept(plugin: &Plugin) -> Plugin {
    let stays = |key: &str| OTHERS.contains(&key) || key.starts_with("cni.dev/");
    let lost = plugin.keys().map(String::as_str).filter(|key| !stays(key) && !OWN.contains(key));
    let lost: Vec<&str> = lost.collect();
    if !lost.is_empty() {
        log::warn(&format!(
            "only what is in `delegate` is handed on, so these count for nothing: {}",
            lost.join(", ")
        ));
    }
    plugin.iter().filter(|(key, _)| stays(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The routes of the conf's own `ipam`.
///
/// # Errors
/// What is no list of routes.
pub(crate) fn routes(ipam: &Plugin) -> Result<Vec<Value>, Failure> {
    let routes = match ipam.get("routes") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(routes)) => routes,
        Some(_) => return Err(invalid("`ipam.routes` is no list")),
    };
    let is_route = |route: &Value| {
        let destination = route.get("dst").and_then(Value::as_str);
        destination.is_some_and(|text| text.parse::<IpNet>().is_ok())
    };
    match routes.iter().find(|route| !is_route(route)) {
        Some(other) => Err(invalid(format!(
            "`ipam.routes` has no route in {other}: write {{\"dst\": \"10.96.0.0/12\"}}"
        ))),
        None => Ok(routes.clone()),
    }
}

/// In another case it would look as if it counted.
fn check_case(key: &str) -> Result<(), Failure> {
    match OWN.iter().find(|own| own.eq_ignore_ascii_case(key) && **own != key) {
        Some(own) => Err(invalid(format!("`{key}` is spelled `{own}`"))),
        None => Ok(()),
    }
}

/// In any case, because plugins written in Go read keys in any case.
fn check_delegate(key: &str) -> Result<(), Failure> {
    let is_among = |keys: &[&str]| keys.iter().any(|known| known.eq_ignore_ascii_case(key));
    if is_among(&WRITTEN) {
        return Err(invalid(format!(
            "`delegate` has the key `{key}`, which flannel writes itself: remove it there"
        )));
    }
    if is_among(&OF_THE_RUNTIME) {
        return Err(invalid(format!(
            "`delegate` has the key `{key}`, which only the runtime writes: remove it there"
        )));
    }
    if key.eq_ignore_ascii_case("type") && key != "type" {
        return Err(invalid(format!("`delegate.{key}` is spelled `type`")));
    }
    Ok(())
}

fn object(plugin: &Plugin, key: &str) -> Result<Plugin, Failure> {
    match plugin.get(key) {
        None | Some(Value::Null) => Ok(Plugin::new()),
        Some(Value::Object(members)) => Ok(members.clone()),
        Some(_) => Err(invalid(format!("`{key}` is no object: write {{…}}"))),
    }
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(INVALID_CONF, message)
}
