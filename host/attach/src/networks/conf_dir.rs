//! `confDir`: network confs on the node's disk, found by their `name` (NP-03, NP-06).

use std::path::Path;

use multus_cni::{Code, Error};

use super::file::{ConfFile, list};

/// Lists are looked through before single confs.
const LISTS: &[&str] = &["conflist", "configlist"];
const SINGLE: &[&str] = &["conf", "config", "json"];

/// The file whose JSON `name` this is. A file that can't be read is passed over, and named if none fits.
///
/// # Errors
/// Code 7: no file has that name, or the folder can't be read.
pub(super) fn find(folder: &Path, name: &str) -> Result<ConfFile, Error> {
    let mut passed_over = Vec::new();
    for extensions in [LISTS, SINGLE] {
        let paths = list(folder, extensions);
        for path in paths.map_err(|error| Error { code: Code::InvalidConfig as u32, ..error })? {
            match ConfFile::read(&path) {
                Ok(file) if file.object.read::<String>("name").as_deref() == Some(name) => return Ok(file),
                Ok(_) => {}
                Err(error) => passed_over.push(error.to_string()),
            }
        }
    }
    let mut message = format!("no configuration in {} has the name `{name}`", folder.display());
    if !passed_over.is_empty() {
        message = format!("{message}, but not all could be read: {}", passed_over.join("; "));
    }
    let details = format!("put a .conflist or .conf file with `\"name\": \"{name}\"` there");
    Err(Error::new(Code::InvalidConfig, message).with_details(details))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn np_06_lists_come_before_single_confs_and_broken_files_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("00-broken.conflist", "{"),
            ("01-red.conf", r#"{"name":"red","type":"a"}"#),
            ("50-red.conflist", r#"{"name":"red","plugins":[{"type":"b"}]}"#),
            ("60-red.conflist", r#"{"name":"red","plugins":[{"type":"c"}]}"#),
            ("70-blue.config", r#"{"name":"blue","type":"d"}"#),
            ("80-green.json", r#"{"name":"green","type":"e"}"#),
            ("notes.txt", r#"{"name":"notes","type":"f"}"#),
        ];
        for (file, text) in files {
            fs::write(folder.path().join(file), text).unwrap();
        }
        let rows = [
            ("red", Ok("50-red.conflist")),
            ("blue", Ok("70-blue.config")),
            ("green", Ok("80-green.json")),
            ("notes", Err("00-broken.conflist")),
            ("absent", Err("has the name `absent`")),
        ];
        for (name, expected) in rows {
            match (find(folder.path(), name), expected) {
                (Ok(file), Ok(path)) => assert_eq!(file.path, folder.path().join(path), "{name}"),
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = find(Path::new("/nonexistent/net.d"), "red").unwrap_err();
        assert!(error.is(Code::InvalidConfig) && error.msg.contains("/nonexistent/net.d"), "{error}");
    }
}
