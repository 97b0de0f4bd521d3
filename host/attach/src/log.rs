//! What a call says while it works; stdout belongs to the CNI result alone.

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For who is looking into one call.
    Debug,
    /// Decisions worth keeping: what a module changed, what a policy warned about.
    Info,
    /// Something went wrong that the call could go on without.
    Warning,
    /// What a call fails with, or what needs a person.
    Error,
}

/// Where a call's lines go.
pub trait Log {
    /// Takes one line, without its line feed.
    fn log(&self, severity: Severity, line: &str);
}
