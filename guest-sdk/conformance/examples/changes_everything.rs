//! A transform that uses all of the interface there is for one: it logs at each level, tells in the configuration what it
//! was told, fails where its settings say so, describes itself, and judges its settings.

use multus_guest::{Attachment, Complaint, Failure, Plugin, Pod, complaint, log};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The code that it fails with.
    fail: Option<u32>,
}

multus_guest::transform!(change);
multus_guest::describe!(
    Settings,
    schema = r#"{"type":"object","additionalProperties":false,"properties":{"fail":{"type":"integer","minimum":0}}}"#,
    validate = valid,
);

fn change(attachment: &Attachment, plugin: &mut Plugin, settings: &Settings) -> Result<(), Failure> {
    log::debug("for the author");
    log::info("for whoever looks");
    log::warn("for the operator");
    log::error("for the operator, soon");
    if let Some(code) = settings.fail {
        return Err(Failure::new(code, "as the settings say").with_details("leave `fail` out"));
    }
    plugin.insert("told".to_owned(), told(attachment));
    Ok(())
}

/// Every member of the attachment.
fn told(attachment: &Attachment) -> Value {
    let Attachment { container_id, interface_name, network, index, default_network, pod, context } =
        attachment;
    let context: Value = serde_json::from_str(context).unwrap_or_default();
    let pod = pod.as_ref().map(|pod| {
        let Pod { namespace, name, uid, service_account, labels, annotations, namespace_labels } = pod;
        json!([namespace, name, uid, service_account, labels, annotations, namespace_labels])
    });
    json!([container_id, interface_name, network, index, default_network, pod, context])
}

/// What a schema can't say.
fn valid(settings: &Settings) -> Vec<Complaint> {
    match settings.fail {
        Some(code) if code < 100 => {
            vec![complaint("/fail", format!("{code} belongs to CNI: write 100 or more"))]
        }
        _ => Vec::new(),
    }
}
