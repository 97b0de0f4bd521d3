//! What a plugin reads from standard input (CNI-11).

use multus_document::Object;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{NetworkConf, PluginConf};

/// Keys under which only a caller passes something at run time.
const RUNTIME_PREFIX: &str = "cni.dev/";

/// A plugin's configuration as it is handed over: the network's `name` and `cniVersion`, those
/// arguments of `runtime_config` whose capability the plugin declares, and the result of the plugin
/// before it (or, at DEL and CHECK, the list's final one).
///
/// Other members stay as they are, in their order; `capabilities` too, as libcni leaves it. What the
/// author wrote under keys that are made at run time (`runtimeConfig`, `prevResult`, `cni.dev/…`)
/// is not passed on: it would pass for something that the runtime said.
pub fn stdin_for(
    plugin: &PluginConf,
    network: &NetworkConf,
    runtime_config: &Map<String, Value>,
    prev_result: Option<&RawValue>,
) -> Object {
    let mut stdin = plugin.object().clone();
    let made_at_run_time =
        |key: &&str| key.starts_with(RUNTIME_PREFIX) || *key == "runtimeConfig" || *key == "prevResult";
    let stale: Vec<String> = stdin.keys().filter(made_at_run_time).map(str::to_owned).collect();
    stale.iter().for_each(|key| stdin.remove(key));
    stdin.set("name", &Value::from(network.name.as_str()));
    stdin.set("cniVersion", &Value::from(network.cni_version.to_string()));
    let declared = plugin.capabilities();
    let provided: Map<String, Value> = declared
        .into_iter()
        .filter_map(|name| runtime_config.get(&name).cloned().map(|value| (name, value)))
        .collect();
    if !provided.is_empty() {
        stdin.set("runtimeConfig", &Value::Object(provided));
    }
    if let Some(result) = prev_result {
        stdin.set_text("prevResult", result);
    }
    stdin
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stdin(conf: &str, runtime_config: &Value, prev_result: Option<&str>) -> String {
        let object = Object::parse(conf.as_bytes()).unwrap();
        let network = NetworkConf::parse(&object, Some("given"), Some("0.4.0")).unwrap();
        let previous = prev_result.map(|text| serde_json::from_str::<Box<RawValue>>(text).unwrap());
        let runtime_config = runtime_config.as_object().unwrap();
        stdin_for(&network.plugins[0], &network, runtime_config, previous.as_deref()).to_string()
    }

    #[test]
    fn cni_11_a_plugin_gets_name_version_arguments_and_previous_result() {
        let rows = [
            // Injected at the end; unknown members unchanged and in order.
            (
                r#"{"zeta":1.0,"type":"a","alpha":{"x":1e3}}"#,
                json!({}),
                None,
                r#"{"zeta":1.0,"type":"a","alpha":{"x":1e3},"name":"given","cniVersion":"0.4.0"}"#,
            ),
            // The network's own win over what a listed plugin says.
            (
                r#"{"name":"n","cniVersion":"1.0.0","plugins":[{"cniVersion":"0.2.0","type":"a","name":"x"}]}"#,
                json!({}),
                None,
                r#"{"cniVersion":"1.0.0","type":"a","name":"n"}"#,
            ),
            // Arguments: declared and provided; `capabilities` stays.
            (
                r#"{"type":"a","capabilities":{"ips":true,"mac":false,"dns":true}}"#,
                json!({"mac": "02:00:00:00:00:01", "ips": ["10.0.0.1/24"], "other": 1}),
                None,
                r#"{"type":"a","capabilities":{"ips":true,"mac":false,"dns":true},"name":"given","cniVersion":"0.4.0","runtimeConfig":{"ips":["10.0.0.1/24"]}}"#,
            ),
            // Nothing declared: no key at all.
            (
                r#"{"type":"a"}"#,
                json!({"ips": ["10.0.0.1/24"]}),
                None,
                r#"{"type":"a","name":"given","cniVersion":"0.4.0"}"#,
            ),
            // The author does not speak for the runtime.
            (
                r#"{"runtimeConfig":{"mac":"x"},"type":"a","prevResult":{"ips":[]},"cni.dev/valid-attachments":[]}"#,
                json!({}),
                None,
                r#"{"type":"a","name":"given","cniVersion":"0.4.0"}"#,
            ),
            // The previous result as it was printed.
            (
                r#"{"type":"a","args":{"cni":{"ips":[]}}}"#,
                json!({}),
                Some(r#"{"cniVersion": "0.4.0",  "x": 1.0}"#),
                r#"{"type":"a","args":{"cni":{"ips":[]}},"name":"given","cniVersion":"0.4.0","prevResult":{"cniVersion": "0.4.0",  "x": 1.0}}"#,
            ),
        ];
        for (conf, runtime_config, previous, expected) in rows {
            assert_eq!(stdin(conf, &runtime_config, previous), expected, "{conf}");
        }
    }

    #[test]
    fn cni_18_arguments_of_the_conventions_pass_through() {
        let arguments = json!({
            "ips": ["10.1.1.11/24"], "mac": "02:00:00:00:00:01", "portMappings": [{"hostPort": 80, "containerPort": 8080}],
            "bandwidth": {"ingressRate": 1}, "ipRanges": [[{"subnet": "10.0.0.0/8"}]], "dns": {"servers": []},
            "infinibandGUID": "c2:11:22:33:44:55:66:77", "deviceID": "0000:03:02.0", "aliases": ["a"], "cgroupPath": "/x",
        });
        let declared: Map<String, Value> =
            arguments.as_object().unwrap().keys().map(|key| (key.clone(), Value::Bool(true))).collect();
        let conf =
            json!({"type": "a", "capabilities": declared, "args": {"cni": {"labels": []}}}).to_string();
        let given: Value = serde_json::from_str(&stdin(&conf, &arguments, None)).unwrap();
        assert_eq!(given["runtimeConfig"], arguments);
        assert_eq!(given["args"], json!({"cni": {"labels": []}}));
    }
}
