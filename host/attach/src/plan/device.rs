//! Members that a selection puts into each plugin's configuration.

use multus_cluster::Selection;
use multus_document::Object;
use serde_json::{Map, Value};

/// `deviceID` (and `pciBusID`, the older name of it) and `cni-args`, which win over the
/// definition's own `args.cni` (NP-19).
pub(super) fn apply(selection: &Selection, plugin: &mut Object) {
    if let Some(device) = &selection.device_id {
        plugin.set("deviceID", &Value::from(device.clone()));
        plugin.set("pciBusID", &Value::from(device.clone()));
    }
    if let Some(arguments) = &selection.cni_args {
        let mut args = plugin.read::<Map<String, Value>>("args").unwrap_or_default();
        let mut cni = args.get("cni").and_then(Value::as_object).cloned().unwrap_or_default();
        if let Value::Object(arguments) = arguments.to_value() {
            cni.extend(arguments);
        }
        args.insert("cni".to_owned(), Value::Object(cni));
        plugin.set("args", &Value::Object(args));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_cluster::parse_selections;

    #[test]
    fn np_19_a_selections_members_are_put_into_a_plugin() {
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
