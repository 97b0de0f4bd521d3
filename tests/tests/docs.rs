//! What the documentation tells people to type works: every block marked `sh run` is run as it stands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test stops at the first surprise"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use multus_tests::{binaries, private};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A fenced block of a page.
struct Block<'a> {
    /// What stands behind the fence: `sh run`, `text`, `rust x/src/lib.rs`.
    kind: &'a str,
    text: &'a str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let parts = page.split("\n```").skip(1).step_by(2);
    parts.filter_map(|part| part.split_once('\n')).map(|(kind, text)| Block { kind, text }).collect()
}

/// Runs a page's blocks one after the other in a folder that looks like the repository after a build. What a page shows
/// right behind a block as its output has to be what came out. Blocks of source that name a file are written there.
fn follow(page: &str) {
    let text = fs::read_to_string(repository().join(page)).unwrap();
    let blocks = blocks(&text);
    assert!(blocks.iter().any(|block| block.kind == "sh run"), "{page} has no block to run");
    let below = binaries::target_folder().join("tmp");
    fs::create_dir_all(&below).unwrap();
    let folder = tempfile::tempdir_in(&below).unwrap();
    for part in ["examples", "plugins"] {
        symlink(repository().join(part), folder.path().join(part)).unwrap();
    }
    fs::create_dir(folder.path().join("target")).unwrap();
    symlink(binaries::components(), folder.path().join("target/components")).unwrap();
    fs::create_dir_all("/run/demo").unwrap();
    for (index, block) in blocks.iter().enumerate() {
        match block.kind.split_once(' ') {
            Some(("sh", "run")) => {
                let said = run(block.text, folder.path(), &below);
                println!("{}\n{said}", block.text);
                if let Some(shown) = blocks.get(index + 1).filter(|next| next.kind == "text") {
                    must_show(&said, shown.text, page);
                }
            }
            Some(("rust" | "yaml", file)) => {
                fs::write(folder.path().join(file), block.text.to_owned() + "\n").unwrap();
            }
            _ => {}
        }
    }
}

/// What a block says on both outputs.
fn run(block: &str, folder: &Path, below: &Path) -> String {
    let tools = binaries::multusctl().parent().unwrap().display().to_string();
    let output = Command::new("sh")
        .args(["-e", "-c", block])
        .current_dir(folder)
        .env("PATH", format!("{tools}:{}", std::env::var("PATH").unwrap()))
        // An author's crate is built from what this workspace was: no registry can be asked from in here.
        .env("CARGO_NET_OFFLINE", "true")
        // The same folder as that of multusctl's own tests: what crates depend on is compiled once.
        .env("CARGO_TARGET_DIR", below.join("modules"))
        // Where the examples' `binDir` has none, as on a machine whose plugins were fetched.
        .env("CNI_PATH", binaries::reference_plugins().unwrap_or_default())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{block}\n{}\n{}", said[0], said[1]);
    said.concat()
}

/// Every line that a page shows came out, in this order. Figures with a unit are those of another run, `…` is anything.
#[track_caller]
fn must_show(said: &str, shown: &str, page: &str) {
    let said: Vec<String> = said.lines().map(steady).collect();
    let mut rest = said.iter();
    for line in shown.lines().map(steady).filter(|line| !line.is_empty()) {
        assert!(rest.any(|said| fits(said, &line)), "{page} shows {line:?}, which is not in {said:#?}");
    }
}

/// A line whose figures and blanks stay the same from run to run.
fn steady(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut steady = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match index.checked_sub(1).and_then(|before| figure(words[before], word)) {
            Some(figure) => *steady.last_mut().unwrap() = figure,
            None => steady.push((*word).to_owned()),
        }
    }
    steady.join(" ")
}

/// What a figure and its unit are figures of, and what stands behind them.
fn figure(number: &str, unit: &str) -> Option<String> {
    let plain = unit.trim_end_matches([',', ':', ';']);
    let kind = match plain {
        "µs" | "ms" | "s" => "TIME",
        "bytes" | "KiB" | "MiB" => "SIZE",
        _ => return None,
    };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_number.then(|| kind.to_owned() + unit.trim_start_matches(plain))
}

fn fits(said: &str, shown: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = said.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.is_empty() || shown.ends_with('…')
}

#[test]
fn what_is_shown_is_compared_but_for_figures() {
    let said = "a line\nexample #1   ok  52 µs  deny: net1\ndigest  sha256:abc  281 KiB  ready\n";
    must_show(said, "example #1 ok 1.7 ms deny: net1\n\ndigest sha256:… 1.5 MiB  ready", "page");
    for other in ["example #2 ok 7 µs deny: net1", "example #1", "digest sha256:… 1.5 KiB", "… not ready"]
    {
        assert!(!said.lines().any(|line| fits(&steady(line), &steady(other))), "{other}");
    }
}

#[test]
fn the_readme_can_be_followed() {
    private(|| follow("README.md"));
}

#[test]
fn the_page_on_modules_can_be_followed() {
    private(|| follow("docs/modules.md"));
}

#[test]
fn the_page_on_delegates_can_be_followed() {
    private(|| follow("docs/delegates.md"));
}

#[test]
fn an_operator_gets_flannel_networks_by_its_page() {
    private(|| follow("plugins/flannel/README.md"));
}

/// Every link between pages leads somewhere.
#[test]
fn links_between_pages_lead_somewhere() {
    let pages = ["README.md", "CONTRIBUTING.md", "examples/README.md"].map(|page| repository().join(page));
    let docs = ["docs", "docs/decisions"].map(|folder| fs::read_dir(repository().join(folder)).unwrap());
    let docs = docs.into_iter().flatten().map(|entry| entry.unwrap().path());
    for page in
        pages.into_iter().chain(docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")))
    {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if link.contains("://") || file.is_empty() {
                continue;
            }
            let target = page.parent().unwrap().join(file);
            assert!(target.exists(), "{} links to {link}, which is not there", page.display());
        }
    }
}

/// A claim about security names the test that holds it: it is in that file.
#[test]
fn claims_about_security_name_tests_that_are_there() {
    let page = repository().join("docs/security.md");
    let text = fs::read_to_string(&page).unwrap();
    let links = text.split("[`").skip(1).filter_map(|rest| rest.split_once("`]("));
    let tests: Vec<(&str, &str)> =
        links.filter_map(|(name, rest)| Some((name, rest.split_once(')')?.0))).collect();
    assert!(tests.len() > 20, "{tests:?}");
    for (name, file) in tests {
        let source = fs::read_to_string(page.parent().unwrap().join(file)).unwrap();
        assert!(source.contains(&format!("fn {name}(")), "{file} has no test {name}");
    }
}

/// The components that stand for plugins of others, with their READMEs.
fn stand_ins() -> Vec<(String, String)> {
    let folders = fs::read_dir(repository().join("plugins")).unwrap().map(|entry| entry.unwrap());
    let read = |name: String| {
        let text = fs::read_to_string(repository().join("plugins").join(&name).join("README.md")).ok()?;
        text.contains("\n## Grants\n").then_some((name, text))
    };
    let names = folders.map(|folder| folder.file_name().to_string_lossy().into_owned());
    let mut found: Vec<_> = names.filter_map(read).collect();
    found.sort();
    found
}

/// The first cells of the rows of the table with this title.
fn first_cells<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    let rows =
        text.lines().skip_while(|line| *line != title).skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").next().unwrap().trim()).collect()
}

/// A row of docs/plugins.md: a README's keys, grants and differences in short.
fn in_short(name: &str, readme: &str) -> String {
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    let keys = first_cells(readme, "| key | |").join(", ");
    let section = readme.split("\n## Grants\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = section.split("```").nth(1).and_then(|block| block.strip_prefix("json")).unwrap_or_default();
    let entry: serde_json::Value = serde_json::from_str(&format!("{{{block}}}")).unwrap();
    let grants = entry[name]["grants"].as_object().cloned().unwrap_or_default();
    let grants: Vec<String> = grants.keys().map(|grant| format!("`{grant}`")).collect();
    let differences = first_cells(readme, "| | there | here |");
    // Said once for all of them.
    let differences: Vec<_> =
        differences.into_iter().filter(|cell| !cell.starts_with("a key in another case")).collect();
    let differences = differences.join("; ");
    assert!(!differences.is_empty(), "{name}: no differences, or in another table");
    let link = format!("[{name}](../plugins/{name}/README.md)");
    format!("| {link} | {} | {} | {differences} |", or_none(keys), or_none(grants.join(", ")))
}

/// With `MULTUS_BLESS=1` the table is written.
#[test]
fn the_page_of_components_says_in_short_what_their_readmes_say() {
    const TITLE: &str = "| component | keys | grants | what it does otherwise |\n|---|---|---|---|\n";
    let page = repository().join("docs/plugins.md");
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(TITLE).expect("the page has the table");
    let rows: usize = rest.lines().take_while(|line| line.starts_with('|')).map(|row| row.len() + 1).sum();
    let table: String = stand_ins().iter().map(|(name, readme)| in_short(name, readme) + "\n").collect();
    let expected = format!("{before}{TITLE}{table}{}", &rest[rows..]);
    if std::env::var_os("MULTUS_BLESS").is_some() {
        fs::write(&page, &expected).unwrap();
    }
    assert_eq!(fs::read_to_string(&page).unwrap(), expected, "run this test with MULTUS_BLESS=1");
}
