//! ResourceClaims and ResourceSlices, as they are asked for.

use super::double::Reply;
use super::*;
use crate::devices::Claims;

const CLAIMS: &str = "GET /apis/resource.k8s.io/v1/namespaces/red/resourceclaims";
const SLICES: &str = "GET /apis/resource.k8s.io/v1/resourceslices";

/// The double answers nothing until all of them are asked for.
#[test]
fn claims_are_asked_for_at_the_same_time() {
    let double = Double::http(|seen, _| {
        let answer = match seen.line.rsplit('/').next().unwrap() {
            "gone" => Reply::refuse(404, r#"resourceclaims "gone" not found"#),
            name => Reply::json(format!(r#"{{"metadata":{{"name":"{name}"}}}}"#)),
        };
        Reply::Once(3, Box::new(answer))
    });
    let source = source(&double, LONG);
    let wanted = ["b", "gone", "../a", "a"].map(str::to_owned);
    let found = source.device_claims().unwrap().claims("red", &wanted).unwrap();
    let names: Vec<_> =
        found.iter().map(|claim| claim.as_ref().map(|claim| &claim["metadata"]["name"])).collect();
    assert_eq!(names, [Some(&"b".into()), None, None, Some(&"a".into())]);
    let mut lines = double.lines();
    lines.sort();
    assert_eq!(lines, ["a", "b", "gone"].map(|name| format!("{CLAIMS}/{name}")));
}

#[test]
fn slices_are_selected_by_the_server_and_read_page_by_page() {
    let double = Double::http(|_, before| {
        Reply::json(match before {
            0 => r#"{"metadata":{"continue":"a+b/c=="},"items":[{"n":1},{"n":2}]}"#,
            1 => r#"{"metadata":{"continue":""},"items":[{"n":3}]}"#,
            _ => r#"{"metadata":{},"items":null}"#,
        })
    });
    let source = source(&double, LONG);
    let slices = source.slices("drv.example", Some("node-1")).unwrap();
    assert_eq!(slices, [1, 2, 3].map(|n| serde_json::json!({ "n": n })));
    assert_eq!(source.slices("drv.example", None).unwrap().len(), 0);
    let node = format!("{SLICES}?fieldSelector=spec.driver%3Ddrv.example%2Cspec.nodeName%3Dnode-1&limit=100");
    let any = format!("{SLICES}?fieldSelector=spec.driver%3Ddrv.example&limit=100");
    assert_eq!(double.lines(), [node.clone(), format!("{node}&continue=a%2Bb%2Fc%3D%3D"), any]);
}

#[test]
fn no_driver_and_no_node_makes_another_query() {
    let double = Double::http(|_, _| Reply::json(r#"{"metadata":{},"items":[]}"#));
    let source = source(&double, LONG);
    for (driver, node) in
        [("a&b", None), ("a,b", None), ("", None), ("drv", Some("n&limit=1")), ("drv", Some(""))]
    {
        assert_eq!(source.slices(driver, node).unwrap().len(), 0);
    }
    assert_eq!(double.lines(), Vec::<String>::new());
}

#[test]
fn who_may_not_list_slices_is_told_which_rule_is_missing() {
    let double = Double::http(|_, _| Reply::refuse(403, "resourceslices is forbidden"));
    let error = source(&double, LONG).slices("drv.example", None).unwrap_err().to_string();
    assert!(error.contains("can't list ResourceSlices of driver drv.example"), "{error}");
    assert!(error.contains(r#"resources: ["resourceslices"], verbs: ["list"]"#), "{error}");
}

#[test]
fn a_cluster_that_is_too_old_is_told_so() {
    let double = Double::http(|_, _| Reply::Answer {
        status: 404,
        headers: vec![],
        body: "404 page not found".into(),
    });
    let error = source(&double, LONG).slices("drv.example", None).unwrap_err().to_string();
    assert!(
        error.contains("no resourceslices.resource.k8s.io; this version of it comes with Kubernetes 1.34"),
        "{error}"
    );
}
