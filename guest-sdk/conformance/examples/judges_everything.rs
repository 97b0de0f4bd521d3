//! A policy that uses all of the interface there is for one: each verdict, with what it was told as its reason; it logs at
//! each level, describes itself, and judges its settings.

use multus_guest::{Attachment, Complaint, Plugin, Verdict, complaint, log};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    verdict: String,
}

multus_guest::policy!(judge);
multus_guest::describe!(
    Settings,
    schema = r#"{"type":"object","required":["verdict"],"properties":{"verdict":{"type":"string"}}}"#,
    validate = valid,
);

fn judge(attachment: &Attachment, plugins: &[Plugin], settings: &Settings) -> Verdict {
    log::debug("for the author");
    log::info("for whoever looks");
    log::warn("for the operator");
    log::error("for the operator, soon");
    let types: Vec<String> =
        plugins.iter().filter_map(|plugin| plugin.get("type")).map(ToString::to_string).collect();
    let pod = attachment.pod.as_ref().map_or("nobody", |pod| pod.name.as_str());
    let reason = format!("{pod} wants {} of {}", attachment.network, types.join(" and "));
    match settings.verdict.as_str() {
        "allow" => Verdict::Allow,
        "warn" => Verdict::Warn(reason),
        _ => Verdict::Deny(reason),
    }
}

fn valid(settings: &Settings) -> Vec<Complaint> {
    match ["allow", "warn", "deny"].contains(&settings.verdict.as_str()) {
        true => Vec::new(),
        false => vec![complaint("/verdict", format!("{} is none of allow, warn, deny", settings.verdict))],
    }
}
