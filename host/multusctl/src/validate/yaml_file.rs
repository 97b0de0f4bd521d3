//! A YAML file: manifests.

use multus_cluster::validate;
use multus_document::Position;
use multus_document::yaml::{self, Document};

use super::block;
use super::finding::Finding;
use super::manifest::{self, Locate};

/// Every problem of a YAML file.
pub(super) fn check(file: &str, text: &str) -> Vec<Finding> {
    let documents = match yaml::parse(text) {
        Ok(documents) => documents,
        Err(error) => return vec![Finding::syntax(file, error)],
    };
    if documents.is_empty() {
        return vec![Finding::whole_file(file, "there is no document in this file".to_owned())];
    }
    let check = |document: &Document| {
        let places = Places { text, document };
        manifest::findings(file, &document.value, validate::manifest(document), &places)
    };
    documents.iter().flat_map(check).collect()
}

/// Places in a document of YAML text.
struct Places<'a> {
    text: &'a str,
    document: &'a Document,
}

impl Locate for Places<'_> {
    fn value(&self, pointer: &str) -> Option<Position> {
        self.document.locate(pointer)
    }

    fn inside(&self, pointer: &str, value: &str, inner: Position) -> Option<Position> {
        block::locate(self.text, self.document.locate(pointer)?, value, inner)
    }
}
