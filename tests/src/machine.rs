//! Tests that are made for the project's virtual machine: its kernel has what others lack, and its network is theirs.

use std::env;

/// Set by `cargo xtask test --vm` in the machine.
const INSIDE: &str = "MULTUS_VM";

/// Is this the virtual machine? Elsewhere it says what the test needs there, and where that is. `cargo xtask test`
/// runs these tests in the machine at its end, or says that there is none: so nothing is collected here.
#[must_use]
pub fn in_the_machine(needs: &str) -> bool {
    if !is_the_machine() {
        println!("LEFT TO THE VIRTUAL MACHINE (`cargo xtask test --vm`): {needs}");
    }
    is_the_machine()
}

/// The same without a word, for tests that run on both sides and do less in the machine, which is slow.
#[must_use]
pub fn is_the_machine() -> bool {
    env::var_os(INSIDE).is_some()
}
