//! The pod that a call is for.

use multus_cluster::{Pod, Source};
use multus_cni::{Code, Error};
use multus_journal::PodKey;

use super::source_error;
use crate::call::Call;

/// The pod as the source knows it; without a source, as the runtime names it.
///
/// # Errors
/// Code 4: the runtime names no pod. Code 11: the pod is gone, or another one has its name now.
pub(super) fn find(call: &Call<'_>, source: Option<&dyn Source>) -> Result<Option<Pod>, Error> {
    let key = call.pod_key();
    match source {
        None => Ok(key.as_ref().map(as_the_runtime_names_it)),
        Some(source) => in_source(source, key.as_ref()).map(Some),
    }
}

fn as_the_runtime_names_it(key: &PodKey) -> Pod {
    Pod {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        uid: key.uid.clone().unwrap_or_default(),
        ..Pod::default()
    }
}

fn in_source(source: &dyn Source, key: Option<&PodKey>) -> Result<Pod, Error> {
    let Some(key) = key else {
        let message =
            "CNI_ARGS names no pod (K8S_POD_NAMESPACE, K8S_POD_NAME), so its networks can't be looked up";
        return Err(Error::new(Code::InvalidEnvironment, message).with_details(
            "take `manifests` or `kubeconfig` out of the multus conf if this container is not a pod",
        ));
    };
    let pod = source.pod(&key.namespace, &key.name).map_err(source_error)?.ok_or_else(|| gone(source))?;
    match key.uid.as_ref().filter(|asked| is_another(&pod, asked)) {
        Some(asked) => Err(replaced(source, asked, &pod.uid)),
        None => Ok(pod),
    }
}

/// A static pod has another UID at the API server than at its kubelet.
fn is_another(pod: &Pod, uid: &str) -> bool {
    !pod.uid.is_empty() && uid != pod.uid && !pod.static_pod
}

fn gone(source: &dyn Source) -> Error {
    Error::new(Code::TryAgainLater, format!("the pod is not known to {}", source.place()))
        .with_details("it may have been deleted; its networks can't be looked up without it")
}

fn replaced(source: &dyn Source, asked: &str, found: &str) -> Error {
    let message = format!(
        "the runtime starts the pod with UID {asked}, the one known to {} has UID {found}",
        source.place()
    );
    Error::new(Code::TryAgainLater, message)
        .with_details("the pod was replaced by a newer one of the same name")
}
