//! Where a module crashed, for its author.

use multus_wasm::Frame;

/// How many functions are shown: beyond these it is the SDK that calls.
const SHOWN: usize = 8;

/// The functions that were running, the innermost of the author's first, one a line; without those that only carry a
/// panic out.
pub(super) fn lines(trace: &[Frame]) -> Vec<String> {
    let own = trace.iter().filter(|frame| !is_machinery(frame));
    let mut lines: Vec<String> = own.filter_map(line).take(SHOWN).collect();
    if lines.is_empty() {
        lines = trace.iter().filter_map(line).take(SHOWN).collect();
    }
    lines.dedup();
    if lines.is_empty() && !trace.is_empty() {
        lines.push(
            "in a function without a name: `multusctl module build --debug` keeps names and lines".to_owned(),
        );
    }
    lines
}

fn line(frame: &Frame) -> Option<String> {
    let function = frame.function.as_deref().map(|name| format!("{:#}", rustc_demangle::demangle(name)));
    let file = frame.file.as_deref().map(|file| file.trim_start_matches("./"));
    match (file, frame.line, function) {
        (Some(file), Some(line), Some(function)) => Some(format!("at {file}:{line}, in {function}")),
        (Some(file), Some(line), None) => Some(format!("at {file}:{line}")),
        (_, _, Some(function)) => Some(format!("in {function}")),
        _ => None,
    }
}

/// Functions of the standard library, of other crates, and of the SDK, which calls the author's.
fn is_machinery(frame: &Frame) -> bool {
    let demangled = |name: &String| format!("{:#}", rustc_demangle::demangle(name));
    let name = frame.function.as_ref().map(demangled).unwrap_or_default();
    // Inlined functions have no crate in their names. The SDK is called as its crate, or lies in the author's checkout.
    let of_library = |path: &str| {
        let path = path.trim_start_matches("./");
        ["/rustc/", "cargo/", "multus-guest/", "guest-sdk/"].into_iter().any(|start| path.starts_with(start))
    };
    let of = |krate: &str| name.trim_start_matches(['<', '&']).starts_with(krate);
    frame.file.as_deref().is_some_and(of_library)
        || ["core::", "std::", "alloc::", "multus_guest::", "wit_bindgen::", "__rust", "rust_"]
            .into_iter()
            .any(of)
}
