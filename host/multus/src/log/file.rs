//! A file that many short-lived processes append to, put aside when it has grown.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use multus_attach::conf::LogConf;

/// The file, open for appending.
pub(super) struct LogFile {
    file: File,
}

impl LogFile {
    /// Opens the file and its folder; one that has grown past the limit is put aside first.
    pub(super) fn open(path: &Path, conf: &LogConf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append_to(path)?;
        if file.metadata()?.len() < conf.max_size || !put_aside(&file, path)? {
            return Ok(Self { file });
        }
        prune(path, conf)?;
        Ok(Self { file: append_to(path)? })
    }

    /// Appends one line, whole: others write at the same time.
    pub(super) fn append(&self, line: &str) -> io::Result<()> {
        (&self.file).write_all(format!("{line}\n").as_bytes())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    // What delegates are configured with may be secret.
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Renames the file to one with the time in its name. Says `false` if another process is doing it or has just
/// done it: the one that is open is as good to write to, then.
fn put_aside(file: &File, path: &Path) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(false),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let (ours, now) = (file.metadata()?, fs::metadata(path)?);
    if (ours.dev(), ours.ino()) != (now.dev(), now.ino()) {
        return Ok(false);
    }
    let time = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S%.3f");
    let (stem, ending) = parts(path);
    fs::rename(path, path.with_file_name(format!("{stem}-{time}{ending}")))?;
    Ok(true)
}

/// `multus` and `.log` of `/var/log/multus.log`.
fn parts(path: &Path) -> (String, String) {
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map(|_| format!(".{}", text(path.extension()))).unwrap_or_default();
    (text(path.file_stem()), ending)
}

/// Removes what was put aside too long ago, or beyond the number that is kept.
fn prune(path: &Path, conf: &LogConf) -> io::Result<()> {
    let oldest = conf.max_age.and_then(|age| SystemTime::now().checked_sub(age));
    for (index, file) in put_aside_before(path)?.into_iter().rev().enumerate() {
        let written = fs::metadata(&file).and_then(|data| data.modified());
        let too_old = written.is_ok_and(|written| oldest.is_some_and(|oldest| written < oldest));
        if too_old || conf.max_backups.is_some_and(|kept| index >= kept) {
            // Another process may have been faster.
            let _ = fs::remove_file(file);
        }
    }
    Ok(())
}

/// The files that were put aside, oldest first: their names sort by time.
fn put_aside_before(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (stem, ending) = parts(path);
    let folder = path.parent().unwrap_or(path);
    let is_ours = |name: &str| {
        let time = name.strip_prefix(&format!("{stem}-")).and_then(|rest| rest.strip_suffix(&ending));
        time.is_some_and(|time| {
            time.starts_with(|first: char| first.is_ascii_digit()) && time.as_bytes().get(10) == Some(&b'T')
        })
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_ours))
        .collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn conf(max_backups: Option<usize>) -> LogConf {
        LogConf { max_size: 10, max_backups, max_age: None, ..LogConf::default() }
    }

    #[test]
    fn a_file_that_has_grown_is_put_aside_and_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/multus.log");
        let write = |line: &str| LogFile::open(&path, &conf(Some(2))).unwrap().append(line).unwrap();
        write("short");
        assert_eq!(names(path.parent().unwrap()), ["multus.log"]);
        for line in ["a line that is long", "another long line", "a third line", "the fourth line", "last"] {
            write(line);
            // Names have milliseconds.
            std::thread::sleep(Duration::from_millis(2));
        }
        let names = names(path.parent().unwrap());
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(names[2], "multus.log");
        assert_eq!(fs::read_to_string(&path).unwrap(), "last\n");
        let newest = fs::read_to_string(path.with_file_name(&names[1])).unwrap();
        assert_eq!(newest, "the fourth line\n");
    }

    #[test]
    fn what_is_too_old_is_removed_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("multus.log");
        let others = ["multus-notes.log", "multus-2024-01-02.txt", "other-2024-01-02T03-04-05.678.log"];
        for name in others.into_iter().chain(["multus-2024-01-02T03-04-05.678.log", "multus.log"]) {
            fs::write(folder.path().join(name), "more than ten bytes").unwrap();
        }
        let long_ago = SystemTime::now() - Duration::from_secs(1000);
        let old = File::options().append(true).open(folder.path().join("multus-2024-01-02T03-04-05.678.log"));
        old.unwrap().set_modified(long_ago).unwrap();
        let conf = LogConf { max_age: Some(Duration::from_secs(100)), ..conf(None) };
        LogFile::open(&path, &conf).unwrap();
        let names = names(folder.path());
        assert_eq!(names.len(), others.len() + 2, "{names:?}");
        assert!(others.iter().all(|name| names.contains(&(*name).to_owned())), "{names:?}");
        assert!(!names.contains(&"multus-2024-01-02T03-04-05.678.log".to_owned()), "{names:?}");
    }

    #[test]
    fn while_another_process_puts_it_aside_lines_still_go_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("multus.log");
        fs::write(&path, "more than ten bytes\n").unwrap();
        let other = File::open(&path).unwrap();
        other.lock().unwrap();
        LogFile::open(&path, &conf(None)).unwrap().append("line").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "more than ten bytes\nline\n");
    }
}
