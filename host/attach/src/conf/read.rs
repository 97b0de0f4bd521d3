//! Reading the conf key by key, collecting every problem on the way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use multus_cni::conf::NetworkConf;
use multus_cni::{Version, names, version};
use multus_document::{Object, Pointer, Problem, json};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{
    DEFAULT_BIN_DIR, DEFAULT_CNI_DIR, DEFAULT_EXEC_TIMEOUT, Delegate, ExecRules, MultusConf, WasmPaths, keys,
};

/// The conf as far as it can be read, and everything that is wrong with it.
pub(super) fn conf(source: &Object) -> (Option<MultusConf>, Vec<Problem>) {
    let mut reader = Reader { problems: keys::problems(source), unnamed: Vec::new() };
    let name = reader.name(source);
    let cni_version = reader.cni_version(source);
    let masterplugin = has_masterplugin(source);
    let delegates = reader.delegates(source, &name);
    let root = Pointer::root();
    let conf = MultusConf {
        cni_dir: reader.path(source, &root, "cniDir").unwrap_or_else(|| DEFAULT_CNI_DIR.into()),
        bin_dir: reader.path(source, &root, "binDir").unwrap_or_else(|| DEFAULT_BIN_DIR.into()),
        manifests: reader.path(source, &root, "manifests"),
        exec: reader.exec(source),
        wasm: reader.wasm(source),
        runtime_config: reader.object(source, "runtimeConfig").unwrap_or_default(),
        disable_gc: reader.flag(source, "disableGC"),
        source: source.clone(),
        name,
        cni_version: cni_version.unwrap_or(Version::V0_1_0),
        delegates,
        masterplugin,
    };
    (cni_version.is_some().then_some(conf), reader.problems)
}

struct Reader {
    problems: Vec<Problem>,
    /// The plain names of delegates so far that had none of their own.
    unnamed: Vec<String>,
}

impl Reader {
    fn refuse(&mut self, at: &Pointer, message: impl Into<String>, advice: &str) {
        self.problems.push(Problem::new(at.as_str(), message).advise(advice));
    }

    fn wrong_kind(&mut self, at: &Pointer, found: &Value, expected: &str) {
        self.refuse(
            at,
            format!("expected {expected}, found {}", json::kind(found)),
            &format!("write {expected}"),
        );
    }

    fn name(&mut self, source: &Object) -> String {
        let at = Pointer::root().key("name");
        match source.get("name") {
            Some(Value::String(name)) => {
                if let Err(error) = names::check_network_name(&name) {
                    self.refuse(
                        &at,
                        error.msg,
                        "use letters, digits, `_`, `.` and `-`, beginning with a letter or digit",
                    );
                }
                name
            }
            Some(other) => {
                self.wrong_kind(&at, &other, "a string");
                String::new()
            }
            None => {
                self.refuse(
                    &Pointer::root(),
                    "the network has no `name`",
                    "add `\"name\": \"multus-cni-network\"`",
                );
                String::new()
            }
        }
    }

    fn cni_version(&mut self, source: &Object) -> Option<Version> {
        let at = Pointer::root().key("cniVersion");
        let single = match source.get("cniVersion") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                self.wrong_kind(&at, &other, "a string");
                return None;
            }
        };
        let many: Vec<String> = match source.get("cniVersions") {
            None | Some(Value::Null) => Vec::new(),
            Some(list) => source.read("cniVersions").unwrap_or_else(|| {
                self.wrong_kind(&Pointer::root().key("cniVersions"), &list, "a list of strings");
                Vec::new()
            }),
        };
        match version::negotiate(single.as_deref(), &many) {
            Ok(version) => Some(version),
            Err(error) => {
                let known: Vec<String> = version::SUPPORTED.iter().map(ToString::to_string).collect();
                self.refuse(&at, error.msg, &format!("use one of {}", known.join(", ")));
                None
            }
        }
    }

    /// A path, absolute: the runtime's working directory is nobody's to rely on.
    fn path(&mut self, source: &Object, parent: &Pointer, key: &str) -> Option<PathBuf> {
        let at = parent.key(key);
        match source.get(key)? {
            Value::String(text) if Path::new(&text).is_absolute() => Some(text.into()),
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => {
                self.refuse(&at, format!("`{text}` is not an absolute path"), "begin it with `/`");
                None
            }
            other => {
                self.wrong_kind(&at, &other, "a string");
                None
            }
        }
    }

    fn object(&mut self, source: &Object, key: &str) -> Option<Map<String, Value>> {
        match source.get(key)? {
            Value::Object(map) => Some(map),
            Value::Null => None,
            other => {
                self.wrong_kind(&Pointer::root().key(key), &other, "an object");
                None
            }
        }
    }

    fn flag(&mut self, source: &Object, key: &str) -> bool {
        match source.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
            Some(other) => {
                self.wrong_kind(&Pointer::root().key(key), &other, "`true` or `false`");
                false
            }
        }
    }

    fn exec(&mut self, source: &Object) -> ExecRules {
        let mut rules = ExecRules { allow: None, timeout: DEFAULT_EXEC_TIMEOUT };
        let Some(exec) = self.object(source, "exec") else { return rules };
        let at = Pointer::root().key("exec");
        for (key, value) in &exec {
            match (key.as_str(), value) {
                ("allow", Value::Array(names)) => rules.allow = Some(self.allowed(&at.key("allow"), names)),
                ("allow", other) => self.wrong_kind(&at.key("allow"), other, "a list of binary names"),
                ("timeout", value) => rules.timeout = self.timeout(&at.key("timeout"), value),
                (other, _) => {
                    self.refuse(&at.key(other), format!("unknown key `{other}`"), "use `allow` or `timeout`");
                }
            }
        }
        rules
    }

    fn allowed(&mut self, at: &Pointer, names: &[Value]) -> Vec<String> {
        let mut allowed = Vec::new();
        for (index, name) in names.iter().enumerate() {
            match name.as_str() {
                Some(name) if !["", ".", ".."].contains(&name) && !name.contains(['/', '\0']) => {
                    allowed.push(name.to_owned());
                }
                _ => self.refuse(
                    &at.key(index),
                    format!("{name} is not the name of a binary"),
                    "write a name without `/`",
                ),
            }
        }
        allowed
    }

    fn timeout(&mut self, at: &Pointer, value: &Value) -> Duration {
        let seconds =
            value.as_str().and_then(|text| text.strip_suffix('s')).and_then(|text| text.parse().ok());
        match seconds {
            Some(seconds @ 1..=600_u64) => Duration::from_secs(seconds),
            _ => {
                self.refuse(
                    at,
                    format!("{value} is not a duration"),
                    "write whole seconds from 1 to 600, as in `\"45s\"`",
                );
                DEFAULT_EXEC_TIMEOUT
            }
        }
    }

    fn wasm(&mut self, source: &Object) -> Option<WasmPaths> {
        let at = Pointer::root().key("wasm");
        let wasm = Object::from_value(&Value::Object(self.object(source, "wasm")?))?;
        for key in wasm.keys().filter(|key| !["catalog", "moduleDir", "cacheDir"].contains(key)) {
            self.refuse(
                &at.key(key),
                format!("unknown key `{key}`"),
                "use `catalog`, `moduleDir` and `cacheDir`",
            );
        }
        let [catalog, module_dir, cache_dir] = ["catalog", "moduleDir", "cacheDir"].map(|key| {
            // An empty path must not pass for "no sandbox": no policy would be asked then.
            if !wasm.contains(key) || wasm.read::<String>(key).is_some_and(|path| path.is_empty()) {
                self.refuse(
                    &at,
                    format!("`{key}` is missing"),
                    "name all of `catalog`, `moduleDir` and `cacheDir`",
                );
            }
            self.path(&wasm, &at, key)
        });
        Some(WasmPaths { catalog: catalog?, module_dir: module_dir?, cache_dir: cache_dir? })
    }

    fn delegates(&mut self, source: &Object, outer: &str) -> Vec<Delegate> {
        let at = Pointer::root().key("delegates");
        let entries = match source.get("delegates") {
            Some(Value::Array(entries)) if !entries.is_empty() => entries,
            Some(Value::Array(_) | Value::Null) | None => {
                let advice = "add `\"delegates\": [{…}]`, the first of them is the default network";
                self.refuse(&at, "there is no delegate, so no pod could get its default network", advice);
                return Vec::new();
            }
            Some(other) => {
                self.wrong_kind(&at, &other, "a list of network configurations");
                return Vec::new();
            }
        };
        let masters: Vec<usize> = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| is_master(entry))
            .map(|(index, _)| index)
            .collect();
        for index in masters.iter().skip(1) {
            self.refuse(
                &at.key(index).key("masterplugin"),
                "a second `masterplugin`",
                "mark one delegate only",
            );
        }
        let default = masters.first().copied().unwrap_or(0);
        // A name that is no name is reported once, not again for every delegate.
        let outer = if names::check_network_name(outer).is_ok() { outer } else { "unnamed" };
        // So is a version that is no version.
        let version = source
            .read::<String>("cniVersion")
            .filter(|text| Version::parse(text).is_ok_and(Version::is_supported));
        // Read as text, so that the author's spelling is kept.
        let texts = source.read::<Vec<Box<RawValue>>>("delegates").unwrap_or_default();
        let parsed = texts.into_iter().zip(&entries).enumerate().filter_map(|(index, (text, entry))| {
            let at = at.key(index);
            let Ok(entry) = serde_json::from_str::<Object>(text.get()) else {
                self.wrong_kind(&at, entry, "a network configuration");
                return None;
            };
            let network = self.delegate(&at, entry, outer, version.as_deref())?;
            Some(Delegate { network, default: index == default })
        });
        parsed.collect()
    }

    /// A name for a delegate that has none, of its own: GC and the cache tell networks apart by name.
    fn name_for(&mut self, outer: &str, kind: &str, named: bool) -> String {
        let plain = format!("{outer}-{kind}");
        if names::check_network_name(&plain).is_err() {
            return outer.to_owned();
        }
        let before = self.unnamed.iter().filter(|name| **name == plain).count();
        if !named {
            self.unnamed.push(plain.clone());
        }
        if before == 0 { plain } else { format!("{plain}-{}", before + 1) }
    }

    fn delegate(
        &mut self,
        at: &Pointer,
        mut entry: Object,
        outer: &str,
        version: Option<&str>,
    ) -> Option<NetworkConf> {
        match entry.get("masterplugin") {
            None | Some(Value::Bool(_)) => entry.remove("masterplugin"),
            Some(other) => self.wrong_kind(&at.key("masterplugin"), &other, "`true` or `false`"),
        }
        let kind = entry.read::<String>("type").unwrap_or_else(|| "list".to_owned());
        let name = self.name_for(outer, &kind, entry.contains("name"));
        match NetworkConf::parse(&entry, Some(&name), version) {
            Ok(network) => Some(network),
            Err(problems) => {
                self.problems.extend(problems.into_iter().map(|problem| problem.below(at.as_str())));
                None
            }
        }
    }
}

fn is_master(entry: &Value) -> bool {
    entry.get("masterplugin").and_then(Value::as_bool).unwrap_or(false)
}

fn has_masterplugin(source: &Object) -> bool {
    source.read::<Vec<Value>>("delegates").unwrap_or_default().iter().any(is_master)
}
