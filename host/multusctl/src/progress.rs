//! Showing that something slow goes on.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::ProgressBar;

use crate::console::Console;

/// Does `work`; meanwhile a terminal shows a spinner, anything else gets a plain line.
pub(crate) fn during<T>(console: &Console, what: &str, work: impl FnOnce() -> T) -> T {
    if !stderr().is_terminal() {
        console.say(what);
        return work();
    }
    let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(100));
    let done = work();
    spinner.finish_and_clear();
    done
}
