//! Devices that were allocated dynamically.

use std::fs;

use multus_tests::{Credential, TestApiServer, private};
use serde_json::{Value, json};

use super::scene::{BLUE, RED, Scene};

/// Claims are asked of an API server, after the kubelet; DEL asks nobody.
#[test]
fn devices_of_resource_claims_are_found_through_their_slices() {
    private(|| {
        let mut scene = Scene::new("red,blue,red");
        let api = TestApiServer::http();
        scene.objects[0]["spec"]["nodeName"] = json!("node-1");
        scene.objects[0]["spec"]["resourceClaims"] = json!([
            { "name": "nics", "resourceClaimTemplateName": "nic" },
            { "name": "gpu", "resourceClaimName": "shared-gpu" },
        ]);
        scene.objects[0]["status"] = json!({
            "resourceClaimStatuses": [{ "name": "nics", "resourceClaimName": "web-nics-x7" }],
        });
        let claim = |name: &str, devices: &[&str]| {
            let results = devices.iter().map(|device| {
                json!({ "request": "r", "driver": "nic.example", "pool": "node-1", "device": device })
            });
            json!({ "apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
                "metadata": { "namespace": "ns", "name": name },
                "status": {
                    "allocation": { "devices": { "results": results.collect::<Vec<_>>() } },
                    "reservedFor": [{ "resource": "pods", "name": "web", "uid": "uid-of-web" }],
                } })
        };
        let device = |name: &str, resource: &str| {
            json!({ "name": name, "attributes": {
                "k8s.cni.cncf.io/deviceID": { "string": format!("pci-{name}") },
                "k8s.cni.cncf.io/resourceName": { "string": resource },
            } })
        };
        let slice = |node: &str, devices: Value| {
            json!({ "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice",
                "metadata": { "name": format!("slice-of-{node}") },
                "spec": { "driver": "nic.example", "nodeName": node, "devices": devices,
                    "pool": { "name": node, "generation": 1, "resourceSliceCount": 1 } } })
        };
        let mut objects = scene.objects.clone();
        objects.push(claim("web-nics-x7", &["vf-2", "vf-1"]));
        objects.push(claim("shared-gpu", &["gpu-0"]));
        objects
            .push(slice("node-1", json!([device("vf-1", BLUE), device("vf-2", RED), { "name": "gpu-0" }])));
        objects.push(slice("node-2", json!([device("vf-1", RED)])));
        api.load(&objects);
        let kubeconfig = scene.node.scratch("kubeconfig");
        fs::write(&kubeconfig, api.kubeconfig(Credential::None)).unwrap();
        scene.conf.as_object_mut().unwrap().remove("manifests");
        scene.conf["kubeconfig"] = json!(kubeconfig);

        // The second red one is the kubelet's.
        scene.kubelet_with(&[(RED, "kubelets")], || {
            let before = scene.node.state();
            scene.add().succeeded();
            assert_eq!(scene.devices("ADD"), ["-", "kubelets", "pci-vf-1", "pci-vf-2"]);
            let asked: Vec<String> =
                api.briefs().into_iter().filter(|line| line.contains("resource")).collect();
            assert_eq!(asked.len(), 3, "two claims, the driver's slices of the node: {asked:?}");
            api.forget_requests();
            scene.node.del(&scene.pod, &scene.conf).succeeded();
            assert_eq!(api.briefs(), [""; 0]);
            scene.node.state().must_equal(&before);
        });
    });
}
