//! The tables.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::build::MAX_BYTES;

/// What the other side should stay below.
#[derive(Clone, Copy)]
pub(super) enum Aim {
    None,
    /// So many milliseconds more than the one.
    Over(f64),
    /// So many times the one.
    Times(f64),
}

/// Both sides of one call.
pub(super) struct Line {
    name: String,
    part: &'static str,
    one: f64,
    other: f64,
    difference: f64,
    aim: Aim,
}

impl Line {
    /// The difference is the median of the pairs' differences: what disturbs a whole pair falls out of it.
    pub(super) fn new(
        name: &str,
        part: &'static str,
        one: &[Duration],
        other: &[Duration],
        aim: Aim,
    ) -> Line {
        let differences = one.iter().zip(other).map(|(one, other)| milliseconds(*other) - milliseconds(*one));
        Line {
            name: name.to_owned(),
            part,
            one: median(one.iter().copied().map(milliseconds).collect()),
            other: median(other.iter().copied().map(milliseconds).collect()),
            difference: median(differences.collect()),
            aim,
        }
    }
}

/// The medians, in milliseconds.
pub(super) fn print_times(lines: &[Line]) {
    println!("\n{}", times(lines));
}

/// The first column is as wide as its longest name.
fn times(lines: &[Line]) -> String {
    const TITLE: &str = "medians in ms";
    let width = width(lines.iter().map(|line| line.name.as_str()).chain([TITLE]));
    let mut text =
        format!("{TITLE:<width$} {:8} {:>7} {:>7} {:>9} {:>7}  aim", "verb", "one", "other", "more", "ratio");
    for line in lines {
        let ratio = line.other / line.one;
        let met = |met: bool| if met { "met" } else { "MISSED" };
        let aim = match line.aim {
            Aim::None => String::new(),
            Aim::Over(aim) => format!("  at most +{aim:.1}: {}", met(line.difference <= aim)),
            Aim::Times(aim) => format!("  at most {aim:.2} times: {}", met(ratio <= aim)),
        };
        text.push_str(&format!(
            "\n{:<width$} {:<8} {:>7.2} {:>7.2} {:>+9.3} {ratio:>7.2}{aim}",
            line.name, line.part, line.one, line.other, line.difference
        ));
    }
    text
}

/// Of a column with these texts.
fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or_default()
}

/// What one call asked of the API server.
pub(super) struct Requests {
    pub(super) name: String,
    /// `GET pods team-red/web`, in the order in which they came.
    pub(super) asked: Vec<String>,
    pub(super) connections: usize,
}

/// How often each thing was asked for.
pub(super) fn print_requests(rows: &[Requests]) {
    const ASKED: [(&str, &str); 4] = [
        ("GET pod", "GET pods "),
        ("GET definition", "GET network-attachment-definitions "),
        ("PATCH status", "PATCH pods/status "),
        ("events", "CREATE events "),
    ];
    const TITLE: &str = "requests to the server that speaks TLS";
    let titles = ASKED.map(|(title, _)| title).join("  ");
    let width = width(rows.iter().map(|row| row.name.as_str()).chain([TITLE]));
    println!("\n{TITLE:<width$}  {titles}  all  connections");
    for row in rows {
        print!("{:<width$}  ", row.name);
        for (title, beginning) in ASKED {
            let count = row.asked.iter().filter(|asked| asked.starts_with(beginning)).count();
            print!("{count:>width$}  ", width = title.len());
        }
        println!("{:>3}  {:>11}", row.asked.len(), row.connections);
    }
}

/// The sizes of files, and of those in folders; the plugin comes first and has an aim.
pub(super) fn print_sizes(paths: &[PathBuf]) -> Result<()> {
    println!("\nsizes in KiB");
    for path in paths {
        let files = if path.is_dir() {
            fs::read_dir(path)?.flatten().map(|entry| entry.path()).collect()
        } else {
            vec![path.clone()]
        };
        for file in files {
            let size = fs::metadata(&file)?.len();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let met = if size <= MAX_BYTES { "met" } else { "MISSED" };
            let aim = format!("  at most {} MiB: {met}", MAX_BYTES >> 20);
            let aim = if name == "multus" { aim } else { String::new() };
            println!("{name:<47}{:>8}{aim}", size / 1024);
        }
    }
    Ok(())
}

/// Of an empty list: nothing.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_disturbs_a_pair_falls_out() {
        let [one, other] =
            [[10, 12, 900, 11, 10], [11, 13, 901, 12, 11]].map(|times| times.map(Duration::from_millis));
        let line = Line::new("n", "p", &one, &other, Aim::None);
        assert!((line.difference - 1.0).abs() < 1e-9 && (line.one - 11.0).abs() < 1e-9);
    }
    /// A name that is longer than others moves the columns of all of them.
    #[test]
    fn columns_stand_below_their_titles() {
        let times = [Duration::from_millis(12)];
        let line = |name: &str| Line::new(name, "ADD, CPU", &times, &times, Aim::Over(1.0));
        let long =
            "a list of as many plugins as there are words in its name, and one more: binaries, components";
        let text = super::times(&[line("short"), line(long)]);
        let lines: Vec<&str> = text.lines().collect();
        for (title, value) in [("one", "12.00"), ("ratio", "1.00"), ("aim", "at ")] {
            let place = |line: &str, word: &str| {
                line.find(word).unwrap() + if title == "aim" { 0 } else { word.len() }
            };
            let of_title = place(lines[0], title);
            assert!(lines[1..].iter().all(|line| place(line, value) == of_title), "{title} in\n{text}");
        }
    }
}
