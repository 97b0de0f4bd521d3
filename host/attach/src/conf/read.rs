//! Reading the conf key by key, collecting every problem on the way.

use multus_cluster::devices::DevicePaths;
use multus_cni::{Version, names, version};
use multus_document::{Object, Pointer, Problem};
use serde_json::Value;

use super::reader::Reader;
use super::{
    DEFAULT_BIN_DIR, DEFAULT_CNI_DIR, DEFAULT_EXEC_TIMEOUT, Delegate, ExecRules, MultusConf, WasmPaths,
    cluster, delegates, keys, log,
};

/// The conf as far as it can be read, and everything that is wrong with it.
pub(super) fn conf(source: &Object) -> (Option<MultusConf>, Vec<Problem>) {
    let mut reader = Reader { problems: keys::problems(source) };
    let name = reader.name(source);
    let cni_version = reader.cni_version(source);
    let cluster = cluster::read(&mut reader, source);
    let delegates = reader.default_networks(source, &name, &cluster);
    let root = Pointer::root();
    let conf = MultusConf {
        cni_dir: reader.path(source, &root, "cniDir").unwrap_or_else(|| DEFAULT_CNI_DIR.into()),
        bin_dir: reader.path(source, &root, "binDir").unwrap_or_else(|| DEFAULT_BIN_DIR.into()),
        masterplugin: cluster.network.is_none() && delegates::has_masterplugin(source),
        cluster,
        readiness_file: reader.path(source, &root, "readinessindicatorfile"),
        devices: reader.devices(source),
        exec: reader.exec(source),
        wasm: reader.wasm(source),
        log: log::read(&mut reader, source),
        runtime_config: reader.object(source, "runtimeConfig").unwrap_or_default(),
        disable_gc: reader.flag(source, "disableGC").unwrap_or(false),
        source: source.clone(),
        name,
        cni_version: cni_version.unwrap_or(Version::V0_1_0),
        delegates,
    };
    (cni_version.is_some().then_some(conf), reader.problems)
}

impl Reader {
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

    /// The networks written out in the conf. A conf without a default network can only serve pods that bring
    /// their own, by the objects of 2018.
    fn default_networks(
        &mut self,
        source: &Object,
        name: &str,
        cluster: &cluster::ClusterConf,
    ) -> Vec<Delegate> {
        let at = Pointer::root().key("delegates");
        if cluster.network.is_some() {
            if source.get("delegates").is_some_and(|value| value.as_array().is_none_or(|all| !all.is_empty()))
            {
                self.warn(
                    &at,
                    "`delegates` is ignored, `clusterNetwork` is the default network",
                    "keep one of them",
                );
            }
            return Vec::new();
        }
        if let Some(delegates) = delegates::read(self, source, name) {
            return delegates;
        }
        let advice =
            "add `\"delegates\": [{…}]`, the first of them is the default network, or `clusterNetwork`";
        if cluster.is_named() {
            let message = "there is no default network: only pods with the annotation `networks` of 2018 can be attached";
            self.warn(&at, message, advice);
        } else {
            self.refuse(&at, "there is no delegate, so no pod could get its default network", advice);
        }
        Vec::new()
    }

    fn devices(&mut self, source: &Object) -> DevicePaths {
        let members = self.object(source, "devices").unwrap_or_default();
        DevicePaths::read(&members, &Pointer::root().key("devices"), &mut self.problems)
    }

    fn exec(&mut self, source: &Object) -> ExecRules {
        let mut rules = ExecRules { allow: None, timeout: DEFAULT_EXEC_TIMEOUT };
        let Some(exec) = self.object(source, "exec") else { return rules };
        let at = Pointer::root().key("exec");
        for (key, value) in &exec {
            match (key.as_str(), value) {
                ("allow", Value::Array(names)) => rules.allow = Some(self.allowed(&at.key("allow"), names)),
                ("allow", other) => self.wrong_kind(&at.key("allow"), other, "a list of binary names"),
                ("timeout", value) => {
                    rules.timeout = self.seconds(&at.key("timeout"), value).unwrap_or(DEFAULT_EXEC_TIMEOUT);
                }
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
}
