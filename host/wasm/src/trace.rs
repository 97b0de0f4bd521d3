//! What a call used and where it crashed, for those who write modules.

use std::time::Duration;

use wasmtime::{FrameInfo, WasmBacktrace};

/// What one call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Real time until the instance was there, with what the component runs at its start.
    pub instantiate: Duration,
    /// Real time from there to the answer.
    pub call: Duration,
    /// Bytes of linear memory at the end, which is the most there were: memories never shrink.
    pub memory: u64,
}

/// A function that was running when a module crashed. Only [`crate::explaining_config`] keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its name as the compiler wrote it, if the component has names.
    pub function: Option<String>,
    /// The source file, if the component has debug information.
    pub file: Option<String>,
    /// The line in it, from 1.
    pub line: Option<u32>,
}

impl Frame {
    /// The innermost first, inlined functions among them.
    pub(crate) fn of(error: &wasmtime::Error) -> Vec<Self> {
        let trace = error.downcast_ref::<WasmBacktrace>();
        trace.map(|trace| trace.frames().iter().flat_map(Self::of_frame).collect()).unwrap_or_default()
    }

    fn of_frame(frame: &FrameInfo) -> Vec<Self> {
        let name = frame.func_name().map(str::to_owned);
        let symbols: Vec<Self> = frame
            .symbols()
            .iter()
            .map(|symbol| Self {
                function: symbol.name().map(str::to_owned).or_else(|| name.clone()),
                file: symbol.file().map(str::to_owned),
                line: symbol.line(),
            })
            .collect();
        if symbols.is_empty() { vec![Self { function: name, file: None, line: None }] } else { symbols }
    }
}
