//! Running a component so that a crash tells where, for those who write modules.

use multus_wasm::{Catalog, ModuleError, Sandbox, explaining_config};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::CompileError;

/// A sandbox whose module `name` is `component`, compiled in this process with what explains a crash. The same linker,
/// limits and checks as the plugin's; only the compiled code differs, by its map of addresses.
///
/// # Errors
/// A component that the compiler or the sandbox does not take.
pub fn explaining_sandbox(catalog: Catalog, name: &str, component: &[u8]) -> Result<Sandbox, CompileError> {
    let engine =
        Engine::new(&explaining_config()).map_err(|error| CompileError::Compiler(format!("{error:#}")))?;
    let compiled =
        Component::new(&engine, component).map_err(|error| CompileError::Refused(format!("{error:#}")))?;
    Sandbox::of_compiled(catalog, engine, &[(name, compiled)])
        .map_err(|error: ModuleError| CompileError::Refused(error.to_string()))
}
