//! A policy that answers or misbehaves as its settings say.

#![allow(clippy::panic, reason = "this is what a broken component does")]

use multus_guest::{Attachment, Plugin, Verdict};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Settings {
    Allow,
    Warn(String),
    Deny(String),
    Panic,
    Loop,
}

multus_guest::policy!(answer);

fn answer(attachment: &Attachment, plugins: &[Plugin], settings: &Settings) -> Verdict {
    multus_guest::log::info(&format!("{} plugins for {}", plugins.len(), attachment.network));
    match settings {
        Settings::Allow => Verdict::Allow,
        Settings::Warn(reason) => Verdict::Warn(reason.clone()),
        Settings::Deny(reason) => Verdict::Deny(reason.clone()),
        Settings::Panic => panic!("no verdict"),
        Settings::Loop => loop {
            std::hint::black_box(());
        },
    }
}
