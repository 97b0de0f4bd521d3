//! A delegate that misbehaves in the way its configuration names.

#![allow(clippy::panic, reason = "this is what a broken component does")]

use multus_guest::{Attachment, Failure, network, store};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Conf {
    #[serde(rename = "do")]
    what: String,
    #[serde(default)]
    value: Value,
}

multus_guest::delegate!(misbehave);

fn misbehave(_: &Attachment, conf: &Conf, _: Option<&Value>, _: &()) -> Result<Option<Value>, Failure> {
    match conf.what.as_str() {
        "nothing" => return Ok(None),
        "answer" => return Ok(Some(conf.value.clone())),
        "huge answer" => return Ok(Some(json!({"x": "x".repeat(3_000_000)}))),
        "deep answer" => {
            let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
            return Ok(Some(json!({"x": deep})));
        }
        "hoard handles" => hoard_handles()?,
        "hoard links" => {
            let sandbox = network::sandbox()?;
            let mut kept = Vec::new();
            loop {
                kept.extend(sandbox.links()?);
            }
        }
        "take and give back" => {
            for _ in 0..20_000 {
                network::sandbox()?;
            }
        }
        "hoard folders" => {
            let mut kept = Vec::new();
            loop {
                kept.push(store::begin(None, "lan")?);
            }
        }
        "ask without end" => {
            let sandbox = network::sandbox()?;
            loop {
                std::hint::black_box(sandbox.path());
            }
        }
        "ask at length" => {
            let _ = network::sandbox()?.find(&"x".repeat(3_000_000))?;
        }
        "leave open" => {
            let folder = store::begin(None, "lan")?;
            folder.claim("10.1.2.3")?;
            panic!("with a folder in its hands");
        }
        "forget" => {
            #[allow(clippy::forget_non_drop, reason = "natively there is nothing to give back")]
            std::mem::forget(store::begin(None, "lan")?);
            return Ok(None);
        }
        other => return Err(Failure::new(7, format!("cannot {other}"))),
    }
    Ok(None)
}

fn hoard_handles() -> Result<(), Failure> {
    let mut kept = Vec::new();
    for _ in 0..1_000_000 {
        kept.push(network::sandbox()?);
    }
    Ok(())
}
