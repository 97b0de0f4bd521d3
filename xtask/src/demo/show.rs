//! What the demo prints.

use comfy_table::{Table, presets};

/// A heading between two acts.
pub(super) fn act(number: usize, title: &str) {
    println!("\n{number}. {title}\n");
}

/// One line of narration.
pub(super) fn say(line: &str) {
    println!("   {line}");
}

/// Rows under their headings, indented like the narration.
pub(super) fn table(headings: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings.iter().map(|heading| heading.to_uppercase()));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.trim_fmt().lines() {
        println!("   {line}");
    }
}
