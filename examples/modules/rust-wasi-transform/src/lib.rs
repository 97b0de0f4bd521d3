//! Sets the MTU of a namespace's networks, as the transforms in JavaScript and in Python do. Written with what needs WASI: a
//! `HashMap`, which wants a random number, and `println!`, which wants standard output.

use std::collections::HashMap;

use multus_guest::{Attachment, Failure, Plugin};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    /// Of networks of any other namespace.
    mtu: Option<u32>,
    #[serde(default)]
    namespaces: HashMap<String, u32>,
}

multus_guest::transform!(set);

fn set(attachment: &Attachment, plugin: &mut Plugin, settings: &Settings) -> Result<(), Failure> {
    let namespace = attachment.network.split('/').next().unwrap_or_default();
    let Some(mtu) = settings.namespaces.get(namespace).copied().or(settings.mtu) else {
        let failure = Failure::new(7, format!("no MTU for networks of {namespace}"));
        return Err(failure.with_details("write `mtu` into the settings"));
    };
    println!("{} gets an MTU of {mtu}", attachment.network);
    plugin.insert("mtu".to_owned(), mtu.into());
    Ok(())
}
