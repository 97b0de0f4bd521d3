//! The section's blocks.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that people are in when they follow the README.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// Commands for whoever is the administrator of the cluster, or of a node.
    Commands(String),
    /// What the last command before it prints.
    Printed(String),
}

/// The blocks of the section "In a cluster", in their order. There is none that no test knows: those of `text` are what a
/// machine with virtual functions shows, and the tests of those hold them.
pub(crate) fn blocks() -> Vec<Block> {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, section) = readme.split_once("\n## In a cluster\n").expect("the README has the section");
    let section = section.split("\n## ").next().unwrap();
    // Between fences, every second piece is a block.
    section.split("\n```").skip(1).step_by(2).filter(|text| !text.starts_with("text\n")).map(block).collect()
}

fn block(text: &str) -> Block {
    let (kind, text) = text.split_once('\n').unwrap();
    match kind {
        "sh admin" | "sh node" => Block::Commands(text.to_owned()),
        "json" => Block::Printed(text.to_owned()),
        other => panic!("nobody runs the README's block {other:?}"),
    }
}
