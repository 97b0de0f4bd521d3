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
