//! Objects as API servers write them. Only what is used is read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::devices::Demand;
use crate::object::{Network2018, NetworkDefinition, NetworkRef, Pod, is_static};

/// Null stands for "nothing", as it does to every reader written in Go.
type Strings = Option<BTreeMap<String, String>>;

#[derive(Deserialize)]
struct Metadata {
    uid: Option<String>,
    labels: Strings,
    annotations: Strings,
}

#[derive(Deserialize)]
struct ApiPod {
    metadata: Metadata,
    spec: Option<PodSpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    service_account_name: Option<String>,
}

#[derive(Deserialize)]
struct ApiNetwork {
    metadata: Metadata,
    spec: Option<NetworkSpec>,
}

#[derive(Deserialize)]
struct NetworkSpec {
    config: Option<String>,
}

/// `plugin` and `args` stand beside `metadata`, not in a `spec`.
#[derive(Deserialize)]
struct ApiNetwork2018 {
    plugin: String,
    args: String,
}

#[derive(Deserialize)]
struct ApiNamespace {
    metadata: Metadata,
}

/// A pod, without the labels of its namespace.
///
/// # Errors
/// What is not as a pod has it.
pub(super) fn pod(json: &[u8], namespace: &str, name: &str) -> Result<Pod, String> {
    let ApiPod { metadata, spec } = read(json)?;
    let annotations = metadata.annotations.unwrap_or_default();
    let account = spec.and_then(|spec| spec.service_account_name).filter(|account| !account.is_empty());
    Ok(Pod {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: metadata.uid.unwrap_or_default(),
        service_account: account.unwrap_or_else(|| "default".to_owned()),
        labels: metadata.labels.unwrap_or_default(),
        static_pod: is_static(&annotations),
        annotations,
        namespace_labels: BTreeMap::new(),
        demand: Demand::of(&mut serde_json::Deserializer::from_slice(json)),
    })
}

/// A NetworkAttachmentDefinition.
///
/// # Errors
/// What is not as one has it.
pub(super) fn network(json: &[u8], reference: &NetworkRef) -> Result<NetworkDefinition, String> {
    let ApiNetwork { metadata, spec } = read(json)?;
    Ok(NetworkDefinition {
        reference: reference.clone(),
        config: spec.and_then(|spec| spec.config).unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
    })
}

/// A Network of the 2018 README.
///
/// # Errors
/// What is not as one has it.
pub(super) fn network_2018(json: &[u8], reference: &NetworkRef) -> Result<Network2018, String> {
    let ApiNetwork2018 { plugin, args } = read(json)?;
    Ok(Network2018 { reference: reference.clone(), plugin, args })
}

/// The labels of a namespace.
///
/// # Errors
/// What is not as a namespace has it.
pub(super) fn namespace_labels(json: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let ApiNamespace { metadata } = read(json)?;
    Ok(metadata.labels.unwrap_or_default())
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reference() -> NetworkRef {
        NetworkRef { namespace: "red".to_owned(), name: "storage".to_owned() }
    }

    #[test]
    fn a_pod_of_the_api_a_static_pod_and_a_bare_one() {
        let whole = br#"{"kind":"Pod","metadata":{"uid":"u-1","labels":{"app":"web"},
            "annotations":{"kubernetes.io/config.source":"api"}},"spec":{"serviceAccountName":"runner"}}"#;
        let pod = super::pod(whole, "red", "web").unwrap();
        assert_eq!((pod.namespace.as_str(), pod.name.as_str(), pod.uid.as_str()), ("red", "web", "u-1"));
        assert_eq!((pod.service_account.as_str(), pod.static_pod), ("runner", false));
        assert_eq!(pod.labels["app"], "web");
        for (key, value) in [("kubernetes.io/config.source", "file"), ("kubernetes.io/config.mirror", "4f7e")]
        {
            let json = format!(r#"{{"metadata":{{"annotations":{{"{key}":"{value}"}}}}}}"#);
            assert!(super::pod(json.as_bytes(), "red", "web").unwrap().static_pod, "{key}");
        }
        let bare = br#"{"metadata":{"labels":null,"annotations":null},"spec":{"serviceAccountName":""}}"#;
        assert_eq!(super::pod(bare, "red", "web").unwrap().service_account, "default");
    }

    #[test]
    fn a_definition_may_leave_its_configuration_to_the_node() {
        let rows: [(&[u8], &str); 4] = [
            (br#"{"metadata":{},"spec":{"config":"{}"}}"#, "{}"),
            (br#"{"metadata":{},"spec":{}}"#, ""),
            (br#"{"metadata":{},"spec":null}"#, ""),
            (br#"{"metadata":{}}"#, ""),
        ];
        for (json, config) in rows {
            assert_eq!(network(json, &reference()).unwrap().config, config);
        }
        assert!(network(br#"{"metadata":{},"spec":{"config":{}}}"#, &reference()).is_err());
    }

    #[test]
    fn a_network_of_2018_has_both_of_its_members() {
        let json = br#"{"kind":"Network","metadata":{"name":"flannel"},"plugin":"flannel","args":"[{}]"}"#;
        let network = network_2018(json, &reference()).unwrap();
        assert_eq!((network.plugin.as_str(), network.args.as_str()), ("flannel", "[{}]"));
        assert!(
            network_2018(br#"{"metadata":{},"plugin":"flannel"}"#, &reference())
                .unwrap_err()
                .contains("args")
        );
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(json in ".*") {
            let _ = pod(json.as_bytes(), "red", "web");
            let _ = network(json.as_bytes(), &reference());
            let _ = network_2018(json.as_bytes(), &reference());
            let _ = namespace_labels(json.as_bytes());
        }
    }
}
