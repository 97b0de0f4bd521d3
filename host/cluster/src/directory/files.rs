//! The files of a folder of manifests, within limits.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use multus_document::{Position, Problem, SyntaxError, json, yaml};
use serde_json::Value;

use crate::source::SourceError;

/// A pod waits while these are read.
const MAX_FILES: usize = 1024;
const MAX_TOTAL_BYTES: usize = 16 << 20;

/// A document of a manifest file; turns pointers into places.
pub(super) enum Document {
    Yaml(yaml::Document),
    Json { value: Value, text: String },
}

impl Document {
    /// The document's value.
    pub(super) fn value(&self) -> &Value {
        match self {
            Self::Yaml(document) => &document.value,
            Self::Json { value, .. } => value,
        }
    }

    /// A problem with its line and column.
    pub(super) fn describe(&self, problem: &Problem) -> String {
        match self.locate(&problem.pointer) {
            Some(place) => format!("line {}, column {}: {problem}", place.line, place.column),
            None => problem.to_string(),
        }
    }

    fn locate(&self, pointer: &str) -> Option<Position> {
        match self {
            Self::Yaml(document) => document.locate(pointer),
            Self::Json { text, .. } => json::locate(text, pointer),
        }
    }
}

/// Every manifest file, in the order of their names, with its documents.
pub(super) fn read_all(directory: &Path) -> Result<Vec<(PathBuf, Vec<Document>)>, SourceError> {
    let mut total = 0;
    let mut files = Vec::new();
    for path in manifest_paths(directory)? {
        let text = read_text(&path)?;
        total += text.len();
        if total > MAX_TOTAL_BYTES {
            return Err(too_much(directory, "too many bytes of manifests", MAX_TOTAL_BYTES));
        }
        let documents =
            parse(&path, text).map_err(|error| SourceError::Syntax { path: path.clone(), error })?;
        files.push((path, documents));
    }
    Ok(files)
}

fn manifest_paths(directory: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let unreadable = |error| SourceError::Unreadable { path: directory.to_owned(), error };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let extension = path.extension().and_then(|extension| extension.to_str());
        if !hidden && matches!(extension, Some("yaml" | "yml" | "json")) {
            paths.push(path);
        }
    }
    if paths.len() > MAX_FILES {
        return Err(too_much(directory, "too many manifest files", MAX_FILES));
    }
    paths.sort();
    Ok(paths)
}

fn read_text(path: &Path) -> Result<String, SourceError> {
    let unreadable = |error| SourceError::Unreadable { path: path.to_owned(), error };
    // Links are followed, a mounted ConfigMap is made of them; a pipe would never end.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SourceError::NotAFile { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let limit = json::MAX_BYTES as u64 + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() > json::MAX_BYTES {
        return Err(too_much(path, "too many bytes", json::MAX_BYTES));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        let error = SyntaxError {
            position: None,
            message: format!("line {line} is not UTF-8"),
            advice: Some("save the file as UTF-8".to_owned()),
        };
        SourceError::Syntax { path: path.to_owned(), error }
    })
}

fn parse(path: &Path, text: String) -> Result<Vec<Document>, SyntaxError> {
    if path.extension().is_some_and(|extension| extension == "json") {
        let value = json::parse(text.as_bytes())?;
        return Ok(vec![Document::Json { value, text }]);
    }
    Ok(yaml::parse(&text)?.into_iter().map(Document::Yaml).collect())
}

fn too_much(path: &Path, what: &'static str, limit: usize) -> SourceError {
    SourceError::TooMuch { path: path.to_owned(), what, limit }
}
