//! A transform that asks for the environment.

#[allow(unsafe_code, reason = "generated")]
mod sys;

use multus_guest::{Attachment, Failure, Plugin};

multus_guest::transform!(look_around);

fn look_around(_: &Attachment, plugin: &mut Plugin, _: &serde_json::Value) -> Result<(), Failure> {
    for (name, value) in sys::wasi::cli::environment::get_environment() {
        plugin.insert(name, value.into());
    }
    Ok(())
}
