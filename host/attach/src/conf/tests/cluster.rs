//! Keys about the cluster and about logging.

use serde_json::json;

use super::*;

#[test]
fn keys_about_the_cluster_are_read() {
    let conf = parse(
        r#"{"name":"n","kubeconfig":"/k","clusterNetwork":"/etc/cni/net.d/10-a.conflist","defaultNetworks":["red","/b/c.conf"],
            "confDir":"/c","multusNamespace":"infra","systemNamespaces":[],"namespaceIsolation":true,
            "globalNamespaces":"shared , default","readinessindicatorfile":"/r","auxiliaryCNIChainName":"chain",
            "onInvalidSelection":"ignore","compat":"upstream","api":{"timeout":"3s","deadline":"9s"},"delegates":[{"type":"/ignored"}]}"#,
    );
    let cluster = ClusterConf {
        manifests: None,
        kubeconfig: Some("/k".into()),
        api: ApiLimits { timeout: Duration::from_secs(3), deadline: Duration::from_secs(9) },
        network: Some(Reference::Path("/etc/cni/net.d/10-a.conflist".into())),
        default_networks: vec![Reference::Name("red".into()), Reference::Path("/b/c.conf".into())],
        conf_dir: "/c".into(),
        multus_namespace: "infra".into(),
        system_namespaces: Vec::new(),
        isolation: Isolation { on: true, global: vec!["shared".into(), "default".into()] },
        auxiliary_chain: Some("chain".into()),
        on_invalid_selection: OnInvalid::Ignore,
        compat_upstream: true,
    };
    assert_eq!(conf.cluster, cluster);
    assert_eq!((conf.readiness_file, conf.delegates.len()), (Some("/r".into()), 0));
}

/// `multus.md` 7.3: no cluster network, and no delegates or one of them with `masterplugin`.
#[test]
fn only_the_readmes_own_conf_lets_pods_bring_their_default_network() {
    let rows = [
        (r#"{"kubeconfig":"/k"}"#, true),
        (r#"{"kubeconfig":"/k","delegates":[{"type":"a","masterplugin":true}]}"#, true),
        (r#"{"kubeconfig":"/k","delegates":[{"type":"a"}]}"#, false),
        (r#"{"kubeconfig":"/k","clusterNetwork":"a"}"#, false),
        (r#"{"kubeconfig":"/k","clusterNetwork":"a","delegates":[{"type":"a","masterplugin":true}]}"#, false),
    ];
    for (members, expected) in rows {
        let mut conf = object(members);
        conf.set("name", &json!("n"));
        assert_eq!(parse(&conf.to_string()).is_of_2018(), expected, "{members}");
    }
}

#[test]
fn keys_about_logging_are_read() {
    let rows = [
        ("{}", LogConf::default()),
        (
            r#"{"logLevel":"panic","logToStderr":false}"#,
            LogConf { level: LogLevel::Panic, to_stderr: false, ..LogConf::default() },
        ),
        (
            r#"{"logFile":"/l","logOptions":{"maxAge":1,"maxSize":2,"maxBackups":3,"compress":false}}"#,
            LogConf {
                file: Some("/l".into()),
                max_age: Some(Duration::from_secs(86_400)),
                max_size: 2 << 20,
                max_backups: Some(3),
                ..LogConf::default()
            },
        ),
        (
            r#"{"logOptions":{"maxAge":0,"maxSize":0,"maxBackups":0}}"#,
            LogConf { max_age: None, max_backups: None, ..LogConf::default() },
        ),
    ];
    for (members, expected) in rows {
        assert_eq!(parse(&with(members)).log, expected, "{members}");
    }
}
