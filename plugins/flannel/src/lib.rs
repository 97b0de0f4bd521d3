//! A transform that makes of a conf of type `flannel` the one that the flannel CNI plugin hands to its delegate, by default
//! `bridge` with `host-local`. The node's subnet comes as the input `subnet`, the text of flanneld's `subnet.env`.
//!
//! Keys, the catalog's entry and what it does otherwise than that plugin: `README.md`.

mod conf;
mod subnet;

use multus_guest::{Attachment, Failure, Plugin};
use serde::Deserialize;
use serde_json::{Value, json};

use conf::Flannel;
use subnet::Subnet;

/// CNI's codes: a conf that can't be used, content that can't be read, something that is not there yet.
const INVALID_CONF: u32 = 7;
const INVALID_CONTENT: u32 = 6;
const TRY_LATER: u32 = 11;

/// There are none; a misspelt one should not look as if it counted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

/// What the host tells besides the attachment's fields.
#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    inputs: Inputs,
}

#[derive(Default, Deserialize)]
struct Inputs {
    subnet: Option<Input>,
}

/// A file, and its text if it is there.
#[derive(Deserialize)]
struct Input {
    file: String,
    text: Option<String>,
}

multus_guest::transform!(flannel);
#[cfg(test)]
multus_guest::fixtures!(transform = flannel);

fn flannel(attachment: &Attachment, plugin: &mut Plugin, _: &Settings) -> Result<(), Failure> {
    if plugin.get("type").and_then(Value::as_str) != Some("flannel") {
        return Ok(());
    }
    let conf = Flannel::read(plugin)?;
    let subnet = node_subnet(attachment, conf.subnet_file.as_deref())?;
    *plugin = handed_on(plugin, conf, &subnet)?;
    Ok(())
}

/// The node's part of the network, from the file that the conf wants it from.
fn node_subnet(attachment: &Attachment, wanted: Option<&str>) -> Result<Subnet, Failure> {
    let context: Context = serde_json::from_str(&attachment.context)
        .map_err(|error| Failure::new(INVALID_CONTENT, format!("the context cannot be used: {error}")))?;
    let Some(Input { file, text }) = context.inputs.subnet else {
        return Err(Failure::new(
            INVALID_CONF,
            "this module has no input `subnet`: the node's subnet is not known",
        )
        .with_details("`multusctl module add` takes `--input subnet=/run/flannel/subnet.env`"));
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != file) {
        let message = format!(
            "`subnetFile` is {wanted}, but the catalog's input `subnet` is {file} whatever a conf says"
        );
        return Err(Failure::new(INVALID_CONF, message)
            .with_details("declare both files and let the conf choose: `--input-from subnet=/subnetFile`"));
    }
    match text {
        Some(text) => Subnet::parse(&file, &text),
        None => {
            Err(Failure::new(TRY_LATER, format!("{file} is not there: flanneld writes it, and has not yet"))
                .with_details("try again later; is flanneld running on this node?"))
        }
    }
}

/// The delegate's conf: what `delegate` says, and what it leaves open.
fn handed_on(plugin: &Plugin, conf: Flannel, subnet: &Subnet) -> Result<Plugin, Failure> {
    let kind = conf.delegate_type();
    let is_bridge = kind == "bridge";
    let mut made = conf::kept(plugin);
    made.insert("type".to_owned(), kind.into());
    let ipam = ipam(conf.ipam, subnet)?;
    made.extend(conf.delegate);
    // Where flannel masquerades, the delegate need not.
    let defaults = [("ipMasq", json!(!subnet.masquerades)), ("mtu", json!(subnet.mtu))];
    let gateway = is_bridge.then(|| ("isGateway", json!(true)));
    for (key, value) in defaults.into_iter().chain(gateway) {
        made.entry(key).or_insert(value);
    }
    made.insert("ipam".to_owned(), Value::Object(ipam));
    Ok(made)
}

/// The conf's own `ipam`, with the node's subnets in the place of its ranges, and routes to the whole network after its own.
fn ipam(mut ipam: Plugin, subnet: &Subnet) -> Result<Plugin, Failure> {
    let mut routes = conf::routes(&ipam)?;
    routes.extend(subnet.networks.iter().map(|network| json!({ "dst": network.to_string() })));
    let ranges = subnet.subnets.iter().map(|subnet| json!([{ "subnet": subnet.to_string() }]));
    ipam.entry("type").or_insert_with(|| "host-local".into());
    ipam.insert("ranges".to_owned(), ranges.collect());
    ipam.insert("routes".to_owned(), Value::Array(routes));
    Ok(ipam)
}

#[cfg(test)]
mod tests;
