//! A delegate that behaves at ADD, and at CHECK and DEL misbehaves in the way its configuration names.

#![allow(clippy::panic, reason = "this is what a broken component does")]

use multus_guest::network::{self, Veth};
use multus_guest::{Attachment, CniResult, Failure, log};
use serde::Deserialize;

#[derive(Deserialize)]
struct Conf {
    later: String,
}

multus_guest::delegate!(add, check = check, del = del);

fn add(it: &Attachment, _: &Conf, _: Option<&CniResult>, _: &()) -> Result<Option<CniResult>, Failure> {
    let (inside, outside) = Veth::default().create(&it.interface_name)?;
    inside.set_up(true)?;
    outside.set_up(true)?;
    Ok(None)
}

fn check(it: &Attachment, conf: &Conf, _: &CniResult, _: &()) -> Result<(), Failure> {
    misbehave(it, conf)
}

fn del(it: &Attachment, conf: &Conf, _: Option<&CniResult>, _: &()) -> Result<(), Failure> {
    misbehave(it, conf)
}

fn misbehave(it: &Attachment, conf: &Conf) -> Result<(), Failure> {
    match conf.later.as_str() {
        "refuse" => Err(Failure::new(11, "not today")),
        "panic" => panic!("late, and on purpose"),
        "loop" => loop {
            std::hint::black_box(());
        },
        "grow" => {
            let mut kept = Vec::new();
            loop {
                kept.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        "flood" => {
            (0..100_000).for_each(|line| log::info(&format!("line {line}")));
            Ok(())
        }
        // Only an ADD may.
        "undo" => network::sandbox()?
            .find(&it.interface_name)?
            .ok_or_else(|| Failure::new(100, "its link is gone"))?
            .set_up(false),
        other => Err(Failure::new(7, format!("cannot {other}"))),
    }
}
