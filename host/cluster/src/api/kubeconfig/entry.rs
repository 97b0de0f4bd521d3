//! Kubeconfigs are lists of named entries, and what is left empty in them is not given.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use multus_document::{Pointer, Problem};
use serde_json::Value;

use super::super::file;
use crate::fields::Fields;

/// A member that is a string. Tools that write kubeconfigs leave empty strings where there is nothing.
pub(super) fn given<'v>(fields: &mut Fields<'v, '_>, key: &str) -> Option<&'v str> {
    match fields.value(key) {
        Some(Value::String(text)) if text.is_empty() => None,
        _ => fields.text(key),
    }
}

/// A member that is true or false; false where it is not given.
pub(super) fn switch(fields: &mut Fields<'_, '_>, key: &str) -> bool {
    match fields.value(key) {
        None => false,
        Some(Value::Bool(on)) => *on,
        Some(_) => {
            fields.refuse(key, "expected true or false", "write one of them, without quotes");
            false
        }
    }
}

/// The entry `name` of one of the file's lists: its member `member`.
pub(super) fn named<'v, 'p>(
    document: &'v Value,
    list: &str,
    member: &str,
    name: &str,
    problems: &'p mut Vec<Problem>,
) -> Option<Fields<'v, 'p>> {
    let at = Pointer::root().key(list);
    let entries = document.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let name_of = |entry: &'v Value| entry.get("name").and_then(Value::as_str);
    let Some(index) = entries.iter().position(|entry| name_of(entry) == Some(name)) else {
        let names: Vec<&str> = entries.iter().filter_map(name_of).collect();
        let message = format!("there is no `{name}` in `{list}`");
        let advice =
            if names.is_empty() { "it is empty".to_owned() } else { format!("it has {}", names.join(", ")) };
        problems.push(Problem::new(at, message).advise(advice));
        return None;
    };
    let at = at.key(index).key(member);
    match entries.get(index).and_then(|entry| entry.get(member)).filter(|value| !value.is_null()) {
        Some(value) => Fields::of(value, at, problems),
        None => {
            problems.push(Problem::new(at, format!("`{member}` of `{name}` is missing")));
            None
        }
    }
}

/// A path, which is relative to the kubeconfig's folder.
pub(super) fn path(folder: &Path, text: &str) -> PathBuf {
    folder.join(text)
}

/// Bytes that are given in the file (`<key>-data`, base64) or as the path of another one (`<key>`).
/// If both are there the first counts, as it does to every Kubernetes client.
pub(super) fn bytes(fields: &mut Fields<'_, '_>, key: &str, folder: &Path) -> Option<Bytes> {
    let inline = format!("{key}-data");
    if let Some(text) = given(fields, &inline) {
        return match STANDARD.decode(text.split_whitespace().collect::<String>()) {
            Ok(content) => Some(Bytes { content, key: inline, path: None }),
            Err(error) => {
                fields.refuse(&inline, &format!("not base64: {error}"), "encode the PEM text");
                None
            }
        };
    }
    let path = path(folder, given(fields, key)?);
    match file::read(&path) {
        Ok(content) => Some(Bytes { content, key: key.to_owned(), path: Some(path) }),
        Err(error) => {
            let message = format!("can't read {}: {error}", path.display());
            fields.refuse(key, &message, "check that it exists and who may read it");
            None
        }
    }
}

/// Bytes and where they were found.
pub(super) struct Bytes {
    pub(super) content: Vec<u8>,
    key: String,
    path: Option<PathBuf>,
}

impl Bytes {
    /// Says at the field what is wrong with the content, naming its file.
    pub(super) fn refuse(&self, fields: &mut Fields<'_, '_>, problem: &str) {
        let file = self.path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default();
        fields.add(Problem::new(fields.place(&self.key), format!("{file}{problem}")));
    }
}
