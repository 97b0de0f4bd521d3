//! A transform that misbehaves in the way its settings name.

#![allow(
    clippy::expect_used,
    clippy::unnecessary_literal_unwrap,
    reason = "this is what a broken component does"
)]

use multus_guest::{Attachment, Failure, Plugin, log};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "do")]
    what: String,
    #[serde(default)]
    value: Value,
}

multus_guest::transform!(misbehave);

fn misbehave(_: &Attachment, plugin: &mut Plugin, settings: &Settings) -> Result<(), Failure> {
    match settings.what.as_str() {
        "nothing" => {}
        "loop" => loop {
            std::hint::black_box(());
        },
        "grow" => hoard(),
        "recurse" => {
            plugin.insert("depth".to_owned(), recurse(0).into());
        }
        "recurse with frames" => {
            plugin.insert("depth".to_owned(), recurse_with_frames(0).into());
        }
        "panic" => {
            let missing: Option<u32> = None;
            plugin.insert("mtu".to_owned(), missing.expect("no mtu in the settings").into());
        }
        "abort" => std::process::abort(),
        "merge" => merge(plugin, &settings.value),
        "remove" => {
            plugin.remove(settings.value.as_str().unwrap_or_default());
        }
        "clear" => plugin.clear(),
        "flood" => (0..100_000).for_each(|number| log::info(&format!("line {number}"))),
        "long line" => log::info(&"x".repeat(900_000)),
        "huge line" => log::info(&"x".repeat(3_000_000)),
        "huge answer" => {
            plugin.insert("mtu".to_owned(), "x".repeat(3_000_000).into());
        }
        "deep answer" => {
            plugin.insert("mtu".to_owned(), (0..100).fold(json!(1), |inner, _| json!([[inner]])));
        }
        "forge" => log::info("fine\nerror: forged"),
        "fail" => return Err(failure(&settings.value)),
        other => return Err(Failure::new(7, format!("cannot {other}"))),
    }
    Ok(())
}

fn hoard() {
    let mut kept = Vec::new();
    loop {
        kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

/// Fills the engine's stack; what is done after the inner call keeps it from becoming a loop.
fn recurse(depth: u64) -> u64 {
    if depth == u64::MAX { 0 } else { recurse(depth + 1).rotate_left(3) ^ depth }
}

/// Fills the guest's own stack, which lies in its memory.
fn recurse_with_frames(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { recurse_with_frames(depth + 1) + frame.iter().sum::<u64>() }
}

fn merge(plugin: &mut Plugin, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        plugin.insert(key.clone(), value.clone());
    }
}

fn failure(value: &Value) -> Failure {
    let code = value.as_u64().and_then(|code| u32::try_from(code).ok()).unwrap_or_default();
    Failure::new(code, "not today").with_details("ask again tomorrow")
}
