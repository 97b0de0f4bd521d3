//! A transform that sets the MTU of plugins that have none.

use multus_guest::{Attachment, Failure, Plugin, log};

#[derive(serde::Deserialize)]
struct Settings {
    mtu: u16,
}

multus_guest::transform!(set_mtu);
multus_guest::describe!(Settings, schema = include_str!("../settings.schema.json"));
#[cfg(test)]
multus_guest::fixtures!(transform = set_mtu);

fn set_mtu(attachment: &Attachment, plugin: &mut Plugin, settings: &Settings) -> Result<(), Failure> {
    if !plugin.contains_key("mtu") {
        log::info(&format!("{} gets an MTU of {}", attachment.network, settings.mtu));
        plugin.insert("mtu".to_owned(), settings.mtu.into());
    }
    Ok(())
}
