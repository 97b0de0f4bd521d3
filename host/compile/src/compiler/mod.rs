//! Who compiles: a child process with limits, because a component is somebody else's input and Cranelift promises nothing
//! about the time and memory that one takes.

mod answer;
mod child;
mod ended;
mod parent;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub use child::serve;

use crate::artifact::{Artifact, compile_component};
use crate::error::CompileError;

/// Bytes of a component that anybody looks into. Python's whole runtime has half of that.
pub const COMPONENT_BYTES: u64 = 64 << 20;

/// Bytes of an artifact that a child may hand back: three times its component is usual.
pub(crate) const ARTIFACT_BYTES: u64 = 512 << 20;

/// Who compiles.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// This process, without limits: for components that its own user wrote.
    Here,
    /// A child for each component.
    Child(Worker),
}

/// How a child is started that compiles one component: a program that calls [`serve`].
#[derive(Debug, Clone)]
pub struct Worker {
    /// The program.
    pub program: PathBuf,
    /// Its arguments; bytes of memory and seconds of CPU time follow them.
    pub arguments: Vec<OsString>,
    /// What it may use.
    pub limits: CompileLimits,
}

/// What compiling one component may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Bytes of address space.
    pub memory: u64,
    /// CPU time, in whole seconds for the kernel.
    pub time: Duration,
}

/// Ten times what a component with a language's whole runtime takes.
impl Default for CompileLimits {
    fn default() -> Self {
        Self { memory: 2 << 30, time: Duration::from_secs(60) }
    }
}

impl CompileLimits {
    /// How much longer than its CPU time compiling may take: a loaded node does not fail honest components.
    const REAL_TIME_FACTOR: u32 = 5;

    fn seconds(self) -> u64 {
        self.time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
    }

    fn real_time(self) -> Duration {
        Duration::from_secs(self.seconds()).saturating_mul(Self::REAL_TIME_FACTOR)
    }
}

impl Compiler {
    pub(crate) fn compile(&self, component: &[u8]) -> Result<Artifact, CompileError> {
        match self {
            Self::Here => compile_component(component),
            Self::Child(worker) => parent::compile(worker, component),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts_whole_seconds_and_there_is_at_least_one() {
        let seconds = |millis| {
            let limits = CompileLimits { time: Duration::from_millis(millis), ..CompileLimits::default() };
            (limits.seconds(), limits.real_time().as_secs())
        };
        assert_eq!([0, 1, 1000, 1001].map(seconds), [(1, 5), (1, 5), (1, 5), (2, 10)]);
    }
}
