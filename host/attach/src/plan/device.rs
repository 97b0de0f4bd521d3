//! Members that a selection puts into each plugin's configuration.

use multus_cluster::Selection;
use multus_document::Object;
use serde_json::{Map, Value};

/// Where IPAM plugins look for the IPAMClaim of an attachment, in `args.cni`.
const IPAM_CLAIM: &str = "ipam-claim-reference";

/// `deviceID` (and `pciBusID`, the older name of it), `cni-args`, which win over the definition's own
/// `args.cni` (NP-19), and the IPAMClaim, which stands among them (NP-25).
pub(super) fn apply(selection: &Selection, plugin: &mut Object) {
    if let Some(device) = &selection.device_id {
        plugin.set("deviceID", &Value::from(device.clone()));
        plugin.set("pciBusID", &Value::from(device.clone()));
    }
    let arguments = cni_arguments(selection);
    if !arguments.is_empty() {
        let mut args = plugin.read::<Map<String, Value>>("args").unwrap_or_default();
        let mut cni = args.get("cni").and_then(Value::as_object).cloned().unwrap_or_default();
        cni.extend(arguments);
        args.insert("cni".to_owned(), Value::Object(cni));
        plugin.set("args", &Value::Object(args));
    }
}

fn cni_arguments(selection: &Selection) -> Map<String, Value> {
    let mut arguments = match selection.cni_args.as_ref().map(Object::to_value) {
        Some(Value::Object(arguments)) => arguments,
        _ => Map::new(),
    };
    if let Some(claim) = &selection.ipam_claim_reference {
        arguments.insert(IPAM_CLAIM.to_owned(), Value::from(claim.as_str()));
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_cluster::parse_selections;

    #[test]
    fn np_19_np_25_a_selections_members_are_put_into_a_plugin() {
        let rows = [
            ("{}", r#"{"n":1.0,"type":"t"}"#, r#"{"n":1.0,"type":"t"}"#),
            (
                r#"{"deviceID":"0000:00:01.0"}"#,
                r#"{"type":"t","n":1.0,"deviceID":"old"}"#,
                r#"{"type":"t","n":1.0,"deviceID":"0000:00:01.0","pciBusID":"0000:00:01.0"}"#,
            ),
            (r#"{"cni-args":{"a":1}}"#, r#"{"type":"t"}"#, r#"{"type":"t","args":{"cni":{"a":1}}}"#),
            (
                r#"{"cni-args":{"a":1,"b":{"c":[]}}}"#,
                r#"{"type":"t","args":{"org":{"x":1},"cni":{"a":"old","z":2}}}"#,
                r#"{"type":"t","args":{"org":{"x":1},"cni":{"a":1,"z":2,"b":{"c":[]}}}}"#,
            ),
            (
                r#"{"ipam-claim-reference":"vm1.red","cni-args":{"a":1}}"#,
                r#"{"type":"t"}"#,
                r#"{"type":"t","args":{"cni":{"a":1,"ipam-claim-reference":"vm1.red"}}}"#,
            ),
            (
                r#"{"cni-args":{"a":1}}"#,
                r#"{"type":"t","args":{"cni":7}}"#,
                r#"{"type":"t","args":{"cni":{"a":1}}}"#,
            ),
        ];
        for (element, plugin, expected) in rows {
            let annotation = format!(r#"[{{"name":"a",{}]"#, element.replacen('{', "", 1)).replace(",}", "}");
            let selection = parse_selections(&annotation, "shop").unwrap().remove(0);
            let mut plugin = Object::parse(plugin.as_bytes()).unwrap();
            apply(&selection, &mut plugin);
            assert_eq!(plugin.to_string(), expected, "{element}");
        }
    }
}
