//! Changes a module's entry in the catalog.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use multus_document::json;
use multus_wasm::Catalog;
use serde_json::{Map, Value};

use crate::text_file;

/// Writes `changes` over the members of a module's entry; objects such as `limits` keep their other members.
/// The catalog is replaced whole, under the lock that installing holds.
///
/// # Errors
/// A catalog that has no such module or would not be valid; nothing has changed then.
pub(super) fn change_entry(catalog: &Path, name: &str, changes: &Map<String, Value>) -> anyhow::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let folder = catalog.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let lock = File::open(folder).with_context(|| format!("can't open {}", folder.display()))?;
    lock.lock().with_context(|| format!("can't lock {}", folder.display()))?;
    let text = text_file::read(catalog)?;
    let changed = changed(json::parse(&text)?, name, changes)?;
    replace(catalog, &changed).with_context(|| format!("can't write {}", catalog.display()))
}

fn changed(mut catalog: Value, name: &str, changes: &Map<String, Value>) -> anyhow::Result<Value> {
    let modules = catalog.get_mut("modules").and_then(Value::as_object_mut);
    let entry = modules.and_then(|modules| modules.get_mut(name)).and_then(Value::as_object_mut);
    let entry = entry.ok_or_else(|| anyhow!("the catalog has no module {name}"))?;
    for (key, value) in changes {
        match (entry.get_mut(key).and_then(Value::as_object_mut), value) {
            (Some(members), Value::Object(more)) if key == "limits" => members.extend(more.clone()),
            _ => drop(entry.insert(key.clone(), value.clone())),
        }
    }
    if let Err(problems) = Catalog::from_value(&catalog) {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        bail!("the catalog would not be valid: {}", lines.join("; "));
    }
    Ok(catalog)
}

/// A reader sees the old catalog or the new one; nobody but the owner may write it, or it is not trusted.
fn replace(path: &Path, catalog: &Value) -> io::Result<()> {
    let draft = path.with_added_extension(format!("{}.tmp", std::process::id()));
    let text = serde_json::to_string_pretty(catalog)? + "\n";
    let written = write_new(&draft, &text).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // What is left of the attempt is only in the way.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn catalog() -> Value {
        let digest = multus_wasm::Digest::of(b"1").to_string();
        let guard =
            json!({"role": "policy", "digest": digest, "limits": {"memory": "8Mi"}, "settings": {"a": 1}});
        json!({"modules": {"guard": guard}, "policies": ["guard"]})
    }

    #[test]
    fn changes_go_over_the_entry_and_leave_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.json");
        fs::write(&path, catalog().to_string()).unwrap();
        let changes = json!({"mode": "monitor", "limits": {"timeout": "1s"}, "settings": {"b": 2}});
        change_entry(&path, "guard", changes.as_object().unwrap()).unwrap();
        let found: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let entry = &found["modules"]["guard"];
        assert_eq!(entry["limits"], json!({"memory": "8Mi", "timeout": "1s"}));
        assert_eq!((&entry["mode"], &entry["settings"]), (&json!("monitor"), &json!({"b": 2})));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_change_that_is_not_valid_is_refused() {
        let rows = [("other", json!({"mode": "monitor"})), ("guard", json!({"mayChange": ["/mtu"]}))];
        for (name, changes) in rows {
            assert!(changed(catalog(), name, changes.as_object().unwrap()).is_err(), "{name}");
        }
    }
}
