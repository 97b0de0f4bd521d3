//! Counts what a module's memories and tables hold together, and remembers what it refused.

use wasmtime::ResourceLimiter;

/// Elements of all tables together: a component of 20 MB has some ten thousand functions.
pub(crate) const TABLE_ELEMENTS: usize = 200_000;

/// A component from one of the usual toolchains holds three or four core instances.
pub(crate) const INSTANCES: usize = 32;

/// Of which kind there were too many: wasmtime counts them itself, and its error has no type of its own. Tests see to it that
/// its words are these.
pub(crate) fn counted(error: &wasmtime::Error) -> Option<&'static str> {
    let text = error.root_cause().to_string();
    let (kind, _) = text.strip_prefix("resource limit exceeded: ")?.split_once(" count too high")?;
    let kinds = [("instance", "instances"), ("table", "tables"), ("memory", "memories")];
    kinds.into_iter().find(|(word, _)| *word == kind).map(|(_, kinds)| kinds)
}

/// The limiter of one call.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_limit: u64,
    memory: u64,
    table: usize,
    refused: Option<Refused>,
}

/// What was refused: whatever error follows, this is its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Memory,
    Table,
}

impl Limiter {
    pub(crate) fn new(memory_limit: u64) -> Self {
        Self { memory_limit, memory: 0, table: 0, refused: None }
    }

    /// Bytes of all memories together; memories only grow.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    pub(crate) fn refused(&self) -> Option<Refused> {
        self.refused
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current) as u64);
        if total > self.memory_limit {
            self.refused = Some(Refused::Memory);
            return Ok(false);
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.table.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS {
            self.refused = Some(Refused::Table);
            return Ok(false);
        }
        self.table = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES
    }

    fn tables(&self) -> usize {
        INSTANCES
    }

    fn memories(&self) -> usize {
        INSTANCES
    }
}
