//! Who may use which namespace's networks: the one place where it is decided.

use multus_cluster::{NetworkRef, Pod};
use multus_cni::{Code, Error};

use super::origin::Asked;
use crate::conf::{ClusterConf, Isolation};

/// Whether a pod of `pod_namespace` may use a network of `network_namespace`.
///
/// With isolation, a pod uses networks of its own namespace and of the global ones. `operators` is the
/// namespace of the operator's networks where the operator asks, in the node's conf: what they name there is
/// theirs to give. A pod that names it is held to the rule like any other.
fn allowed(
    isolation: &Isolation,
    pod_namespace: &str,
    network_namespace: &str,
    operators: Option<&str>,
) -> bool {
    !isolation.on
        || network_namespace == pod_namespace
        || isolation.global.iter().any(|global| global == network_namespace)
        || operators == Some(network_namespace)
}

/// Refuses a network that the pod may not use.
///
/// # Errors
/// Code 7 naming the network, the pod's namespace and the ways out.
pub(super) fn check(
    cluster: &ClusterConf,
    pod: &Pod,
    asked: Asked,
    network: &NetworkRef,
) -> Result<(), Error> {
    let operators = (!asked.by_pod()).then_some(cluster.multus_namespace.as_str());
    if allowed(&cluster.isolation, &pod.namespace, &network.namespace, operators) {
        return Ok(());
    }
    Err(refused(&cluster.isolation, &pod.namespace, network))
}

fn refused(isolation: &Isolation, namespace: &str, network: &NetworkRef) -> Error {
    let global = isolation.global.join(", ");
    let message = format!(
        "network {network}: a pod of namespace {namespace} may not use networks of namespace {}",
        network.namespace
    );
    let details = format!(
        "`namespaceIsolation` is on, every pod may use those of: {}; define the network in namespace {namespace}, or let the operator add {} to `globalNamespaces`",
        if global.is_empty() { "no namespace" } else { &global },
        network.namespace
    );
    Error::new(Code::InvalidConfig, message).with_details(details)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: who asks. Columns: the pod's own namespace, a global one, the operator's, any other.
    #[test]
    fn four_ways_and_four_namespaces() {
        let isolation = Isolation { on: true, global: vec!["shared".to_owned(), "default".to_owned()] };
        let rows = [
            ("networks", None, [true, true, false, false]),
            ("default-network", None, [true, true, false, false]),
            ("defaultNetworks", Some("multus"), [true, true, true, false]),
            ("clusterNetwork", Some("multus"), [true, true, true, false]),
        ];
        for (way, operators, expected) in rows {
            let found = ["shop", "shared", "multus", "bank"]
                .map(|namespace| allowed(&isolation, "shop", namespace, operators));
            assert_eq!(found, expected, "{way}");
            let off = Isolation { on: false, global: Vec::new() };
            assert!(allowed(&off, "shop", "bank", operators), "{way}");
        }
    }

    #[test]
    fn the_default_namespace_is_global_only_if_it_is_listed() {
        let isolation = Isolation { on: true, global: vec!["shared".to_owned()] };
        assert!(!allowed(&isolation, "shop", "default", None));
        assert!(allowed(&isolation, "default", "default", None));
    }
}
