//! The state that this delegate keeps: a file per attachment, which says whose it is and for which namespace.
//! None of the names in it may hold a comma or a slash.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::{Failure, Valid, plugin, variable};

/// Where an attachment's lease may be. The second place is for a later plugin of the same list.
fn places(folder: &Path, network: &str) -> [PathBuf; 2] {
    let [container, interface] = ["CNI_CONTAINERID", "CNI_IFNAME"].map(variable);
    let name = format!("{network},{container},{interface}");
    [folder.join(&name), folder.join(format!("{name},{}", plugin()))]
}

/// A lease says which plugin took it; one that a test wrote may say nothing.
fn is_ours(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().next().is_none_or(|line| line == plugin()))
}

/// Takes the lease. That it is taken already is an error: somebody forgot a DEL.
pub(crate) fn take(folder: &Path, network: &str) -> Result<(), Failure> {
    for path in places(folder, network) {
        match create(folder, &path) {
            Ok(mut file) => {
                let text = format!("{}\n{}", plugin(), variable("CNI_NETNS"));
                return file.write_all(text.as_bytes()).map_err(|error| io(&path, &error));
            }
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(io(&path, &error)),
            Err(_) if is_ours(&path) => {
                return Err(Failure::new(100, format!("{} is leased already", path.display())));
            }
            Err(_) => {}
        }
    }
    Err(Failure::new(100, "leased already, by others"))
}

/// The folder may go with another's last lease at any moment.
fn create(folder: &Path, path: &Path) -> std::io::Result<fs::File> {
    for _ in 0..100 {
        fs::create_dir_all(folder)?;
        match fs::File::create_new(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            made => return made,
        }
    }
    // A name with a slash in it is not found either.
    fs::File::create_new(path)
}

/// Gives it back, if there is one; the folder goes with its last lease.
pub(crate) fn give_back(folder: &Path, network: &str) -> Result<(), Failure> {
    let held = places(folder, network).into_iter().filter(|path| is_ours(path));
    held.into_iter().try_for_each(|path| remove(&path))?;
    // Not empty, or gone already: another attachment's affair.
    let _ = fs::remove_dir(folder);
    Ok(())
}

pub(crate) fn is_held(folder: &Path, network: &str) -> bool {
    places(folder, network).iter().any(|path| is_ours(path))
}

/// Gives back every lease of the network that belongs to none of these attachments.
pub(crate) fn keep_only(folder: &Path, network: &str, valid: &[Valid]) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut words = name.split(',');
        let [of, container, interface] = std::array::from_fn(|_| words.next().unwrap_or_default());
        let spared = valid.iter().any(|valid| valid.container_id == container && valid.ifname == interface);
        if of == network && !spared && is_ours(&entry.path()) {
            remove(&entry.path())?;
        }
    }
    let _ = fs::remove_dir(folder);
    Ok(())
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io(path, &error)),
        _ => Ok(()),
    }
}

fn io(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(5, format!("{}: {error}", path.display()))
}
