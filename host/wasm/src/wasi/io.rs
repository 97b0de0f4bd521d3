//! `wasi:io`: streams that are at their end, and two that lead to the log.

use wasmtime::component::{ComponentType, Lower, Resource};

use super::clocks::Pollable;
use super::output::Output;
use super::{Functions, Input, Kind, Store, StreamFailure};

/// How much may be written at once; more is written in pieces.
const ROOM: u64 = 64 << 10;

/// Zeroes that are written and nobody wants to see.
const ZEROES: [u8; 64] = [0; 64];

/// Why a stream does not go on.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[allow(dead_code, reason = "part of the type; streams that reach nothing don't fail")]
    Failed(Resource<StreamFailure>),
    #[component(name = "closed")]
    Closed,
}

type Answer<T> = wasmtime::Result<(Result<T, StreamError>,)>;

pub(super) fn error(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "[method]error.to-debug-string" => {
            functions.func_wrap(name, |_: Store<'_>, _: (Resource<StreamFailure>,)| Ok((String::new(),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Which of the two streams a resource is.
pub(super) fn stream(name: &str) -> Option<Kind> {
    match name {
        "input-stream" => Some(Kind::Input),
        "output-stream" => Some(Kind::Output),
        _ => None,
    }
}

pub(super) fn streams(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    let Some((stream, method)) = name.strip_prefix("[method]").and_then(|name| name.split_once('.')) else {
        return Ok(false);
    };
    match stream {
        "input-stream" => input(functions, name, method),
        "output-stream" => output(functions, name, method),
        _ => Ok(false),
    }
}

fn input(functions: &mut Functions<'_>, name: &str, method: &str) -> wasmtime::Result<bool> {
    match method {
        "read" | "blocking-read" => {
            functions.func_wrap(name, |store: Store<'_>, (this, _): (Resource<Input>, u64)| {
                at_its_end::<Vec<u8>>(&store, &this)
            })?;
        }
        "skip" | "blocking-skip" => {
            functions.func_wrap(name, |store: Store<'_>, (this, _): (Resource<Input>, u64)| {
                at_its_end::<u64>(&store, &this)
            })?;
        }
        "subscribe" => functions.func_wrap(name, |store: Store<'_>, _: (Resource<Input>,)| ready(store))?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn output(functions: &mut Functions<'_>, name: &str, method: &str) -> wasmtime::Result<bool> {
    match method {
        "check-write" => functions.func_wrap(name, |_: Store<'_>, _: (Resource<Output>,)| room())?,
        "write" | "blocking-write-and-flush" => functions.func_wrap(name, write)?,
        "write-zeroes" | "blocking-write-zeroes-and-flush" => functions.func_wrap(name, write_zeroes)?,
        "flush" | "blocking-flush" => {
            functions.func_wrap(name, |_: Store<'_>, _: (Resource<Output>,)| written())?;
        }
        "subscribe" => functions.func_wrap(name, |store: Store<'_>, _: (Resource<Output>,)| ready(store))?,
        "splice" | "blocking-splice" => {
            let splice = |store: Store<'_>, (_, from, _): (Resource<Output>, Resource<Input>, u64)| {
                at_its_end::<u64>(&store, &from)
            };
            functions.func_wrap(name, splice)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn at_its_end<T>(store: &Store<'_>, stream: &Resource<Input>) -> Answer<T> {
    store.data().held(stream)?;
    Ok((Err(StreamError::Closed),))
}

fn room() -> Answer<u64> {
    Ok((Ok(ROOM),))
}

fn written() -> Answer<()> {
    Ok((Ok(()),))
}

/// Neither kind of stream is ever waited for.
fn ready(mut store: Store<'_>) -> wasmtime::Result<(Resource<Pollable>,)> {
    Ok((store.data_mut().hold(Pollable::Ready)?,))
}

fn write(mut store: Store<'_>, (to, bytes): (Resource<Output>, Vec<u8>)) -> Answer<()> {
    let output = store.data().held(&to)?;
    store.data_mut().write(output, &bytes);
    written()
}

fn write_zeroes(mut store: Store<'_>, (to, count): (Resource<Output>, u64)) -> Answer<()> {
    let output = store.data().held(&to)?;
    let count = usize::try_from(count.min(ROOM)).unwrap_or_default();
    for _ in 0..count.div_ceil(ZEROES.len()) {
        store.data_mut().write(output, &ZEROES);
    }
    written()
}
