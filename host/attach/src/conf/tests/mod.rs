//! The conf of multus: what is read, what is refused and where, and that nothing makes it panic.

mod any;
mod cluster;

use super::*;

fn object(text: &str) -> Object {
    Object::parse(text.as_bytes()).unwrap()
}

/// Every problem as `pointer: message`, warnings with a `?` in front.
fn problems(text: &str) -> Vec<String> {
    let line = |problem: &Problem| {
        format!("{}{}: {}", if problem.warning { "?" } else { "" }, problem.pointer, problem.message)
    };
    MultusConf::problems(&object(text)).iter().map(line).collect()
}

/// A conf that is right but for what `members` adds or replaces.
fn with(members: &str) -> String {
    let mut conf = object(r#"{"name":"n","cniVersion":"1.0.0","delegates":[{"type":"a"}]}"#);
    let other = object(members);
    for key in other.keys() {
        conf.set(key, &other.get(key).unwrap());
    }
    conf.to_string()
}

fn parse(text: &str) -> MultusConf {
    MultusConf::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn what_is_left_out_has_upstreams_defaults() {
    let conf = parse(r#"{"name":"n","delegates":[{"type":"a"}]}"#);
    assert_eq!(conf.cni_version, Version::V0_1_0);
    assert_eq!(conf.cni_dir, PathBuf::from("/var/lib/cni/multus"));
    assert_eq!(conf.bin_dir, PathBuf::from("/opt/cni/bin"));
    assert_eq!((&conf.cluster.manifests, &conf.cluster.kubeconfig, &conf.wasm), (&None, &None, &None));
    assert_eq!(conf.cluster.conf_dir, PathBuf::from("/etc/cni/multus/net.d"));
    assert_eq!(conf.cluster.multus_namespace, "kube-system");
    assert!(conf.cluster.is_system("kube-system") && !conf.cluster.is_system("default"));
    assert_eq!(conf.cluster.isolation, Isolation { on: false, global: vec!["default".into()] });
    assert_eq!(conf.cluster.on_invalid_selection, OnInvalid::Refuse);
    assert_eq!((&conf.log, &conf.readiness_file), (&LogConf::default(), &None));
    assert_eq!(conf.exec, ExecRules { allow: None, timeout: Duration::from_secs(45) });
    assert!(!conf.masterplugin && !conf.disable_gc && conf.runtime_config.is_empty());
    let delegate = conf.delegates.iter().find(|delegate| delegate.default).unwrap();
    assert_eq!((delegate.network.name.as_str(), delegate.network.cni_version), ("n-a", Version::V0_1_0));
}

#[test]
fn everything_that_is_written_is_read() {
    let conf = parse(&with(
        r#"{"cniVersions":["0.4.0","1.1.0"],"cniDir":"/c","binDir":"/b","manifests":"/m","disableGC":"true",
            "exec":{"allow":["bridge"],"timeout":"7s"},"runtimeConfig":{"mac":"x"},
            "wasm":{"catalog":"/w","moduleDir":"/d","cacheDir":"/e"}}"#,
    ));
    assert_eq!(conf.cni_version, Version::V1_1_0);
    assert_eq!((conf.cni_dir.to_str(), conf.bin_dir.to_str()), (Some("/c"), Some("/b")));
    assert_eq!(conf.cluster.manifests, Some("/m".into()));
    assert_eq!(conf.exec, ExecRules { allow: Some(vec!["bridge".into()]), timeout: Duration::from_secs(7) });
    assert!(conf.exec.allows("bridge") && !conf.exec.allows("ptp"));
    assert_eq!(conf.runtime_config["mac"], "x");
    let paths = WasmPaths { catalog: "/w".into(), module_dir: "/d".into(), cache_dir: "/e".into() };
    assert_eq!(conf.wasm, Some(paths));
    assert!(conf.disable_gc);
}

#[test]
fn absent_null_and_empty_ask_for_nothing() {
    for members in [
        r#"{"cniDir":"","binDir":"","manifests":"","exec":null,"wasm":null,"runtimeConfig":null,"disableGC":null}"#,
        r#"{"cniVersions":null,"kubeconfig":"","clusterNetwork":null,"defaultNetworks":[],"namespaceIsolation":false}"#,
    ] {
        assert_eq!(problems(&with(members)), Vec::<String>::new(), "{members}");
    }
    assert_eq!(
        parse(r#"{"name":"n","cniVersion":null,"delegates":[{"type":"a"}]}"#).cni_version,
        Version::V0_1_0
    );
    let none = parse(&with(r#"{"exec":{"allow":[]}}"#));
    assert_eq!(none.exec.allow, Some(Vec::new()), "an empty list forbids every binary");
}

#[test]
fn delegates_are_named_versioned_and_ordered() {
    /// Name, version, and whether it is the default network.
    type Named = (&'static str, &'static str, bool);
    let rows: &[(&str, &[Named])] = &[
        (r#"[{"type":"a"},{"type":"b"}]"#, &[("n-a", "1.0.0", true), ("n-b", "1.0.0", false)]),
        (
            r#"[{"type":"a","masterplugin":false},{"type":"b","masterplugin":true,"cniVersion":"0.3.1"}]"#,
            &[("n-a", "1.0.0", false), ("n-b", "0.3.1", true)],
        ),
        (r#"[{"plugins":[{"type":"a"}]}]"#, &[("n-list", "1.0.0", true)]),
        (r#"[{"name":"own","type":"a b"}]"#, &[("own", "1.0.0", true)]),
        (r#"[{"type":"a b"}]"#, &[("n", "1.0.0", true)]),
    ];
    for (delegates, expected) in rows {
        let conf = parse(&with(&format!(r#"{{"delegates":{delegates}}}"#)));
        let found: Vec<(String, String, bool)> = conf
            .delegates
            .iter()
            .map(|one| (one.network.name.clone(), one.network.cni_version.to_string(), one.default))
            .collect();
        let found: Vec<_> = found.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), *c)).collect();
        assert_eq!(found, *expected, "{delegates}");
        assert_eq!(conf.masterplugin, delegates.contains(":true"), "{delegates}");
        for delegate in &conf.delegates {
            assert!(!delegate.network.source.contains("masterplugin"), "it is not passed on");
        }
    }
}

#[test]
fn the_author_s_spelling_of_a_delegate_is_kept() {
    let conf = parse(r#"{"name":"n","delegates":[{"z":1.0,"type":"a","masterplugin":true,"u":"\u00e9"}]}"#);
    assert_eq!(conf.delegates[0].network.source.to_string(), r#"{"z":1.0,"type":"a","u":"\u00e9"}"#);
}

#[test]
fn the_examples_of_2018_are_read() {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/2018");
    for (file, types) in [
        ("multus-demo-network.conf", ["bridge", "ptp", "bridge*"].as_slice()),
        ("node-cni-network.conf", &["bridge*"]),
    ] {
        let text = std::fs::read_to_string(examples.join(file)).unwrap();
        assert_eq!(problems(&text), Vec::<String>::new(), "{file}");
        let conf = parse(&text);
        let mark = |one: &Delegate| {
            format!("{}{}", one.network.plugins[0].plugin_type(), if one.default { "*" } else { "" })
        };
        assert_eq!(conf.delegates.iter().map(mark).collect::<Vec<_>>(), types, "{file}");
        assert!(conf.masterplugin);
    }
}

/// Every conf has exactly these problems; those that only warn begin with `?`.
fn all_told(rows: &[(String, &[&str])]) {
    for (text, expected) in rows {
        // Which key is read first is nobody's affair.
        let (mut found, mut wanted) = (problems(text), expected.to_vec());
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{text}");
        let refused = expected.iter().any(|line| !line.starts_with('?'));
        assert_eq!(MultusConf::parse(text.as_bytes()).is_err(), refused, "{text}");
        for problem in MultusConf::problems(&object(text)) {
            assert!(problem.warning || problem.advice.is_some(), "what to write instead? {problem}");
        }
    }
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let no_delegate = "there is no delegate, so no pod could get its default network";
    let rows: &[(String, &[&str])] = &[
        ("{}".into(), &[": the network has no `name`", &format!("/delegates: {no_delegate}")]),
        (with(r#"{"delegates":[]}"#), &[&format!("/delegates: {no_delegate}")]),
        (with(r#"{"delegates":null}"#), &[&format!("/delegates: {no_delegate}")]),
        (
            with(r#"{"delegates":{"type":"a"}}"#),
            &["/delegates: expected a list of network configurations, found an object"],
        ),
        (
            with(r#"{"delegates":[null,{"type":"/bin/sh"},7,{},{"plugins":[{}]},{"type":"ok"}]}"#),
            &[
                "/delegates/0: expected a network configuration, found null",
                "/delegates/1/type: the type `/bin/sh` has a path separator in it",
                "/delegates/2: expected a network configuration, found a number",
                "/delegates/3: there is neither a `type` nor a list of `plugins`",
                "/delegates/4/plugins/0: the plugin has no `type`",
            ],
        ),
        (
            with(
                r#"{"delegates":[{"type":"a","masterplugin":true},{"type":"b","masterplugin":true},{"type":"c","masterplugin":"yes"}]}"#,
            ),
            &[
                "/delegates/1/masterplugin: a second `masterplugin`",
                "/delegates/2/masterplugin: expected `true` or `false`, found a string",
            ],
        ),
        (
            r#"{"delegates":[{"type":"a"},{"plugins":[{"type":"b"}]}]}"#.into(),
            &[": the network has no `name`"],
        ),
        (
            with(r#"{"name":"a b","cniVersion":"7.0.0"}"#),
            &[
                "/name: the network name `a b` may only have letters, digits, `_`, `.` and `-` in it",
                "/cniVersion: CNI version 7.0.0 is not supported",
            ],
        ),
        (
            with(r#"{"name":7,"cniVersion":1.0,"cniVersions":"1.0.0"}"#),
            &["/name: expected a string, found a number", "/cniVersion: expected a string, found a number"],
        ),
        (with(r#"{"cniVersions":["1.0.0",1]}"#), &["/cniVersions: expected a list of strings, found a list"]),
        (
            with(r#"{"cniDir":"var","binDir":7,"manifests":"../m","runtimeConfig":[],"disableGC":"yes"}"#),
            &[
                "/cniDir: `var` is not an absolute path",
                "/binDir: expected a string, found a number",
                "/manifests: `../m` is not an absolute path",
                "/runtimeConfig: expected an object, found a list",
                "/disableGC: expected `true` or `false`, found a string",
            ],
        ),
        (
            with(r#"{"exec":{"allow":["ok","/bin/sh","..","",7],"timeout":"45","limit":1}}"#),
            &[
                "/exec/allow/1: \"/bin/sh\" is not the name of a binary",
                "/exec/allow/2: \"..\" is not the name of a binary",
                "/exec/allow/3: \"\" is not the name of a binary",
                "/exec/allow/4: 7 is not the name of a binary",
                "/exec/timeout: \"45\" is not a duration",
                "/exec/limit: unknown key `limit`",
            ],
        ),
        (with(r#"{"exec":{"allow":null}}"#), &["/exec/allow: expected a list of binary names, found null"]),
        (with(r#"{"exec":[]}"#), &["/exec: expected an object, found a list"]),
        (
            with(r#"{"wasm":{"catalog":"","moduleDir":"d","cachedir":"/c"}}"#),
            &[
                "/wasm/cachedir: unknown key `cachedir`",
                "/wasm: `catalog` is missing",
                "/wasm/moduleDir: `d` is not an absolute path",
                "/wasm: `cacheDir` is missing",
            ],
        ),
        (with(r#"{"wasm":"/w"}"#), &["/wasm: expected an object, found a string"]),
        (
            with(r#"{"daemonSocketDir":"/run/multus","cniConf":"/x","delegtes":[]}"#),
            &[
                "?/daemonSocketDir: `daemonSocketDir` has no effect",
                "?/cniConf: `cniConf` has no effect",
                "?/delegtes: unknown key `delegtes`, it is ignored",
            ],
        ),
    ];
    all_told(rows);
}

#[test]
fn every_problem_of_cluster_and_log_is_told_at_once_with_its_place() {
    let rows: &[(String, &[&str])] = &[
        (
            with(r#"{"kubeconfig":"k","manifests":"/m","confDir":7,"clusterNetwork":"a b"}"#),
            &[
                "/clusterNetwork: the network name `a b` may only have letters, digits, `_`, `.` and `-` in it",
                "/kubeconfig: `k` is not an absolute path",
                "/confDir: expected a string, found a number",
            ],
        ),
        (
            with(r#"{"kubeconfig":"/k","manifests":"/m"}"#),
            &["/manifests: the cluster's objects can't come both from `manifests` and from an API server"],
        ),
        (
            with(r#"{"clusterNetwork":"net.d/a.conf","defaultNetworks":["a","../b",7,""]}"#),
            &[
                "/clusterNetwork: `net.d/a.conf` is not an absolute path",
                "/defaultNetworks/1: `../b` is not an absolute path",
                "/defaultNetworks/2: expected a string, found a number",
                "/defaultNetworks/3: the network's name is empty",
            ],
        ),
        (
            with(r#"{"multusNamespace":"A","systemNamespaces":["a","B"],"globalNamespaces":"default, C"}"#),
            &[
                "/multusNamespace: `A` can't be a namespace",
                "/systemNamespaces/1: `B` can't be a namespace",
                "/globalNamespaces: `C` can't be a namespace",
            ],
        ),
        (
            with(
                r#"{"namespaceIsolation":"yes","onInvalidSelection":"warn","compat":"multus","api":{"timeout":5,"x":1}}"#,
            ),
            &[
                "/api/timeout: 5 is not a duration",
                "/api/x: unknown key `x`",
                "/namespaceIsolation: expected `true` or `false`, found a string",
                "/onInvalidSelection: unknown `onInvalidSelection` `warn`",
                "/compat: unknown `compat` `multus`",
            ],
        ),
        (
            with(r#"{"auxiliaryCNIChainName":"chain","clusterNetwork":"a"}"#),
            &[
                "/auxiliaryCNIChainName: the folder of an auxiliary chain is found beside the cluster network's file",
                "?/delegates: `delegates` is ignored, `clusterNetwork` is the default network",
            ],
        ),
        (
            r#"{"name":"n","kubeconfig":"/k"}"#.into(),
            &[
                "?/delegates: there is no default network: only pods with the annotation `networks` of 2018 can be attached",
            ],
        ),
        (
            with(
                r#"{"logFile":"x","logLevel":"info","logToStderr":1,"logOptions":{"maxAge":-1,"maxSize":"1","compress":true,"x":1}}"#,
            ),
            &[
                "/logFile: `x` is not an absolute path",
                "/logLevel: unknown `logLevel` `info`",
                "/logToStderr: expected `true` or `false`, found a number",
                "/logOptions/maxAge: expected a whole number that is not negative, found a number",
                "/logOptions/maxSize: expected a whole number that is not negative, found a string",
                "?/logOptions/compress: `compress` has no effect: a pod would wait while a log is compressed",
                "?/logOptions/x: unknown key `x`, it is ignored",
            ],
        ),
    ];
    all_told(rows);
}

#[test]
fn durations_are_whole_seconds_within_reason() {
    let rows = [
        ("1s", Some(1)),
        ("600s", Some(600)),
        ("0s", None),
        ("601s", None),
        ("-1s", None),
        ("1.5s", None),
        ("1m", None),
        ("s", None),
        ("", None),
        ("99999999999999999999s", None),
    ];
    for (text, seconds) in rows {
        let conf = MultusConf::parse(with(&format!(r#"{{"exec":{{"timeout":"{text}"}}}}"#)).as_bytes());
        assert_eq!(conf.ok().map(|conf| conf.exec.timeout.as_secs()), seconds, "{text:?}");
    }
}

#[test]
fn a_conf_that_cannot_be_read_is_an_error_with_a_code() {
    let deep = format!(r#"{{"name":"n","delegates":{}1{}}}"#, "[".repeat(300), "]".repeat(300));
    let huge = format!(r#"{{"name":"{}"}}"#, "n".repeat(5 << 20));
    let rows: &[(&str, u32)] = &[
        ("", 6),
        (" \n", 6),
        ("null", 6),
        ("[]", 6),
        ("\"n\"", 6),
        ("{\"name\":", 6),
        ("{} {}", 6),
        ("\u{feff}{}", 6),
        (&deep, 6),
        (&huge, 6),
        ("{}", 7),
        (r#"{"name":"n","cniVersion":"9.0.0","delegates":[{"type":"a"}]}"#, 1),
        (r#"{"name":"n","cniVersion":7,"delegates":[{"type":"a"}]}"#, 7),
    ];
    for (text, code) in rows {
        let error = Error::from(MultusConf::parse(text.as_bytes()).unwrap_err());
        let start: String = text.chars().take(60).collect();
        assert_eq!(error.code, *code, "{start}: {error}");
        assert!(error.to_string().len() < 2000, "{start}");
    }
    assert!(MultusConf::parse(b"{\"name\":\"\xff\"}").is_err());
}

#[test]
fn a_del_needs_only_what_tells_where_the_record_is() {
    let broken = with(r#"{"delegates":[7],"wasm":{},"kubeconfig":"k","cniVersions":7}"#);
    let (conf, passed_over) = MultusConf::parse_for_del(broken.as_bytes()).unwrap();
    assert_eq!((conf.name.as_str(), conf.delegates.len()), ("n", 0));
    assert!(passed_over.len() >= 4, "{passed_over:?}");
    for text in
        [with(r#"{"name":""}"#), with(r#"{"cniDir":"x"}"#), with(r#"{"cniVersion":"9.0.0"}"#), "{}".into()]
    {
        let Err(ConfError::Problems(found) | ConfError::Version(found)) =
            MultusConf::parse_for_del(text.as_bytes())
        else {
            panic!("{text}");
        };
        assert!(!found.is_empty(), "{text}");
    }
}
