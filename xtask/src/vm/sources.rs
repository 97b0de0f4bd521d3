//! The machine's own sources of packages, and the backports of its suite: QEMU learnt SR-IOV later than Debian 12.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Puts copies of the machine's sources into a folder, and beside them one more for the backports. Returns the name
/// of the backports' suite.
pub(super) fn with_backports(folder: &Path) -> Result<String> {
    let suite = codename(&fs::read_to_string("/etc/os-release")?)
        .context("/etc/os-release names no suite of Debian")?;
    let backports = format!("{suite}-backports");
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let own =
        fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut further = None;
    for file in own.chain(["/etc/apt/sources.list".into()]) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let (ending, more) = match file.extension().and_then(|ending| ending.to_str()) {
            Some("sources") => ("sources", paragraph(&text, &suite)),
            Some("list") => ("list", line(&text, &suite)),
            _ => continue,
        };
        fs::write(folder.join(file.file_name().context("a file without a name")?), &text)?;
        further = further.or(more.map(|text| (ending, text)));
    }
    let (ending, text) =
        further.with_context(|| format!("none of the machine's sources has the suite {suite}"))?;
    fs::write(folder.join(format!("backports.{ending}")), text)?;
    Ok(backports)
}

fn codename(release: &str) -> Option<String> {
    let of = |key: &str| {
        release.lines().find_map(|line| Some(line.strip_prefix(key)?.trim_matches('"').to_owned()))
    };
    (of("ID=")? == "debian").then(|| of("VERSION_CODENAME="))?
}

/// The first paragraph that has the suite, for its backports.
fn paragraph(text: &str, suite: &str) -> Option<String> {
    let suites = |line: &str| {
        line.strip_prefix("Suites:").map(|suites| suites.split_whitespace().any(|one| one == suite))
    };
    let found =
        text.split("\n\n").find(|paragraph| paragraph.lines().any(|line| suites(line) == Some(true)))?;
    let lines = found.lines().map(|line| match line.split_once(':') {
        Some(("Suites", _)) => format!("Suites: {suite}-backports\n"),
        Some(("Components", _)) => "Components: main\n".to_owned(),
        _ => format!("{line}\n"),
    });
    Some(lines.collect())
}

/// The same of a file with a line for each source: `deb [options] address suite components`.
fn line(text: &str, suite: &str) -> Option<String> {
    let middle = format!(" {suite} ");
    let found = text.lines().find(|line| line.starts_with("deb ") && line.contains(&middle))?;
    let (before, _) = found.split_once(&middle)?;
    Some(format!("{before} {suite}-backports main\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backports_come_from_where_the_suite_does() {
        let text = "Types: deb\nURIs: http://a/debian-security\nSuites: bookworm-security\nComponents: main\n\n\
                    Types: deb\nURIs: http://a/debian\nSuites: bookworm bookworm-updates\nComponents: main contrib\n\
                    Signed-By: /k.gpg\n";
        assert_eq!(
            paragraph(text, "bookworm").unwrap(),
            "Types: deb\nURIs: http://a/debian\nSuites: bookworm-backports\nComponents: main\nSigned-By: /k.gpg\n"
        );
        assert_eq!(paragraph(text, "trixie"), None);
        let text =
            "# deb http://b bookworm main\ndeb [signed-by=/k.gpg] http://a/debian bookworm main contrib\n";
        assert_eq!(
            line(text, "bookworm").unwrap(),
            "deb [signed-by=/k.gpg] http://a/debian bookworm-backports main\n"
        );
        assert_eq!(line(text, "bookworm-updates"), None);
    }

    #[test]
    fn only_debian_has_what_is_needed() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n").as_deref(), Some("bookworm"));
        assert_eq!(codename("ID=ubuntu\nVERSION_CODENAME=noble\n"), None);
    }
}
