//! The one engine configuration: what compiles and what loads must agree on every bit of it.

use std::num::NonZeroUsize;

use wasmtime::{Config, ModuleVersionStrategy, WasmBacktraceDetails, WasmFeatures};

/// Bytes of stack that a module's code may use. The threads that call modules have megabytes.
pub const STACK_BYTES: usize = 512 << 10;

/// Stands in every artifact and in `modules.lock`: the full version of wasmtime, because by itself an
/// artifact records only the major one and a fixed miscompilation would live on, and the number of the
/// configuration below, to be raised with every change there. A test compares the version with Cargo.lock.
pub const ENGINE_ID: &str = "48.0.8+multus.1";

const _: () = assert!(ENGINE_ID.len() + ".explaining".len() <= 255);

/// The configuration for compiling and for running. Nothing is left to defaults that depend on which
/// cargo features the process was built with.
pub fn engine_config() -> Config {
    let mut config = Config::new();
    // Refused only if longer than 255 bytes, which is asserted above.
    let _ = config.module_version(ModuleVersionStrategy::Custom(ENGINE_ID.to_owned()));
    proposals(&mut config);
    interruption(&mut config);
    memory(&mut config);
    config
        // A crash is explained by the module's own last words. Traces would cost a sixth of every artifact, which
        // is hashed at each start, and name nothing in a component that was stripped.
        .generate_address_map(false)
        .wasm_backtrace_max_frames(None)
        // Not the environment's choice, which would have to be the same when compiling and when loading.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .debug_info(false)
        .debug_symbols(false)
        .native_unwind_info(false);
    config
}

/// The same for whoever writes a module: a crash tells in which function, and in which line if the component has
/// debug information. Its artifacts say another engine, so that none is ever taken for one of the plugin's.
pub fn explaining_config() -> Config {
    let mut config = engine_config();
    let _ = config.module_version(ModuleVersionStrategy::Custom(format!("{ENGINE_ID}.explaining")));
    config
        .generate_address_map(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAMES))
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config
}

/// A panic has a dozen frames above the author's.
const FRAMES: usize = 64;

/// What Rust, C and Go toolchains emit by default, and nothing whose support is young.
fn proposals(config: &mut Config) {
    let wanted = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::BULK_MEMORY_OPT
        | WasmFeatures::SIMD
        | WasmFeatures::FLOATS
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::COMPONENT_MODEL;
    config.wasm_features(WasmFeatures::all(), false);
    config.wasm_features(wanted, true);
    config.concurrency_support(false).gc_support(false).shared_memory(false);
    // Functions of their arguments only, also across CPUs.
    config.relaxed_simd_deterministic(true);
}

/// Epochs, not fuel: they cost nothing measurable, and what they miss (one huge `memory.copy`) the memory
/// limit bounds.
fn interruption(config: &mut Config) {
    config.epoch_interruption(true).consume_fuel(false).max_wasm_stack(STACK_BYTES);
}

/// Whole 32-bit memories are reserved, so that bounds are checked by the hardware; an image is mapped
/// straight from the artifact's file.
fn memory(config: &mut Config) {
    config
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_reservation_for_growth(2 << 30)
        .memory_may_move(true)
        .guard_before_linear_memory(true)
        .memory_init_cow(true)
        .memory_guaranteed_dense_image_size(16 << 20)
        .force_memory_init_memfd(false)
        .table_lazy_init(true)
        .signals_based_traps(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The version of wasmtime that Cargo.lock pins, or `None`.
    fn locked_version(lock: &str) -> Option<&str> {
        let (_, rest) = lock.split_once("name = \"wasmtime\"\nversion = \"")?;
        rest.split_once('"').map(|(version, _)| version)
    }

    #[test]
    fn the_engine_id_names_the_wasmtime_that_is_built() {
        let lock = include_str!("../../../Cargo.lock");
        let version = locked_version(lock).unwrap();
        assert_eq!(ENGINE_ID.split_once('+').unwrap().0, version, "raise ENGINE_ID with wasmtime");
    }

    #[test]
    fn the_configurations_are_accepted() {
        wasmtime::Engine::new(&engine_config()).unwrap();
        wasmtime::Engine::new(&explaining_config()).unwrap();
    }
}
