//! Lines for the operator. The host keeps the first few dozen of a call.

#[cfg(target_arch = "wasm32")]
use crate::sys::transform_module::multus::delegate::log::{Level, log};

/// For yourself.
pub fn debug(message: &str) {
    line(Level::Debug, message);
}

/// For whoever looks.
pub fn info(message: &str) {
    line(Level::Info, message);
}

/// For the operator.
pub fn warn(message: &str) {
    line(Level::Warn, message);
}

/// For the operator, soon. The last one explains a crash.
pub fn error(message: &str) {
    line(Level::Error, message);
}

#[cfg(target_arch = "wasm32")]
fn line(level: Level, message: &str) {
    log(level, message);
}

#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, Copy)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// In native tests there is no host to log to.
#[cfg(not(target_arch = "wasm32"))]
fn line(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
    #[cfg(feature = "testing")]
    crate::testing::logged(message);
}
