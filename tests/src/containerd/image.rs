//! The image of a pod's sandbox, made from one of the tests' own programs: nothing is pulled.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::archive::tar;
use crate::binaries;

/// What the runtime calls it.
pub(super) const NAME: &str = "multus.test/pause:1";

/// Writes an archive as `docker save` makes it: one layer, the image's configuration, and a list of both.
///
/// # Panics
/// If the program was not built, or the file can't be written.
pub(super) fn write(path: &Path) {
    let layer = layer(&binaries::delegate("pause"));
    let digest: String = Sha256::digest(&layer).iter().map(|byte| format!("{byte:02x}")).collect();
    let configuration = json!({
        "architecture": architecture(), "os": "linux",
        "config": { "Entrypoint": ["/pause"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{digest}")] },
    });
    let list = json!([{ "Config": "config.json", "RepoTags": [NAME], "Layers": ["layer.tar"] }]);
    let archive = tar(&[
        ("layer.tar", false, &layer),
        ("config.json", false, configuration.to_string().as_bytes()),
        ("manifest.json", false, list.to_string().as_bytes()),
    ]);
    fs::write(path, archive.expect("short names")).expect("a file for the image");
}

/// The program, and what its loader will look for.
fn layer(program: &Path) -> Vec<u8> {
    let read = |path: &Path| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files = vec![("pause".to_owned(), read(program))];
    for library in libraries(program) {
        files.push((library.display().to_string().trim_start_matches('/').to_owned(), read(&library)));
    }
    let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), true, bytes.as_slice())).collect();
    tar(&files).expect("libraries have short names")
}

/// The loader of glibc lists them itself, where it finds them, as it does for `ldd`; a static program has none.
fn libraries(program: &Path) -> BTreeSet<PathBuf> {
    let output = Command::new(program).env("LD_TRACE_LOADED_OBJECTS", "1").output();
    let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// As Go names processors.
fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
