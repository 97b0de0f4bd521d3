//! A policy that refuses plugins of some types. Settings: `{"forbidden": ["macvlan"]}`.

use multus_guest::{Attachment, Plugin, Verdict};

#[derive(serde::Deserialize)]
struct Settings {
    forbidden: Vec<String>,
}

multus_guest::policy!(review);

fn review(attachment: &Attachment, plugins: &[Plugin], settings: &Settings) -> Verdict {
    let mut types = plugins.iter().filter_map(|plugin| plugin.get("type")?.as_str());
    match types.find(|name| settings.forbidden.iter().any(|forbidden| forbidden == name)) {
        Some(name) => Verdict::Deny(format!("{} is of type {name}, which is forbidden", attachment.network)),
        None => Verdict::Allow,
    }
}
