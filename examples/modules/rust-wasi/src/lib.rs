//! Keeps attachments apart that use one plugin more often than they may. Written with what needs WASI: a `HashMap`, which
//! wants a random number, `println!`, which wants standard output, and a clock.

use std::collections::HashMap;
use std::time::Instant;

use multus_guest::{Attachment, Plugin, Verdict};
use serde::Deserialize;

#[derive(Deserialize)]
struct Settings {
    /// How often an attachment may use a plugin of one type.
    most: usize,
}

multus_guest::policy!(review);

fn review(attachment: &Attachment, plugins: &[Plugin], settings: &Settings) -> Verdict {
    let start = Instant::now();
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for plugin in plugins {
        *uses.entry(plugin.get("type").and_then(|name| name.as_str()).unwrap_or_default()).or_default() += 1;
    }
    // For policies time stands still: this is 0, each time.
    println!("{} kinds of plugins for {}, after {:?}", uses.len(), attachment.network, start.elapsed());
    // In the order of names: that of a map is as random as its number, which comes from the arguments.
    let mut crowds: Vec<_> = uses.into_iter().filter(|(_, uses)| *uses > settings.most).collect();
    crowds.sort_unstable();
    match crowds.first() {
        None => Verdict::Allow,
        Some((name, uses)) => {
            Verdict::Deny(format!("{uses} plugins of type {name}, of at most {}", settings.most))
        }
    }
}
