//! The network-status of pods, beside their manifests.

use std::fs;
use std::path::{Path, PathBuf};

use multus_document::file;

use crate::name;
use crate::source::SourceError;

/// Where a pod's network-status is written below a folder of manifests.
///
/// # Errors
/// A namespace or name that is not one: it could lead out of the folder.
pub fn status_path(directory: &Path, namespace: &str, pod: &str) -> Result<PathBuf, SourceError> {
    if !name::is_label(namespace) || !name::is_subdomain(pod) {
        return Err(SourceError::PodName { namespace: namespace.to_owned(), name: pod.to_owned() });
    }
    Ok(directory.join("network-status").join(namespace).join(format!("{pod}.json")))
}

/// Writes the file whole or not at all. Without a sync: after a power cut the pod is gone too.
pub(super) fn write(path: &Path, status: &str) -> Result<(), SourceError> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let written = folder.and_then(|()| file::replace(path, &draft(path), |draft| fs::write(draft, status)));
    written.map_err(|error| SourceError::Status { what: "write", path: path.to_owned(), error })
}

/// Calls for one pod never write at the same time.
fn draft(path: &Path) -> PathBuf {
    path.with_extension("json.new")
}

/// Removes the file if it is there, and a draft that a killed call left.
pub(super) fn remove(path: &Path) -> Result<(), SourceError> {
    for path in [draft(path), path.to_owned()] {
        file::remove(&path).map_err(|error| SourceError::Status { what: "remove", path, error })?;
    }
    Ok(())
}
