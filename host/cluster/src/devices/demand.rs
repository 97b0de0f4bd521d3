//! What a pod's object says of the devices that it gets.

use serde::{Deserialize, Deserializer};

/// What a pod's object says of the devices that it gets: which containers, in which order, and which claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand {
    /// The node that it was placed on; empty before that.
    pub node: String,
    /// Containers that keep running, restartable init containers first: the kubelet's order.
    pub containers: Vec<String>,
    /// Its ResourceClaims, in the order of `spec.resourceClaims`: those that it names itself, and those made
    /// for it.
    pub claims: Vec<String>,
    /// The claim made for extended resources that a driver of claims serves.
    pub extended: Option<ExtendedClaim>,
}

/// A claim that the scheduler made for resources written as `limits: {vendor.example/nic: 1}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtendedClaim {
    /// Its name.
    #[serde(rename = "resourceClaimName")]
    pub name: String,
    /// Which of its requests stands for which resource of which container.
    #[serde(default)]
    pub request_mappings: Vec<Mapping>,
}

/// One request of an [`ExtendedClaim`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mapping {
    /// The resource as the container requests it.
    pub resource_name: String,
    /// The request in the claim.
    pub request_name: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Object {
    spec: Spec,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: Option<String>,
    init_containers: Option<Vec<Container>>,
    containers: Option<Vec<Container>>,
    resource_claims: Option<Vec<Claim>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    name: String,
    restart_policy: Option<String>,
}

/// The same in `spec`, where a template may stand for the name, and in `status`, where the name is given.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claim {
    name: String,
    resource_claim_name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    resource_claim_statuses: Option<Vec<Claim>>,
    extended_resource_claim_status: Option<ExtendedClaim>,
}

impl Demand {
    /// Reads a pod, as an API server gives it. Members that are not what they should be count as missing:
    /// only a pod that wants devices pays for them, by a refusal that says which device is not there.
    pub fn of<'de>(pod: impl Deserializer<'de>) -> Self {
        let Object { spec, status } = Object::deserialize(pod).unwrap_or_default();
        let restartable = |init: &Container| init.restart_policy.as_deref() == Some("Always");
        let init = spec.init_containers.unwrap_or_default().into_iter().filter(restartable);
        let containers = init.chain(spec.containers.unwrap_or_default());
        let given = status.resource_claim_statuses.unwrap_or_default();
        let claims = spec.resource_claims.unwrap_or_default();
        Self {
            node: spec.node_name.unwrap_or_default(),
            containers: containers.map(|container| container.name).collect(),
            claims: claims.into_iter().filter_map(|claim| claim_name(claim, &given)).collect(),
            extended: status.extended_resource_claim_status,
        }
    }

    /// Whether the pod has any claim.
    pub fn has_claims(&self) -> bool {
        !self.claims.is_empty() || self.extended.is_some()
    }
}

/// A claim made from a template has its name in the pod's status; where no claim was needed, none.
fn claim_name(claim: Claim, given: &[Claim]) -> Option<String> {
    let of_template = || given.iter().find(|status| status.name == claim.name)?.resource_claim_name.clone();
    claim.resource_claim_name.clone().or_else(of_template)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::devices::json_values::with_keys;

    #[test]
    fn containers_and_claims_are_read_in_the_pods_order() {
        let pod = json!({
            "spec": {
                "nodeName": "node-1",
                "initContainers": [{"name": "once"}, {"name": "sidecar", "restartPolicy": "Always"}],
                "containers": [{"name": "b"}, {"name": "a"}],
                "resourceClaims": [
                    {"name": "fast", "resourceClaimTemplateName": "vf"},
                    {"name": "own", "resourceClaimName": "shared-vf"},
                    {"name": "unneeded", "resourceClaimTemplateName": "vf"},
                ],
            },
            "status": {
                "resourceClaimStatuses": [
                    {"name": "unneeded", "resourceClaimName": null},
                    {"name": "fast", "resourceClaimName": "web-fast-x7z"},
                ],
                "extendedResourceClaimStatus": {
                    "resourceClaimName": "web-extended-abc",
                    "requestMappings": [
                        {"containerName": "b", "resourceName": "vendor.example/nic", "requestName": "container-1-request-0"},
                    ],
                },
            },
        });
        let demand = Demand::of(&pod);
        assert_eq!(demand.node, "node-1");
        assert_eq!(demand.containers, ["sidecar", "b", "a"], "what runs once gives its devices back");
        assert_eq!(demand.claims, ["web-fast-x7z", "shared-vf"]);
        let extended = demand.extended.clone().unwrap();
        assert_eq!(extended.name, "web-extended-abc");
        assert_eq!(extended.request_mappings[0].resource_name, "vendor.example/nic");
        assert_eq!(extended.request_mappings[0].request_name, "container-1-request-0");
        assert!(demand.has_claims());
    }

    #[test]
    fn a_pod_without_any_demands_nothing() {
        for pod in [
            json!({}),
            json!(7),
            json!({"spec": null}),
            json!({"spec": {"containers": []}, "status": {}}),
            json!({"spec": {"resourceClaims": [{"name": "a", "resourceClaimTemplateName": "t"}]}}),
        ] {
            assert!(!Demand::of(&pod).has_claims(), "{pod}");
        }
    }

    const KEYS: &[&str] = &[
        "name",
        "nodeName",
        "initContainers",
        "containers",
        "restartPolicy",
        "resourceClaims",
        "resourceClaimName",
        "resourceClaimStatuses",
        "extendedResourceClaimStatus",
        "requestMappings",
    ];

    proptest! {
        #[test]
        fn any_object_is_taken(spec in with_keys(KEYS), status in with_keys(KEYS)) {
            let demand = Demand::of(json!({"spec": spec, "status": status}));
            prop_assert_eq!(demand.has_claims(), !demand.claims.is_empty() || demand.extended.is_some());
        }
    }
}
