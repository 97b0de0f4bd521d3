//! Any conf at all is read or refused, and nothing makes it panic.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const KEYS: &str = "name|type|cniVersion|cniVersions|delegates|plugins|masterplugin|exec|allow|timeout|wasm|catalog\
    |moduleDir|cacheDir|cniDir|binDir|manifests|runtimeConfig|capabilities|ipam|disableGC|disableCheck|kubeconfig\
    |logLevel|logOptions|maxSize|prevResult|clusterNetwork|defaultNetworks|globalNamespaces|multusNamespace\
    |systemNamespaces|auxiliaryCNIChainName|onInvalidSelection|api|/~|x";

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z]{0,4}|/[a-z]{1,3}|[01]\\.[0-4]\\.[0-2]|true|[0-9]{1,3}s|\\PC{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((KEYS, inner), 0..7)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Mostly right, so that reading gets far.
fn conf() -> impl Strategy<Value = Value> {
    let delegate = prop_oneof![
        2 => Just(json!({"type": "a"})),
        1 => Just(json!({"name": "l", "plugins": [{"type": "a"}], "masterplugin": true})),
        1 => value(),
    ];
    (prop::collection::vec(delegate, 0..4), prop::collection::vec((KEYS, value()), 0..4)).prop_map(
        |(delegates, others)| {
            let mut conf = json!({"name": "n", "cniVersion": "1.0.0", "delegates": delegates});
            let members = conf.as_object_mut().unwrap();
            members.extend(others);
            conf
        },
    )
}

proptest! {
    #[test]
    fn any_conf_is_read_or_refused_with_a_reason(value in prop_oneof![value(), conf()]) {
        let text = value.to_string();
        let Ok(source) = Object::parse(text.as_bytes()) else { return Ok(()) };
        let all = MultusConf::problems(&source);
        for problem in &all {
            // A missing member is pointed at where it should stand.
            let parent = problem.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
            let place = value.pointer(&problem.pointer).or_else(|| value.pointer(parent));
            prop_assert!(place.is_some(), "{} is nowhere in {}", problem, text);
        }
        match MultusConf::parse(text.as_bytes()) {
            Ok(conf) => {
                prop_assert!(all.iter().all(|problem| problem.warning));
                let written_out = value["delegates"].as_array().map_or(0, Vec::len);
                if conf.cluster.network.is_none() {
                    prop_assert_eq!(conf.delegates.iter().filter(|one| one.default).count(), written_out.min(1));
                    prop_assert_eq!(conf.delegates.len(), written_out);
                    prop_assert!(written_out > 0 || conf.cluster.is_named(), "some pod can be attached");
                }
                prop_assert_eq!(conf.wasm.is_some(), value["wasm"].is_object(), "no sandbox is skipped by mistake");
                prop_assert_eq!(conf.exec.allow.is_some(), value["exec"]["allow"].is_array());
            }
            Err(ConfError::Problems(found) | ConfError::Version(found)) => prop_assert!(!found.is_empty()),
            Err(ConfError::Syntax(error)) => prop_assert!(false, "{} is JSON: {}", text, error),
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = MultusConf::parse(&bytes);
        let _ = MultusConf::parse_for_del(&bytes);
    }
}
