//! Marks of the bridges that we made in this boot, and of the node's own ends in their VLANs, on tmpfs: GC drops those that
//! nobody uses any more.
//!
//! `<lockDir>/ensured/<name>` holds index and hardware address, so that a link that somebody else made anew under
//! the name is not taken for ours.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use multus_document::file;
use multus_net::{Link, NewLink, Space};

const LONGEST: u64 = 64;

fn folder(lock_dir: &Path) -> PathBuf {
    lock_dir.join("ensured")
}

fn text(index: u32, mac: &str) -> String {
    format!("{index} {mac}")
}

/// Writes down that a link is going to be made. Its name was checked.
///
/// # Errors
/// The folder can't be made or written.
pub(super) fn mark(lock_dir: &Path, link: &NewLink) -> io::Result<()> {
    let folder = folder(lock_dir);
    fs::create_dir_all(&folder)?;
    let draft = folder.join(format!(".{}.new", link.name));
    let content = text(link.index, &link.mac.to_string());
    file::replace(&folder.join(&link.name), &draft, |draft| fs::write(draft, &content))
}

/// Whether there is any mark.
pub(super) fn any(lock_dir: &Path) -> bool {
    fs::read_dir(folder(lock_dir)).is_ok_and(|mut marks| marks.next().is_some())
}

/// What we made and what is still there: `links` are those of the node. Marks of what is gone are removed.
pub(super) fn made<'a>(lock_dir: &Path, links: &'a [Link]) -> Vec<&'a Link> {
    let marks = fs::read_dir(folder(lock_dir)).into_iter().flatten().flatten();
    let mut made = Vec::new();
    for mark in marks.map(|entry| entry.path()) {
        match links.iter().find(|link| is_ours(&mark, link)) {
            None => drop(file::remove(&mark)),
            Some(link) => made.push(link),
        }
    }
    made
}

/// Whether nobody is plugged in to a bridge: the other ends of the node's own ends, by index, are nobody.
pub(super) fn is_unused(bridge: u32, links: &[Link], other_ends: &[u32]) -> bool {
    !links.iter().any(|port| port.master == Some(bridge) && !other_ends.contains(&port.index))
}

/// Removes the mark of what was dropped.
pub(super) fn forget(lock_dir: &Path, name: &str) {
    // One that stays names an index that nobody has any more.
    let _ = file::remove(&folder(lock_dir).join(name));
}

fn is_ours(mark: &Path, link: &Link) -> bool {
    let of_name = mark.file_name().is_some_and(|name| name == link.name.as_str());
    of_name && file::read(mark, LONGEST).is_ok_and(|found| found == text(link.index, &link.mac).as_bytes())
}

/// What a link of ours was made as, for its undoing.
pub(super) fn as_made(link: &Link) -> Option<NewLink> {
    let mac = link.mac.parse().ok()?;
    Some(NewLink { space: Space::Host, index: link.index, name: link.name.clone(), mac })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, index: u32, master: Option<u32>) -> Link {
        let mac = "02:00:00:00:00:01".to_owned();
        Link { index, name: name.to_owned(), mac, kind: "bridge".to_owned(), master, ..Link::default() }
    }

    #[test]
    fn only_what_is_ours_is_dropped_and_only_without_a_pods_port() {
        let dir = tempfile::tempdir().unwrap();
        for (name, index) in [("free", 10), ("used", 11), ("gone", 12), ("anew", 13)] {
            mark(dir.path(), &as_made(&link(name, index, None)).unwrap()).unwrap();
        }
        let links = [
            link("free", 10, None),
            link("used", 11, None),
            link("port", 20, Some(11)),
            link("other-end", 21, Some(10)),
            link("anew", 99, None),
            link("theirs", 14, None),
        ];
        let mut names: Vec<_> = made(dir.path(), &links).iter().map(|link| link.name.clone()).collect();
        names.sort();
        assert_eq!(names, ["free", "used"]);
        assert!(is_unused(10, &links, &[21]) && !is_unused(10, &links, &[]) && !is_unused(11, &links, &[21]));
        forget(dir.path(), "free");
        assert_eq!(fs::read_dir(folder(dir.path())).unwrap().count(), 1, "of `used`; stale marks are gone");
    }
}
