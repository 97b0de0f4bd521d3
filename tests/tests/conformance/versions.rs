//! CNI-10 and CNI-12: versions.

use serde_json::{Value, json};

use crate::row::{Row, with};
use crate::subject::{VERSIONS, nobody};

pub(crate) fn version(row: &mut Row<'_>) {
    row.check("it answers in the version it was asked in", |case| {
        for version in VERSIONS {
            let answer = case.node.call("VERSION", &nobody(), &json!({ "cniVersion": version })).result();
            assert_eq!(answer["cniVersion"], version, "{answer}");
        }
    });
    row.check("it lists versions that exist", |case| {
        let answer = case.node.call("VERSION", &nobody(), &json!({ "cniVersion": "1.0.0" })).result();
        let listed = answer["supportedVersions"].as_array().expect("a list");
        assert!(listed.contains(&json!("1.0.0")), "{answer}");
        assert!(
            listed.iter().all(|version| version == "0.3.0" || VERSIONS.iter().any(|known| version == known))
        );
    });
    row.of_multus("it speaks all of them", |case| assert_eq!(case.subject.versions(), VERSIONS));
}

pub(crate) fn conversion(row: &mut Row<'_>) {
    for version in VERSIONS {
        row.from(version, &format!("a result in {version}"), |case| {
            let result = case.node.add(&case.pod(), &case.conf_in(version)).result();
            assert_eq!(result["cniVersion"], version, "{result}");
            shaped(version, &result);
        });
    }
    row.of_multus("a delegate's result is converted, forwards and back", |case| {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../cases/conversions.json")).expect("cases");
        for example in cases {
            let (from, to) = (&example["from"], &example["to"]);
            let delegate = json!({ "cniVersion": from["cniVersion"], "result": from });
            let conf = with(&case.recording(&[("a", delegate)]), &json!({ "cniVersion": to["cniVersion"] }));
            let result = case.node.add(&case.pod(), &conf).result();
            assert_eq!(&without_nothing(&result), to, "from {from}, got {result}");
        }
    });
    row.of_multus("the highest of cniVersion and cniVersions that both speak", |case| {
        for (version, versions, chosen) in [
            ("0.4.0", json!(["0.3.1", "1.0.0"]), "1.0.0"),
            ("1.0.0", json!(["0.4.0"]), "1.0.0"),
            ("0.4.0", json!(["0.4.0", "1.1.0", "99.0.0"]), "1.1.0"),
        ] {
            let plugin = case.delegate("a", &json!({}));
            let list =
                json!({ "cniVersion": version, "cniVersions": versions, "name": "l", "plugins": [plugin] });
            case.node.forget_recorded();
            case.node.add(&case.pod(), &case.node.conf(json!([list]))).succeeded();
            assert_eq!(case.node.recorded()[0].conf()["cniVersion"], chosen);
        }
    });
}

/// Members that hold nothing say nothing.
fn without_nothing(result: &Value) -> Value {
    let mut result = result.clone();
    let members = result.as_object_mut().expect("an object");
    members.retain(|_, value| *value != json!({}) && *value != json!([]) && !value.is_null());
    result
}

fn shaped(version: &str, result: &Value) {
    match version {
        "0.1.0" | "0.2.0" => assert!(result["ip4"]["ip"].is_string(), "{result}"),
        "0.3.1" | "0.4.0" => assert_eq!(result["ips"][0]["version"], "4", "{result}"),
        _ => {
            assert!(result["ips"][0]["address"].is_string(), "{result}");
            assert_eq!(result["ips"][0].get("version"), None, "{result}");
        }
    }
}
