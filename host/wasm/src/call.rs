//! One call of a module: a store and an instance of its own, limits from before the first instruction, and
//! the reason when it does not answer. Nothing survives a call, so nothing leaks between pods.

use std::time::Instant;

use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Engine, Store};

use crate::catalog::Role;
use crate::context::{Context, on_tick};
use crate::error::Fault;
use crate::limits::Limits;
use crate::log::LogLine;
use crate::node::SharedNode;
use crate::trace::{Frame, Used};
use crate::wasi::Seed;
use crate::watchdog::Watch;

/// Bytes that a module may hand to the host in one log line, host call or answer, lists in all; wasmtime's default is
/// 128 MiB.
const HOST_CALL_BYTES: usize = 1 << 20;

/// What a call can get at besides its arguments.
pub(crate) struct Reach {
    pub(crate) node: Option<SharedNode>,
    /// What random numbers are made of, for those who import them.
    pub(crate) seed: Seed,
}

/// Functions that were found by their names and have other types.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Misfit {
    pub(crate) role: Role,
    pub(crate) reason: String,
}

impl Misfit {
    /// Says so of a role's functions that can't be called.
    pub(crate) fn of(role: Role) -> impl FnOnce(wasmtime::Error) -> wasmtime::Error {
        move |error| wasmtime::Error::new(Self { role, reason: error.root_cause().to_string() })
    }
}

/// A call that is over.
pub(crate) struct Ended<T> {
    pub(crate) answer: Result<T, Fault>,
    pub(crate) log: Vec<LogLine>,
    pub(crate) used: Used,
    /// Where it crashed, if the engine keeps that.
    pub(crate) trace: Vec<Frame>,
}

/// Runs a closure on a fresh instance. The error of the closure is wasmtime's, whatever it was caused by: the
/// fault names the cause.
pub(crate) fn run<T>(
    engine: &Engine,
    limits: Limits,
    pre: &InstancePre<Context>,
    reach: Reach,
    body: impl FnOnce(&mut Store<Context>, &Instance) -> wasmtime::Result<T>,
) -> Ended<T> {
    let watch = match Watch::start(engine) {
        Ok(watch) => watch,
        Err(error) => {
            let message = format!("no timer for the module's time limit: {error}");
            let answer = Err(Fault::Host { message });
            return Ended { answer, log: Vec::new(), used: Used::default(), trace: Vec::new() };
        }
    };
    let mut store = store(engine, Context::new(limits, watch, reach.node, reach.seed));
    let start = Instant::now();
    let instance = pre.instantiate(&mut store);
    let instantiate = start.elapsed();
    let answer = instance.and_then(|instance| body(&mut store, &instance));
    let call = start.elapsed().saturating_sub(instantiate);
    let context = store.into_data();
    let used = Used { instantiate, call, memory: context.limiter.memory() };
    let trace = answer.as_ref().err().map(Frame::of).unwrap_or_default();
    let (answer, log) = context.finish(answer, limits);
    Ended { answer, log, used, trace }
}

fn store(engine: &Engine, context: Context) -> Store<Context> {
    let mut store = Store::new(engine, context);
    store.limiter(|context| &mut context.limiter);
    store.set_hostcall_fuel(HOST_CALL_BYTES);
    store.epoch_deadline_callback(on_tick);
    // Also counts the code that runs at instantiation.
    store.set_epoch_deadline(1);
    store
}
