//! `wasi:cli`: an empty environment, the streams, and an end before the answer.

use wasmtime::component::Resource;

use super::output::Output;
use super::{Functions, Input, Store};

pub(super) fn environment(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "get-environment" => {
            functions.func_wrap(name, |_: Store<'_>, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
        }
        "get-arguments" => functions.func_wrap(name, |_: Store<'_>, (): ()| Ok((Vec::<String>::new(),)))?,
        "initial-cwd" => functions.func_wrap(name, |_: Store<'_>, (): ()| Ok((None::<String>,)))?,
        _ => return Ok(false),
    }
    Ok(true)
}

pub(super) fn exit(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "exit" => functions.func_wrap(name, |mut store: Store<'_>, (status,): (Result<(), ()>,)| {
            store.data_mut().exit(u8::from(status.is_err()))
        })?,
        "exit-with-code" => functions
            .func_wrap(name, |mut store: Store<'_>, (status,): (u8,)| store.data_mut().exit(status))?,
        _ => return Ok(false),
    }
    Ok(true)
}

pub(super) fn stdin(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    if name != "get-stdin" {
        return Ok(false);
    }
    functions.func_wrap(name, |mut store: Store<'_>, (): ()| Ok((store.data_mut().hold(Input)?,)))?;
    Ok(true)
}

pub(super) fn stdout(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    stream(functions, name, "get-stdout", Output::Stdout)
}

pub(super) fn stderr(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    stream(functions, name, "get-stderr", Output::Stderr)
}

fn stream(functions: &mut Functions<'_>, name: &str, getter: &str, output: Output) -> wasmtime::Result<bool> {
    if name != getter {
        return Ok(false);
    }
    let get = move |mut store: Store<'_>, (): ()| -> wasmtime::Result<(Resource<Output>,)> {
        Ok((store.data_mut().hold(output)?,))
    };
    functions.func_wrap(name, get)?;
    Ok(true)
}
