//! Where delegate binaries are found, and what they in turn may find.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use multus_cni::exec::find_plugin;
use multus_cni::{Code, Error};
use sha2::{Digest, Sha256};

use crate::conf::ExecRules;

/// The folders searched for one call, and the rules on what may run.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    dirs: Vec<PathBuf>,
    rules: ExecRules,
}

impl Search {
    /// `bin_dir` comes first, then the runtime's `CNI_PATH`, as upstream does.
    pub(crate) fn new(bin_dir: &Path, cni_path: &[PathBuf], rules: &ExecRules) -> Self {
        let mut dirs = vec![bin_dir.to_owned()];
        dirs.extend(cni_path.iter().filter(|dir| *dir != bin_dir).cloned());
        Self { dirs, rules: rules.clone() }
    }

    /// The binary that a delegate's `type` means.
    ///
    /// # Errors
    /// Code 7: not on `exec.allow`, or in none of the folders.
    pub(crate) fn find(&self, name: &str) -> Result<PathBuf, Error> {
        self.check_allowed(name)?;
        find_plugin(name, &self.dirs)
    }

    /// Refuses a binary that `exec.allow` does not list.
    pub(crate) fn check_allowed(&self, name: &str) -> Result<(), Error> {
        if self.rules.allows(name) {
            return Ok(());
        }
        let allowed = self.rules.allow.as_deref().unwrap_or_default().join(", ");
        let details = format!(
            "`exec.allow` of the multus conf lists: {}",
            if allowed.is_empty() { "nothing" } else { &allowed }
        );
        Err(Error::new(Code::InvalidConfig, format!("the binary `{name}` is not allowed to run"))
            .with_details(details))
    }

    /// The `CNI_PATH` that a delegate gets. Under `exec.allow` it is a folder of links to allowed
    /// binaries only, below `lock_dir`: an allowed binary must not reach another through its own
    /// delegation.
    ///
    /// # Errors
    /// Code 5 if that folder can't be made.
    pub(crate) fn delegate_path(&self, lock_dir: &Path) -> Result<Vec<PathBuf>, Error> {
        let Some((folder, found)) = self.allowed_folder(lock_dir) else { return Ok(self.dirs.clone()) };
        make_links(&folder, &found).map_err(|error| {
            Error::new(
                Code::Io,
                format!("can't make the folder of allowed binaries {}: {error}", folder.display()),
            )
        })?;
        Ok(vec![folder])
    }

    /// The same path, told without making the folder.
    pub(crate) fn planned_delegate_path(&self, lock_dir: &Path) -> Vec<PathBuf> {
        self.allowed_folder(lock_dir).map_or_else(|| self.dirs.clone(), |(folder, _)| vec![folder])
    }

    fn allowed_folder(&self, lock_dir: &Path) -> Option<(PathBuf, BTreeMap<&str, PathBuf>)> {
        let allowed = self.rules.allow.as_ref()?;
        let found: BTreeMap<&str, PathBuf> = allowed
            .iter()
            .filter_map(|name| Some((name.as_str(), find_plugin(name, &self.dirs).ok()?)))
            .collect();
        Some((lock_dir.join(format!("allowed-{}", fingerprint(&found))), found))
    }

    /// The folders themselves.
    pub(crate) fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }
}

fn fingerprint(found: &BTreeMap<&str, PathBuf>) -> String {
    let mut hash = Sha256::new();
    for (name, path) in found {
        hash.update(format!("{name}\0{}\0", path.display()));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Made under another name and renamed: another call sees the whole folder or none.
fn make_links(folder: &Path, found: &BTreeMap<&str, PathBuf>) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let draft = folder.with_extension(std::process::id().to_string());
    // Left by a process of the same id that was killed here.
    let _ = fs::remove_dir_all(&draft);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&draft)?;
    for (name, path) in found {
        symlink(path, draft.join(name))?;
    }
    match fs::rename(&draft, folder) {
        Err(_) if folder.is_dir() => fs::remove_dir_all(&draft),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    struct Node {
        dir: tempfile::TempDir,
    }

    impl Node {
        fn new(binaries: &[&str]) -> Self {
            let node = Self { dir: tempfile::tempdir().unwrap() };
            fs::create_dir(node.bin()).unwrap();
            binaries.iter().for_each(|name| node.install(name));
            node
        }

        fn bin(&self) -> PathBuf {
            self.dir.path().join("bin")
        }

        fn run(&self) -> PathBuf {
            self.dir.path().join("run")
        }

        fn install(&self, name: &str) {
            fs::write(self.bin().join(name), name).unwrap();
            fs::set_permissions(self.bin().join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn search(&self, allow: Option<&[&str]>) -> Search {
            let allow = allow.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            let rules = ExecRules { allow, timeout: Duration::from_secs(1) };
            Search::new(&self.bin(), &[self.bin(), "/nonexistent/cni".into()], &rules)
        }
    }

    /// What a delegate can reach by its `CNI_PATH`.
    fn reachable(folder: &Path) -> Vec<(String, String)> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let mut found: Vec<_> = entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        found.sort();
        found
    }

    #[test]
    fn without_a_list_every_binary_runs_and_reaches_the_others() {
        let node = Node::new(&["bridge"]);
        let search = node.search(None);
        assert_eq!(search.find("bridge").unwrap(), node.bin().join("bridge"));
        let dirs = vec![node.bin(), "/nonexistent/cni".into()];
        assert_eq!(search.delegate_path(&node.run()).unwrap(), dirs, "binDir once, and first");
        assert_eq!(search.planned_delegate_path(&node.run()), dirs);
        assert!(!node.run().exists());
    }

    #[test]
    fn only_what_is_allowed_runs() {
        let node = Node::new(&["bridge", "evil"]);
        let rows: &[(&[&str], &str, Result<(), &str>)] = &[
            (&["bridge"], "bridge", Ok(())),
            (&["bridge", "ptp"], "evil", Err("lists: bridge, ptp")),
            (&["bridge", "ptp"], "ptp", Err("searched")),
            (&["bridge"], "Bridge", Err("not allowed to run")),
            (&[], "bridge", Err("lists: nothing")),
        ];
        for (allow, name, expected) in rows {
            match (node.search(Some(allow)).find(name), expected) {
                (Ok(path), Ok(())) => assert_eq!(path, node.bin().join(name)),
                (Err(error), Err(words)) => {
                    assert!(error.is(Code::InvalidConfig) && error.to_string().contains(words), "{error}");
                }
                (found, _) => panic!("{allow:?} {name}: {found:?}"),
            }
        }
    }

    #[test]
    fn an_allowed_binary_reaches_only_allowed_ones() {
        let node = Node::new(&["bridge", "host-local", "evil"]);
        let search = node.search(Some(&["host-local", "bridge", "not-installed"]));
        let planned = search.planned_delegate_path(&node.run());
        assert!(!node.run().exists(), "a plan makes nothing");
        let path = search.delegate_path(&node.run()).unwrap();
        assert_eq!(path, planned);
        let same = |name: &str| (name.to_owned(), name.to_owned());
        assert_eq!(reachable(&path[0]), [same("bridge"), same("host-local")]);
        assert_eq!(fs::metadata(&path[0]).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(search.delegate_path(&node.run()).unwrap(), path, "made once");
        assert_eq!(fs::read_dir(node.run()).unwrap().count(), 1, "no draft is left");

        node.install("not-installed");
        let later = search.delegate_path(&node.run()).unwrap();
        assert_eq!(reachable(&later[0]).len(), 3, "what is installed later is reached later");
        let nothing = node.search(Some(&[])).delegate_path(&node.run()).unwrap();
        assert_eq!(reachable(&nothing[0]), []);
    }

    #[test]
    fn what_a_killed_call_left_is_no_obstacle() {
        let node = Node::new(&["bridge"]);
        let search = node.search(Some(&["bridge"]));
        let folder = search.planned_delegate_path(&node.run()).remove(0);
        let draft = folder.with_extension(std::process::id().to_string());
        fs::create_dir_all(&draft).unwrap();
        symlink("/elsewhere", draft.join("bridge")).unwrap();
        search.delegate_path(&node.run()).unwrap();
        assert_eq!(reachable(&folder), [("bridge".to_owned(), "bridge".to_owned())]);
        assert!(!draft.exists());
    }
}
