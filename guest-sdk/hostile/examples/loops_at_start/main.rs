//! A transform that never gets as far as being asked.

#[allow(unsafe_code, reason = "exporting a function by name is unsafe")]
mod sys;

use multus_guest::{Attachment, Failure, Plugin};

multus_guest::transform!(unchanged);

fn unchanged(_: &Attachment, _: &mut Plugin, _: &serde_json::Value) -> Result<(), Failure> {
    Ok(())
}
