//! One call of a module: a store and an instance of its own, limits from before the first instruction, and
//! the reason when it does not answer. Nothing survives a call, so nothing leaks between pods.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Engine, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::bindings::{log, types};
use crate::error::Fault;
use crate::limiter::{Limiter, Refused, TABLE_ELEMENTS};
use crate::limits::Limits;
use crate::log::{Level, Log, LogLine};
use crate::watchdog::Watch;

/// Bytes that a module may hand to the host in one log line or answer; wasmtime's default is 128 MiB.
const HOST_CALL_BYTES: usize = 1 << 20;

/// How much longer than its CPU time a call may take: a loaded node does not fail honest modules.
const WALL_FACTOR: u32 = 20;

/// What the host keeps for one call.
#[derive(Debug)]
pub(crate) struct Context {
    limiter: Limiter,
    log: Log,
    clock: Clock,
    over: Option<Over>,
}

#[derive(Debug, Clone, Copy)]
enum Over {
    Cpu,
    Wall,
}

/// Runs a closure on a fresh instance. The error of the closure is wasmtime's, whatever it was caused by: the
/// fault names the cause.
pub(crate) fn run<T>(
    engine: &Engine,
    limits: Limits,
    pre: &InstancePre<Context>,
    body: impl FnOnce(&mut Store<Context>, &Instance) -> wasmtime::Result<T>,
) -> (Result<T, Fault>, Vec<LogLine>) {
    let _watch = match Watch::start(engine) {
        Ok(watch) => watch,
        Err(error) => {
            let message = format!("no timer for the module's time limit: {error}");
            return (Err(Fault::Host { message }), Vec::new());
        }
    };
    let mut store = store(engine, limits);
    let answer = pre.instantiate(&mut store).and_then(|instance| body(&mut store, &instance));
    let context = store.into_data();
    let answer = answer.map_err(|error| context.fault(&error, limits));
    (answer, context.log.into_lines())
}

fn store(engine: &Engine, limits: Limits) -> Store<Context> {
    let context = Context {
        limiter: Limiter::new(limits.memory),
        log: Log::default(),
        clock: Clock::start(limits.timeout),
        over: None,
    };
    let mut store = Store::new(engine, context);
    store.limiter(|context| &mut context.limiter);
    store.set_hostcall_fuel(HOST_CALL_BYTES);
    store.epoch_deadline_callback(on_tick);
    // Also counts the code that runs at instantiation.
    store.set_epoch_deadline(1);
    store
}

fn on_tick(mut store: StoreContextMut<'_, Context>) -> wasmtime::Result<UpdateDeadline> {
    let context = store.data_mut();
    context.over = context.clock.over();
    match context.over {
        None => Ok(UpdateDeadline::Continue(1)),
        Some(_) => Ok(UpdateDeadline::Interrupt),
    }
}

impl Context {
    /// What stopped the module; its own limits are asked first, because a module that is refused memory
    /// usually ends in some other trap.
    fn fault(&self, error: &wasmtime::Error, limits: Limits) -> Fault {
        if let Some(over) = self.over {
            return match over {
                Over::Cpu => Fault::Time { limit: limits.timeout },
                Over::Wall => Fault::WallTime { limit: limits.timeout * WALL_FACTOR },
            };
        }
        match self.limiter.refused() {
            Some(Refused::Memory) => return Fault::Memory { limit: limits.memory },
            Some(Refused::Table) => return Fault::Table { limit: TABLE_ELEMENTS },
            None => {}
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => Fault::Stack,
            Some(trap) => {
                Fault::Trap { message: self.log.last_error().map_or(trap.to_string(), str::to_owned) }
            }
            None => Fault::Trap { message: error.root_cause().to_string() },
        }
    }
}

impl types::Host for Context {}

impl log::Host for Context {
    fn log(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log.push(level, &message);
    }
}

/// Measures the CPU time of the thread that runs the module, which is the one that asks.
#[derive(Debug)]
struct Clock {
    cpu_start: Duration,
    wall_start: Instant,
    limit: Duration,
}

impl Clock {
    fn start(limit: Duration) -> Self {
        Self { cpu_start: thread_cpu_time(), wall_start: Instant::now(), limit }
    }

    fn over(&self) -> Option<Over> {
        if thread_cpu_time().saturating_sub(self.cpu_start) >= self.limit {
            Some(Over::Cpu)
        } else if self.wall_start.elapsed() >= self.limit * WALL_FACTOR {
            Some(Over::Wall)
        } else {
            None
        }
    }
}

/// Zero if the kernel has no such clock; the bound on real time holds all the same.
fn thread_cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
