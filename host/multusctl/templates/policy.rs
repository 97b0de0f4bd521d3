//! A policy that refuses plugins of some types.

use multus_guest::{Attachment, Plugin, Verdict};

#[derive(serde::Deserialize)]
struct Settings {
    forbidden: Vec<String>,
}

multus_guest::policy!(review);
multus_guest::describe!(Settings, schema = include_str!("../settings.schema.json"));
#[cfg(test)]
multus_guest::fixtures!(policy = review);

fn review(attachment: &Attachment, plugins: &[Plugin], settings: &Settings) -> Verdict {
    let mut types = plugins.iter().filter_map(|plugin| plugin.get("type")?.as_str());
    match types.find(|name| settings.forbidden.iter().any(|forbidden| forbidden == name)) {
        Some(name) => Verdict::Deny(format!("{} is of type {name}, which is forbidden", attachment.network)),
        None => Verdict::Allow,
    }
}
