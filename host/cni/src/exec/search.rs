//! Finding the binary that a `type` means.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::{Code, Error};
use crate::names;

/// The first executable of this name in the folders, in their order.
///
/// # Errors
/// Code 7: a name that is not a file's name, or one that none of the folders has; they are listed.
pub fn find_plugin(name: &str, dirs: &[PathBuf]) -> Result<PathBuf, Error> {
    if let Some(fault) = names::type_fault(name) {
        let message = format!("the type `{}` {fault}", name.escape_debug());
        return Err(Error::new(Code::InvalidConfig, message)
            .with_details("a `type` is a file's name without its folder"));
    }
    let found = dirs.iter().map(|dir| dir.join(name)).find(|path| is_executable(path));
    found.ok_or_else(|| {
        Error::new(Code::InvalidConfig, format!("there is no plugin binary `{name}`"))
            .with_details(format!("{}; install it there or correct `type`", searched(name, dirs)))
    })
}

fn searched(name: &str, dirs: &[PathBuf]) -> String {
    if dirs.is_empty() {
        return "there is no folder to search: CNI_PATH is empty".to_owned();
    }
    let each = dirs.iter().map(|dir| match dir.join(name).exists() {
        true => format!("{} (not an executable file there)", dir.display()),
        false => dir.display().to_string(),
    });
    format!("searched {}", each.collect::<Vec<_>>().join(", "))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_executable_of_the_name_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let dirs = ["a", "b", "c"].map(|name| dir.path().join(name));
        for (dir, mode) in dirs.iter().zip([0o644, 0o755, 0o755]) {
            std::fs::create_dir(dir).unwrap();
            std::fs::write(dir.join("bridge"), "").unwrap();
            std::fs::set_permissions(dir.join("bridge"), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        std::fs::create_dir(dirs[0].join("ptp")).unwrap();
        assert_eq!(find_plugin("bridge", &dirs).unwrap(), dirs[1].join("bridge"));
        let error = find_plugin("ptp", &dirs).unwrap_err();
        let [a, b, c] = dirs.each_ref().map(|dir| dir.display());
        let details = format!(
            "searched {a} (not an executable file there), {b}, {c}; install it there or correct `type`"
        );
        assert_eq!((error.code, error.details), (7, details));
        assert!(find_plugin("ptp", &[]).unwrap_err().details.contains("CNI_PATH is empty"));
        for name in ["", "..", "../bridge", "/bin/sh", "a\0b"] {
            assert_eq!(find_plugin(name, &dirs).unwrap_err().code, 7, "{name:?}");
        }
    }
}
