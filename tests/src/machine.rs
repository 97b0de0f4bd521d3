//! Tests that are made for the project's virtual machine: its kernel has what others lack, and its network is theirs.

use std::env;

/// Set by `cargo xtask test --vm` in the machine.
const INSIDE: &str = "MULTUS_VM";

/// Is this the virtual machine? Elsewhere it says what the test needs there, and where that is. `cargo xtask test`
/// runs these tests in the machine at its end, or says that there is none: so nothing is collected here.
#[must_use]
pub fn in_the_machine(needs: &str) -> bool {
    let inside = env::var_os(INSIDE).is_some();
    if !inside {
        println!("LEFT TO THE VIRTUAL MACHINE (`cargo xtask test --vm`): {needs}");
    }
    inside
}
