//! What the host keeps for one call of a module: what it used, what it said, what it holds, and the node.

use std::any::Any;
use std::thread;
use std::time::Duration;

use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime::{StoreContextMut, Trap, UpdateDeadline};

use crate::bindings::log;
use crate::call::Misfit;
use crate::calls::Stop;
use crate::clock::{Clock, Over, Reading, Spare, WALL_FACTOR};
use crate::error::Fault;
use crate::limiter::{self, Limiter, Refused, TABLE_ELEMENTS};
use crate::limits::Limits;
use crate::log::{Level, Log, LogLine};
use crate::node::{Answer, Failure, Node, SharedNode, TransactionId};
use crate::wasi::{Seed, Written};
use crate::watchdog::Watch;

/// How many links, namespaces, transactions and streams a module may hold at once. A node may have thousands of links.
pub(crate) const HANDLES: usize = 10_000;

/// What the host keeps for one call.
pub(crate) struct Context {
    pub(crate) limiter: Limiter,
    pub(crate) log: Log,
    /// By WASI, and is no line yet.
    pub(crate) written: Written,
    pub(crate) seed: Seed,
    clock: Clock,
    watch: Watch,
    handles: ResourceTable,
    /// Delegates only.
    node: Option<SharedNode>,
    stopped: Option<Stopped>,
}

/// Why the host stopped the module: whatever error follows, this is its cause.
#[derive(Debug, Clone)]
enum Stopped {
    Over(Over),
    Handles,
    /// It wants to sleep longer than it may go on.
    Asleep(Duration),
    /// It ended itself.
    Exit(u8),
    /// It asked for something that no module is given, and that can't be refused.
    Withheld(String),
}

impl Context {
    pub(crate) fn new(limits: Limits, watch: Watch, node: Option<SharedNode>, seed: Seed) -> Self {
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(HANDLES);
        Self {
            limiter: Limiter::new(limits.memory),
            log: Log::default(),
            written: Written::default(),
            seed,
            clock: Clock::start(limits.timeout),
            watch,
            handles,
            node,
            stopped: None,
        }
    }

    /// Asks the node. Meanwhile the module's clock stands still, as far as it is about waiting.
    pub(crate) fn ask<T>(&mut self, question: impl FnOnce(&mut dyn Node) -> Answer<T>) -> Result<T, Stop> {
        self.outside(Spare::Waiting, question)
    }

    /// Has the node run something that has limits of its own.
    pub(crate) fn have_run<T>(&mut self, what: impl FnOnce(&mut dyn Node) -> Answer<T>) -> Result<T, Stop> {
        self.outside(Spare::Work, what)
    }

    fn outside<T>(
        &mut self,
        spare: Spare,
        question: impl FnOnce(&mut dyn Node) -> Answer<T>,
    ) -> Result<T, Stop> {
        let began = Reading::now();
        // The timer is set anew after each host call: a module that asks without end would never hear it.
        if let Some(over) = self.clock.over_at(began) {
            return Err(Stop::Trap(self.stop(Stopped::Over(over))));
        }
        self.watch.pause().map_err(stopped_clock)?;
        let answer = self.with_node(question);
        self.watch.resume().map_err(stopped_clock)?;
        self.clock.spare(began, spare);
        Ok(answer?)
    }

    fn with_node<T>(&self, question: impl FnOnce(&mut dyn Node) -> Answer<T>) -> Answer<T> {
        let absent = |message: &str| Failure { code: 999, message: message.into(), details: String::new() };
        let node = self.node.as_ref().ok_or_else(|| absent("this call is not about a node"))?;
        let mut node = node.try_borrow_mut().map_err(|_| absent("the node is in another module's hands"))?;
        question(&mut *node)
    }

    /// Whether the answer may depend on nothing but the arguments.
    pub(crate) fn is_function(&self) -> bool {
        self.node.is_none()
    }

    /// Sleeps for the module, whose time goes on meanwhile: one that wants to sleep longer than it may go on is stopped
    /// at once.
    pub(crate) fn sleep(&mut self, time: Duration) -> wasmtime::Result<()> {
        // Who sleeps for nothing without end is stopped by ticks, which a pause would put off each time.
        if time.is_zero() {
            return Ok(());
        }
        if time >= self.clock.left() {
            return Err(self.stop(Stopped::Asleep(time)));
        }
        self.watch.pause()?;
        thread::sleep(time);
        self.watch.resume()?;
        self.clock.sleep(time);
        Ok(())
    }

    /// The module ends itself.
    pub(crate) fn exit(&mut self, status: u8) -> wasmtime::Result<()> {
        Err(self.stop(Stopped::Exit(status)))
    }

    /// Stops a module that asks for what no module is given.
    pub(crate) fn withhold(&mut self, asked: &str) -> wasmtime::Error {
        self.stop(Stopped::Withheld(asked.to_owned()))
    }

    fn stop(&mut self, why: Stopped) -> wasmtime::Error {
        self.stopped = Some(why);
        Trap::Interrupt.into()
    }

    /// Gives the module a handle.
    pub(crate) fn hold<T: Send + 'static>(&mut self, what: T) -> Result<Resource<T>, ResourceTableError> {
        self.handles.push(what).inspect_err(|error| {
            if matches!(error, ResourceTableError::Full) {
                self.stopped = Some(Stopped::Handles);
            }
        })
    }

    /// What a handle of the module stands for.
    pub(crate) fn held<T: Any + Copy>(&self, handle: &Resource<T>) -> Result<T, ResourceTableError> {
        self.handles.get(handle).copied()
    }

    /// Takes a handle back.
    pub(crate) fn let_go<T: Any>(&mut self, handle: Resource<T>) -> Result<T, ResourceTableError> {
        self.handles.delete(handle)
    }

    /// Unlocks a folder of claims.
    pub(crate) fn end(&self, transaction: TransactionId) {
        // It was begun by this node, so there is one, and nobody else has it now.
        let _ = self.with_node(|node| {
            node.end(transaction);
            Ok(())
        });
    }

    /// Whatever became of the module, no folder stays locked.
    fn end_all(&mut self) {
        let open: Vec<TransactionId> =
            self.handles.iter_mut().filter_map(|held| held.downcast_ref().copied()).collect();
        open.into_iter().for_each(|transaction| self.end(transaction));
    }

    /// Ends the call: an error of wasmtime becomes the fault that caused it.
    pub(crate) fn finish<T>(
        mut self,
        answer: wasmtime::Result<T>,
        limits: Limits,
    ) -> (Result<T, Fault>, Vec<LogLine>) {
        self.end_all();
        self.end_lines();
        let answer = answer.map_err(|error| self.fault(&error, limits));
        (answer, self.log.into_lines())
    }

    /// What stopped the module; its own limits are asked first, because a module that is refused memory
    /// usually ends in some other trap.
    fn fault(&self, error: &wasmtime::Error, limits: Limits) -> Fault {
        if let Some(stopped) = &self.stopped {
            return stopped.fault(limits, self.log.last_error());
        }
        match self.limiter.refused() {
            Some(Refused::Memory) => return Fault::Memory { limit: limits.memory },
            Some(Refused::Table) => return Fault::Table { limit: TABLE_ELEMENTS },
            None => {}
        }
        if let Some(misfit) = error.downcast_ref::<Misfit>() {
            return Fault::WrongTypes { role: misfit.role, reason: misfit.reason.clone() };
        }
        if let Some(what) = limiter::counted(error) {
            return Fault::Count { what, limit: limiter::INSTANCES };
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

/// Nobody wants to read how many milliseconds are in an hour.
fn whole_seconds(time: Duration) -> Duration {
    if time < Duration::from_secs(1) { time } else { Duration::from_secs_f64(time.as_secs_f64().round()) }
}

impl Stopped {
    fn fault(&self, limits: Limits, said: Option<&str>) -> Fault {
        match self {
            Self::Over(Over::Cpu) => Fault::Time { limit: limits.timeout },
            Self::Over(Over::Wall) => Fault::WallTime { limit: limits.timeout * WALL_FACTOR },
            Self::Handles => Fault::Handles { limit: HANDLES },
            Self::Asleep(time) => Fault::Sleep { limit: limits.timeout, time: whole_seconds(*time) },
            Self::Exit(status) => Fault::Exit { status: *status, said: said.map(str::to_owned) },
            Self::Withheld(what) => Fault::Withheld { what: what.clone() },
        }
    }
}

pub(crate) fn on_tick(mut store: StoreContextMut<'_, Context>) -> wasmtime::Result<UpdateDeadline> {
    let context = store.data_mut();
    match context.clock.over() {
        None => Ok(UpdateDeadline::Continue(1)),
        Some(over) => {
            context.stopped = Some(Stopped::Over(over));
            Ok(UpdateDeadline::Interrupt)
        }
    }
}

/// Without a timer no limit would hold.
fn stopped_clock(error: std::io::Error) -> Stop {
    Stop::Trap(wasmtime::Error::msg(format!("no timer for the module's time limit: {error}")))
}

impl log::Host for Context {
    fn log(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log.push(level, &message);
        Ok(())
    }
}
