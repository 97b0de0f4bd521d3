use multus_guest::{Attachment, Failure, glue};
use serde_json::{Value, json};

use super::*;

const SUBNET: &str =
    "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n";

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

#[test]
fn without_its_input_it_says_how_the_operator_declares_it() {
    let failure = transformed(&json!({ "type": "flannel" }), &Value::Null).unwrap_err();
    assert_eq!(failure.code, 7);
    assert!(failure.details.contains("--input subnet=/run/flannel/subnet.env"), "{failure:?}");
}

#[test]
fn a_conf_keeps_its_order_and_unknown_members_of_ipam_and_delegate_pass_through() {
    let input = json!({ "file": "/f", "text": SUBNET });
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
