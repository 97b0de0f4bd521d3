//! What a selection asks of a network, as capability arguments (CNI conventions; NP-15 to NP-24).

use multus_cluster::Selection;
use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};
use serde_json::{Map, Value, json};

/// What a selection asks of a network.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The arguments that at least one plugin of the network declares.
    pub(super) arguments: Map<String, Value>,
    /// The wishes that these fulfil.
    pub(super) declared: Vec<Wish>,
    /// Wishes that no plugin can fulfil.
    pub(super) undeclared: Vec<Wish>,
}

/// A field of the selection, and the capability that a plugin has to have for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(super) field: &'static str,
    capability: &'static str,
}

/// The capability arguments of one selection.
pub(super) fn arguments(selection: &Selection, network: &NetworkConf) -> Asked {
    let mut asked = Asked::default();
    for (field, capability, value) in requested(selection) {
        let wish = Wish { field, capability };
        if wish.is_declared(network) {
            asked.arguments.insert(capability.to_owned(), value);
            asked.declared.push(wish);
        } else {
            asked.undeclared.push(wish);
        }
    }
    if let Some(device) = &selection.device_id {
        asked.arguments.insert("deviceID".to_owned(), Value::from(device.clone()));
    }
    asked
}

/// Code 7: the attachment would silently lack what the pod asked for (NP-16, 17, 20, 21, 24).
pub(super) fn undeclared(missing: &Wish) -> Error {
    let Wish { field, capability } = missing;
    let message =
        format!("the pod asks for `{field}`, but no plugin of the network has the capability `{capability}`");
    let details = format!(
        "add `\"capabilities\": {{\"{capability}\": true}}` to a plugin that supports it, or take `{field}` out of the pod's annotation"
    );
    Error::new(Code::InvalidConfig, message).with_details(details)
}

/// Looks once more, after transforms changed the plugins.
///
/// # Errors
/// As for [`undeclared`]: whoever took the capability away took what the pod asked for.
pub(super) fn still_declared(wishes: &[Wish], network: &NetworkConf) -> Result<(), Error> {
    match wishes.iter().find(|wish| !wish.is_declared(network)) {
        None => Ok(()),
        Some(Wish { field, capability }) => {
            let message = format!(
                "the pod asks for `{field}`, and after the transforms changed it no plugin of the network has the capability `{capability}`"
            );
            let details = "`multusctl explain` shows what each transform changed; keep `/capabilities` out of its `mayChange`";
            Err(Error::new(Code::InvalidConfig, message).with_details(details))
        }
    }
}

impl Wish {
    fn is_declared(&self, network: &NetworkConf) -> bool {
        let has = |name: &String| name == self.capability;
        network.plugins.iter().any(|plugin| plugin.capabilities().iter().any(has))
    }
}

/// Field of the selection, capability of the plugin, value.
fn requested(selection: &Selection) -> Vec<(&'static str, &'static str, Value)> {
    let ports = (!selection.port_mappings.is_empty()).then(|| json!(selection.port_mappings));
    let ips = (!selection.ips.is_empty()).then(|| json!(selection.ips));
    let rows = [
        ("ips", "ips", ips),
        ("mac", "mac", selection.mac.as_ref().map(|mac| json!(mac))),
        ("infiniband-guid", "infinibandGUID", selection.infiniband_guid.as_ref().map(|guid| json!(guid))),
        ("portMappings", "portMappings", ports),
        ("bandwidth", "bandwidth", selection.bandwidth.as_ref().map(|limits| json!(limits))),
    ];
    rows.into_iter().filter_map(|(field, capability, value)| Some((field, capability, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use multus_cluster::parse_selections;
    use multus_document::Object;

    fn asked(element: &Value, capabilities: &[Value]) -> Result<Value, Error> {
        let mut element = element.clone();
        element["name"] = json!("a");
        let selection = parse_selections(&json!([element]).to_string(), "shop").unwrap().remove(0);
        let plugins: Vec<Value> =
            capabilities.iter().map(|all| json!({"type": "t", "capabilities": all})).collect();
        let conf = Object::from_value(&json!({"name": "a", "plugins": plugins})).unwrap();
        let network = NetworkConf::parse(&conf, None, None).unwrap();
        let asked = arguments(&selection, &network);
        match asked.undeclared.first() {
            Some(missing) => Err(undeclared(missing)),
            None => Ok(Value::Object(asked.arguments)),
        }
    }

    #[test]
    fn what_a_plugin_could_do_before_transforms_it_has_to_be_able_to_afterwards() {
        let network = |capabilities: Value| {
            let conf = json!({"name": "a", "type": "t", "capabilities": capabilities});
            NetworkConf::parse(&Object::from_value(&conf).unwrap(), None, None).unwrap()
        };
        let selection = r#"[{"name": "a", "ips": ["10.0.0.2/24"], "mac": "0a:58:0a:00:00:01"}]"#;
        let selection = parse_selections(selection, "shop").unwrap().remove(0);
        let wishes = arguments(&selection, &network(json!({"ips": true, "mac": true}))).declared;
        assert_eq!(wishes.len(), 2);
        let after = |capabilities| still_declared(&wishes, &network(capabilities));
        assert!(after(json!({"ips": true, "mac": true, "bandwidth": true})).is_ok());
        for (capabilities, field) in
            [(json!({"ips": true}), "`mac`"), (json!({"mac": true}), "`ips`"), (json!({}), "`ips`")]
        {
            let error = after(capabilities.clone()).unwrap_err();
            let said = format!("asks for {field}, and after the transforms");
            assert!(error.code == 7 && error.msg.contains(&said), "{capabilities}: {error}");
        }
    }

    #[test]
    fn what_a_pod_asks_for_is_a_capability_argument_or_an_error() {
        let mac = json!({"mac": "0a:58:0a:00:00:01"});
        let ports = json!({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]});
        let band = json!({"bandwidth": {"ingressRate": 1000, "ingressBurst": 2000}});
        let guid = json!({"infiniband-guid": "0c:42:a1:03:00:16:05:1c"});
        let ips = json!({"ips": ["10.0.0.2/24", "fd00::2"]});
        let all = json!({"mac": true, "ips": true, "portMappings": true, "bandwidth": true, "infinibandGUID": true});
        type Row<'a> = (&'a str, &'a Value, &'a [Value], Result<Value, (u32, &'a str)>);
        let rows: &[Row<'_>] = &[
            ("NP-14", &ips, &[json!({"ips": true})], Ok(json!({"ips": ["10.0.0.2/24", "fd00::2"]}))),
            ("NP-17", &mac, &[json!({}), json!({"mac": true})], Ok(json!({"mac": "0a:58:0a:00:00:01"}))),
            ("NP-20", &ports, std::slice::from_ref(&all), Ok(json!({"portMappings": ports["portMappings"]}))),
            ("NP-21", &band, std::slice::from_ref(&all), Ok(json!({"bandwidth": band["bandwidth"]}))),
            (
                "NP-24",
                &guid,
                std::slice::from_ref(&all),
                Ok(json!({"infinibandGUID": "0c:42:a1:03:00:16:05:1c"})),
            ),
            ("NP-17", &mac, &[json!({"mac": false})], Err((7, "asks for `mac`"))),
            ("NP-14", &ips, &[json!({"mac": true})], Err((7, "the capability `ips`"))),
            ("NP-20", &ports, &[json!({})], Err((7, "\"portMappings\": true"))),
            (
                "NP-24",
                &guid,
                &[json!({"infiniband-guid": true})],
                Err((7, "the capability `infinibandGUID`")),
            ),
            ("NP-22", &json!({"default-route": ["10.0.0.1"]}), &[json!({})], Ok(json!({}))),
            ("NP-25", &json!({"ipam-claim-reference": "claim"}), std::slice::from_ref(&all), Ok(json!({}))),
            (
                "deviceID",
                &json!({"deviceID": "0000:00:01.0"}),
                &[json!({})],
                Ok(json!({"deviceID": "0000:00:01.0"})),
            ),
            ("nothing", &json!({}), std::slice::from_ref(&all), Ok(json!({}))),
        ];
        for (row, element, capabilities, expected) in rows {
            match (asked(element, capabilities), expected) {
                (Ok(found), Ok(arguments)) => assert_eq!(&found, arguments, "{row} {element}"),
                (Err(error), Err((code, words))) => {
                    assert_eq!(error.code, *code, "{row} {element}: {error}");
                    assert!(error.to_string().contains(words), "{row} {element}: {error}");
                    assert!(!error.details.is_empty(), "{row} {element}: what to do about it?");
                }
                (found, _) => panic!("{row} {element}: {found:?}"),
            }
        }
    }
}
