use std::cell::RefCell;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::devices::json_values::with_keys;

/// A cluster's claims and slices; it remembers what it was asked.
#[derive(Default)]
struct Cluster {
    claims: Vec<(&'static str, Value)>,
    slices: Vec<Value>,
    asked: RefCell<Vec<String>>,
}

impl Claims for Cluster {
    fn claims(&self, namespace: &str, names: &[String]) -> Result<Vec<Option<Value>>, SourceError> {
        self.asked.borrow_mut().push(format!("claims of {namespace}: {}", names.join(" ")));
        let claim = |name: &String| Some(self.claims.iter().find(|(known, _)| known == name)?.1.clone());
        Ok(names.iter().map(claim).collect())
    }

    fn slices(&self, driver: &str, node: Option<&str>) -> Result<Vec<Value>, SourceError> {
        self.asked.borrow_mut().push(format!("slices of {driver} on {}", node.unwrap_or("any")));
        let of = |slice: &&Value| {
            slice["spec"]["driver"] == driver && node.is_none_or(|node| slice["spec"]["nodeName"] == node)
        };
        Ok(self.slices.iter().filter(of).cloned().collect())
    }
}

/// `request=driver/pool/device`, several with blanks between.
fn claim(results: &str) -> Value {
    let results: Vec<Value> = results
        .split_whitespace()
        .map(|result| {
            let (request, device) = result.split_once('=').unwrap();
            let [driver, pool, device] =
                <[&str; 3]>::try_from(device.split('/').collect::<Vec<_>>()).unwrap();
            json!({"request": request, "driver": driver, "pool": pool, "device": device})
        })
        .collect();
    json!({"kind": "ResourceClaim", "status": {
        "allocation": {"devices": {"results": results}},
        "reservedFor": [{"resource": "pods", "name": "web", "uid": "u-1"}],
    }})
}

fn slice(driver: &str, pool: &str, node: Option<&str>, generation: u32, devices: &Value) -> Value {
    json!({"kind": "ResourceSlice", "spec": {"driver": driver, "nodeName": node,
        "pool": {"name": pool, "generation": generation, "resourceSliceCount": 1}, "devices": devices}})
}

fn vf(name: &str, id: &str) -> Value {
    json!({"name": name, "attributes": {
        "k8s.cni.cncf.io/deviceID": {"string": id}, "k8s.cni.cncf.io/resourceName": {"string": "a/vf"},
        "numaNode": {"int": 1}, "healthy": {"bool": true},
    }})
}

fn demand(claims: &[&str]) -> Demand {
    let claims = claims.iter().map(|&name| name.to_owned()).collect();
    Demand { node: "node-1".to_owned(), claims, ..Demand::default() }
}

fn extended(mappings: &[(&str, &str)]) -> Demand {
    let request_mappings = mappings
        .iter()
        .map(|&(resource, request)| super::super::Mapping {
            resource_name: resource.to_owned(),
            request_name: request.to_owned(),
        })
        .collect();
    let claim = ExtendedClaim { name: "ext".to_owned(), request_mappings };
    Demand { extended: Some(claim), ..demand(&[]) }
}

fn add_to(cluster: &Cluster, demand: &Demand) -> Result<Devices, String> {
    let pod = PodRef { namespace: "shop".to_owned(), name: "web".to_owned(), uid: Some("u-1".to_owned()) };
    let mut devices = Devices::new("the kubelet".to_owned(), []);
    add_claimed(cluster, &pod, demand, &mut devices).map_err(|error| error.to_string())?;
    Ok(devices)
}

fn ids(devices: &Devices) -> Vec<&str> {
    devices.of("a/vf").collect()
}

#[test]
fn devices_come_claim_by_claim_as_allocated() {
    let cluster = Cluster {
        claims: vec![("two", claim("r=drv/pool/vf-3 r=drv/pool/vf-1")), ("one", claim("r=drv/pool/vf-2"))],
        slices: vec![
            slice("drv", "pool", Some("node-1"), 1, &json!([vf("vf-1", "01.0"), vf("vf-2", "02.0")])),
            slice("drv", "pool", Some("node-1"), 1, &json!([vf("vf-3", "03.0")])),
            slice("drv", "pool", Some("node-2"), 1, &json!([vf("vf-1", "other node")])),
        ],
        ..Cluster::default()
    };
    let devices = add_to(&cluster, &demand(&["two", "one"])).unwrap();
    assert_eq!(ids(&devices), ["03.0", "01.0", "02.0"]);
    let asked = cluster.asked.take();
    assert_eq!(asked, ["claims of shop: two one", "slices of drv on node-1"], "each question once");
    assert!(devices.account().contains("ResourceClaim shop/two, ResourceClaim shop/one"));
}

#[test]
fn a_device_of_no_node_is_found_among_all_slices() {
    let cluster = Cluster {
        claims: vec![("c", claim("r=drv/fabric/x"))],
        slices: vec![slice("drv", "fabric", None, 1, &json!([vf("x", "fabric-x")]))],
        ..Cluster::default()
    };
    assert_eq!(ids(&add_to(&cluster, &demand(&["c"])).unwrap()), ["fabric-x"]);
    assert_eq!(cluster.asked.borrow()[1..], ["slices of drv on node-1", "slices of drv on any"]);
}

#[test]
fn the_newest_generation_of_a_pool_counts() {
    let cluster = Cluster {
        claims: vec![("c", claim("r=drv/pool/vf-1"))],
        slices: vec![
            slice("drv", "pool", Some("node-1"), 7, &json!([vf("vf-1", "new")])),
            slice("drv", "pool", Some("node-1"), 6, &json!([vf("vf-1", "old")])),
        ],
        ..Cluster::default()
    };
    assert_eq!(ids(&add_to(&cluster, &demand(&["c"])).unwrap()), ["new"]);
}

#[test]
fn a_device_that_is_none_for_networks_is_passed_over_and_told_of() {
    let rows = [
        (json!([{"name": "gpu"}]), "no attribute `k8s.cni.cncf.io/deviceID`"),
        (
            json!([{"name": "gpu", "attributes": {"k8s.cni.cncf.io/deviceID": {"string": "0"}}}]),
            "no attribute `k8s.cni.cncf.io/resourceName`",
        ),
        (
            json!([{"name": "gpu", "attributes": {"k8s.cni.cncf.io/deviceID": {"int": 3}}}]),
            "no attribute `k8s.cni.cncf.io/deviceID`",
        ),
        (json!([]), "no ResourceSlice of its driver lists it"),
        (json!(null), "no ResourceSlice of its driver lists it"),
    ];
    for (listed, words) in rows {
        let cluster = Cluster {
            claims: vec![("c", claim("r=drv/pool/gpu"))],
            slices: vec![slice("drv", "pool", Some("node-1"), 1, &listed)],
            ..Cluster::default()
        };
        let devices = add_to(&cluster, &demand(&["c"])).unwrap();
        assert!(devices.resources().is_empty(), "{listed}");
        let account = devices.account();
        assert!(account.contains("device gpu of drv/pool") && account.contains(words), "{account}");
    }
}

#[test]
fn a_claim_must_be_allocated_and_reserved_for_the_pod() {
    let mut of_another = claim("r=drv/pool/vf-1");
    of_another["status"]["reservedFor"] = json!([{"resource": "pods", "name": "web", "uid": "u-2"}]);
    let mut of_nobody = claim("r=drv/pool/vf-1");
    of_nobody["status"]["reservedFor"] = json!(null);
    let mut strange = claim("");
    strange["status"]["allocation"]["devices"]["results"] = json!([{"device": 1}]);
    let rows = [
        (None, "ResourceClaim shop/c: is not there"),
        (Some(json!({"status": {}})), "has no allocation yet"),
        (Some(json!({})), "has no allocation yet"),
        (Some(of_another), "is not reserved for the pod shop/web"),
        (Some(of_nobody), "is not reserved for the pod shop/web"),
        (Some(strange), "is not as Kubernetes writes it"),
    ];
    for (object, words) in rows {
        let claims = object.clone().map(|object| vec![("c", object)]).unwrap_or_default();
        let error = add_to(&Cluster { claims, ..Cluster::default() }, &demand(&["c"])).unwrap_err();
        assert!(error.contains(words), "{object:?}: {error}");
    }
}

#[test]
fn what_a_pod_may_only_look_at_is_not_its_device() {
    let mut object = claim("own=drv/pool/vf-1 watch=drv/pool/vf-2");
    object["status"]["allocation"]["devices"]["results"][1]["adminAccess"] = json!(true);
    let listed = json!([vf("vf-1", "01.0"), vf("vf-2", "02.0")]);
    let cluster = Cluster {
        claims: vec![("c", object)],
        slices: vec![slice("drv", "pool", Some("node-1"), 1, &listed)],
        ..Cluster::default()
    };
    assert_eq!(ids(&add_to(&cluster, &demand(&["c"])).unwrap()), ["01.0"]);
}

#[test]
fn extended_resources_are_served_by_the_order_of_their_mappings() {
    let listed = json!([vf("vf-1", "01.0"), vf("vf-2", "02.0"), vf("vf-3", "03.0")]);
    let results =
        "container-0-request-0/any=drv/pool/vf-1 container-1-request-0=drv/pool/vf-2 unmapped=drv/pool/vf-3";
    let cluster = Cluster {
        claims: vec![("ext", claim(results))],
        slices: vec![slice("drv", "pool", Some("node-1"), 1, &listed)],
        ..Cluster::default()
    };
    let order = extended(&[("a/vf", "container-1-request-0"), ("a/vf", "container-0-request-0")]);
    assert_eq!(ids(&add_to(&cluster, &order).unwrap()), ["02.0", "01.0"]);
    let rows = [
        (
            ("a/vf", "container-9"),
            "no device for request `container-9`, which stands for the pod's resource `a/vf`",
        ),
        (
            ("b/nic", "unmapped"),
            "stands for the pod's resource `b/nic`, but device vf-3 of drv/pool is one of `a/vf`",
        ),
    ];
    for (mapping, words) in rows {
        let error = add_to(&cluster, &extended(&[mapping])).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

const KEYS: &[&str] = &[
    "allocation",
    "devices",
    "results",
    "request",
    "driver",
    "pool",
    "device",
    "adminAccess",
    "reservedFor",
    "generation",
    "name",
    "attributes",
    "string",
];

proptest! {
    #[test]
    fn any_claim_and_slice_is_read_or_refused(
        status in with_keys(KEYS), results in with_keys(KEYS), spec in with_keys(KEYS), listed in with_keys(KEYS),
    ) {
        let mut object = claim("r=drv/pool/vf-1");
        object["status"]["allocation"]["devices"]["results"] = results;
        let cluster = Cluster {
            claims: vec![("any", json!({"status": status})), ("c", object), ("d", claim("r=drv/pool/vf-1"))],
            slices: vec![json!({"spec": spec}), slice("drv", "pool", Some("node-1"), 1, &listed)],
            ..Cluster::default()
        };
        for name in ["any", "c", "d"] {
            if let Ok(devices) = add_to(&cluster, &demand(&[name])) {
                prop_assert!(devices.account().contains("ResourceClaim shop/"));
            }
        }
    }
}
