//! Where the cluster's objects come from.

use multus_cluster::{ApiAccess, ApiServer, ManifestDirectory, Source, SourceError};
use multus_cni::{Code, Error};

use crate::call::Call;

/// Opens the source that the conf names; where it names none and this process runs in a pod, the API server
/// of its cluster. `None` where there is no cluster.
///
/// # Errors
/// Code 11: the source can't be reached now.
pub(crate) fn open(call: &Call<'_>) -> Result<Option<Box<dyn Source>>, Error> {
    let cluster = &call.conf.cluster;
    if let Some(directory) = &cluster.manifests {
        let source = ManifestDirectory::open(directory).map_err(source_error)?;
        return Ok(Some(Box::new(source)));
    }
    if cluster.kubeconfig.is_none() && !ApiServer::in_cluster_available(|name| std::env::var_os(name)) {
        return Ok(None);
    }
    let access = ApiAccess {
        kubeconfig: cluster.kubeconfig.clone(),
        deadline: call.deadlines.forward,
        patience: cluster.api.deadline,
        request_timeout: cluster.api.timeout,
    };
    let server = ApiServer::connect(&access).map_err(|error| source_error(error.into()))?;
    Ok(Some(Box::new(server)))
}

/// Whatever keeps a source from answering may be over soon.
pub(crate) fn source_error(error: SourceError) -> Error {
    Error::new(Code::TryAgainLater, error.to_string())
}
