//! `wasi:clocks` and `wasi:io/poll`: for transforms and policies time stands still and nothing is ever waited for, so that
//! they stay functions of their arguments. Delegates have the node's clocks; what they sleep counts as their time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wasmtime::component::{ComponentType, Lower, Resource};

use super::{Functions, Store};
use crate::context::Context;

/// Where the monotonic clock begins, and stands: some runtimes take zero for a broken clock, others count back a little.
const BEGINNING: Duration = Duration::from_secs(3600);

/// What both clocks say of themselves.
const RESOLUTION: Duration = Duration::from_micros(1);

/// Something that can be waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pollable {
    /// Not at all.
    Ready,
    /// Until the monotonic clock says so.
    At(Duration),
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

impl From<Duration> for Datetime {
    fn from(since: Duration) -> Self {
        Self { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() }
    }
}

pub(super) fn wall(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "now" => functions.func_wrap(name, |store: Store<'_>, (): ()| {
            let now = if store.data().is_function() { Duration::ZERO } else { since_1970() };
            Ok((Datetime::from(now),))
        })?,
        "resolution" => {
            functions.func_wrap(name, |_: Store<'_>, (): ()| Ok((Datetime::from(RESOLUTION),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

pub(super) fn monotonic(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "now" => {
            functions.func_wrap(name, |store: Store<'_>, (): ()| Ok((nanoseconds(store.data().now()),)))?;
        }
        "resolution" => {
            functions.func_wrap(name, |_: Store<'_>, (): ()| Ok((nanoseconds(RESOLUTION),)))?;
        }
        "subscribe-instant" => functions.func_wrap(name, |store: Store<'_>, (at,): (u64,)| {
            subscribe(store, |_| Duration::from_nanos(at))
        })?,
        "subscribe-duration" => functions.func_wrap(name, |store: Store<'_>, (time,): (u64,)| {
            subscribe(store, |now| now.saturating_add(Duration::from_nanos(time)))
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn subscribe(
    mut store: Store<'_>,
    when: impl FnOnce(Duration) -> Duration,
) -> wasmtime::Result<(Resource<Pollable>,)> {
    let context = store.data_mut();
    // A clock that stands still would never get there.
    let pollable = if context.is_function() { Pollable::Ready } else { Pollable::At(when(context.now())) };
    Ok((context.hold(pollable)?,))
}

pub(super) fn poll(functions: &mut Functions<'_>, name: &str) -> wasmtime::Result<bool> {
    match name {
        "[method]pollable.ready" => {
            functions.func_wrap(name, |store: Store<'_>, (this,): (Resource<Pollable>,)| {
                let context = store.data();
                Ok((context.held(&this)?.wait(context.now()).is_zero(),))
            })?;
        }
        "[method]pollable.block" => {
            functions.func_wrap(name, |mut store: Store<'_>, (this,): (Resource<Pollable>,)| {
                store.data_mut().wait_for(&[this]).map(drop)
            })?;
        }
        "poll" => {
            functions.func_wrap(name, |mut store: Store<'_>, (list,): (Vec<Resource<Pollable>>,)| {
                Ok((store.data_mut().wait_for(&list)?,))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

impl Pollable {
    /// How long it is until then.
    fn wait(self, now: Duration) -> Duration {
        match self {
            Self::Ready => Duration::ZERO,
            Self::At(then) => then.saturating_sub(now),
        }
    }
}

impl Context {
    /// The monotonic clock.
    fn now(&self) -> Duration {
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        if self.is_function() { BEGINNING } else { BEGINNING + START.elapsed() }
    }

    /// Waits for the first of them; those that are ready then, by their places.
    fn wait_for(&mut self, list: &[Resource<Pollable>]) -> wasmtime::Result<Vec<u32>> {
        let pollables: Vec<Pollable> =
            list.iter().map(|pollable| self.held(pollable)).collect::<Result<_, _>>()?;
        let now = self.now();
        let Some(wait) = pollables.iter().map(|pollable| pollable.wait(now)).min() else {
            return Err(wasmtime::Error::msg("it waits for nothing at all, which never comes"));
        };
        self.sleep(wait)?;
        let now = self.now();
        let ready = (0..).zip(pollables).filter(|(_, pollable)| pollable.wait(now).is_zero());
        Ok(ready.map(|(place, _)| place).collect())
    }
}
