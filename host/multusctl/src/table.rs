//! Tables without lines, as people pipe and grep them.

use comfy_table::Table;

/// A table as text, its columns two blanks apart.
pub(crate) fn render(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(header.to_vec());
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt() + "\n"
}

/// Every line of a text, moved right by two blanks.
pub(crate) fn indent(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") }).collect()
}

/// `1 problem`, `2 problems`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_two_blanks_apart_and_lines_end_clean() {
        let rows = [vec!["0".to_owned(), "first\nsecond".to_owned()], vec!["10".to_owned(), String::new()]];
        assert_eq!(render(&["#", "WHY"], rows), "#   WHY\n0   first\n    second\n10\n");
        assert_eq!(indent("a\n\nb"), "  a\n\n  b\n");
        assert_eq!((count(1, "error"), count(0, "error")), ("1 error".to_owned(), "0 errors".to_owned()));
    }
}
