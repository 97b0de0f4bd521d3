//! What a test could not do here, said aloud: a runner that hides the output of tests that pass hides this, too.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

/// The file that collects it for the end of the run (`cargo xtask test` sets and prints it).
const COLLECTED: &str = "MULTUS_LEFT_OUT";

/// Says what is left out, why, and what it needs.
pub fn left_out(why: &str) {
    println!("LEFT OUT: {why}");
    let Some(path) = env::var_os(COLLECTED) else { return };
    let written = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| {
        // One write: tests run side by side.
        file.write_all(format!("{why}\n").as_bytes())
    });
    if let Err(error) = written {
        println!("(not noted in {}: {error})", path.display());
    }
}
