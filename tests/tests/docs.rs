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

/// The blocks of a page that are marked as commands to run.
fn blocks(page: &str) -> Vec<String> {
    let parts = page.split("\n```sh run\n").skip(1);
    parts.map(|part| part.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

/// Runs a page's blocks one after the other in a folder that looks like the repository after a build.
fn follow(page: &str) {
    let text = fs::read_to_string(repository().join(page)).unwrap();
    let blocks = blocks(&text);
    assert!(!blocks.is_empty(), "{page} has no block to run");
    let below = binaries::target_folder().join("tmp");
    fs::create_dir_all(&below).unwrap();
    let folder = tempfile::tempdir_in(&below).unwrap();
    symlink(repository().join("examples"), folder.path().join("examples")).unwrap();
    fs::create_dir(folder.path().join("target")).unwrap();
    symlink(binaries::components(), folder.path().join("target/components")).unwrap();
    let tools = binaries::multusctl().parent().unwrap().display().to_string();
    let path = format!("{tools}:{}", std::env::var("PATH").unwrap());
    fs::create_dir_all("/run/demo").unwrap();
    for block in blocks {
        let output = Command::new("sh")
            .args(["-e", "-c", &block])
            .current_dir(folder.path())
            .env("PATH", &path)
            // An author's crate is built from what this workspace was: no registry can be asked from in here.
            .env("CARGO_NET_OFFLINE", "true")
            // The same folder as that of multusctl's own tests: what crates depend on is compiled once.
            .env("CARGO_TARGET_DIR", below.join("modules"))
            // Where the examples' `binDir` has none, as on a machine whose plugins were fetched.
            .env("CNI_PATH", binaries::reference_plugins().unwrap_or_default())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "{page}: {block}\n{}\n{}", said[0], said[1]);
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
