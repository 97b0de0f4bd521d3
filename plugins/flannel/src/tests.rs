use std::path::Path;

use multus_guest::{Attachment, Failure, glue};
use serde_json::{Value, json};

use super::*;

/// An attachment whose input `subnet` is this.
fn attachment(input: &Value) -> Attachment {
    Attachment {
        container_id: "c1".into(),
        interface_name: "eth0".into(),
        network: "cbr0".into(),
        index: 0,
        default_network: true,
        pod: None,
        context: json!({ "inputs": { "subnet": input } }).to_string(),
    }
}

fn transformed(plugin: &Value, input: &Value) -> Result<Value, Failure> {
    let text = glue::transform(flannel, &attachment(input), &plugin.to_string(), "{}")?;
    Ok(serde_json::from_str(&text).unwrap())
}

/// The table: confs, and what the flannel plugin makes of them. The whole-system tests put it to the component.
fn cases() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/cases.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn each_conf_becomes_what_the_flannel_plugin_hands_on() {
    let table = cases();
    for case in table["cases"].as_array().unwrap() {
        let text = case.get("env").map_or(&table["env"], |name| &table["envs"][name.as_str().unwrap()]);
        let file = case.get("file").cloned().unwrap_or_else(|| json!("/run/flannel/subnet.env"));
        let found = transformed(&case["plugin"], &json!({ "file": file, "text": text }));
        match (case.get("handed"), found) {
            (Some(expected), Ok(found)) => assert_eq!(&found, expected, "{}", case["what"]),
            (None, Err(failure)) => {
                assert_eq!(json!(failure.code), case["failure"], "{}: {failure:?}", case["what"]);
                let said = format!("{}; {}", failure.message, failure.details);
                let word = case["message"].as_str().unwrap();
                assert!(said.contains(word), "{}: {word:?} is not in {said}", case["what"]);
            }
            (_, found) => panic!("{}: {found:?}", case["what"]),
        }
    }
}

#[test]
fn without_its_input_it_says_how_the_operator_declares_it() {
    let failure = transformed(&json!({ "type": "flannel" }), &Value::Null).unwrap_err();
    assert_eq!(failure.code, 7);
    assert!(failure.details.contains("--input subnet=/run/flannel/subnet.env"), "{failure:?}");
}

#[test]
fn a_conf_keeps_its_order_and_unknown_members_of_ipam_and_delegate_pass_through() {
    let input = json!({ "file": "/f", "text": cases()["env"] });
    let plugin = r#"{"cniVersion":"0.3.1","name":"cbr0","type":"flannel","delegate":{"z":1.0,"a":[]}}"#;
    let text = glue::transform(flannel, &attachment(&input), plugin, "{}").unwrap();
    let start =
        r#"{"cniVersion":"0.3.1","name":"cbr0","type":"bridge","z":1.0,"a":[],"ipMasq":false,"mtu":1472,"#;
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn settings_are_refused_for_there_are_none() {
    let input = json!({ "file": "/f", "text": "" });
    let failure = glue::transform(flannel, &attachment(&input), "{}", r#"{"mtu":1}"#).unwrap_err();
    assert_eq!(failure.code, 7);
}
