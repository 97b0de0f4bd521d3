//! The kubelet's pod-resources service, version 1, as a client: gRPC over a unix socket.

mod call;
mod grpc;
mod messages;

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::time::{sleep, timeout_at};

pub use call::CallError;
use call::Code;
use grpc::Channel;
use messages::{GetRequest, GetResponse, ListRequest, ListResponse, PodResources};

use super::Device;
use crate::object::PodRef;

/// The kubelet serves some hundred calls a second and turns the others away.
const PAUSE: Duration = Duration::from_millis(50);

/// The devices of a pod, container by container; none for a pod that the kubelet does not know.
///
/// # Errors
/// Nobody listens at the socket, or what does gives no answer before `deadline`.
pub(super) fn ask(socket: &Path, pod: &PodRef, deadline: Instant) -> Result<Vec<Device>, CallError> {
    let started = Instant::now();
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(CallError::Connection)?;
    let answer = runtime.block_on(async { timeout_at(deadline.into(), find(socket, pod)).await });
    let found = answer.unwrap_or_else(|_| Err(CallError::Silent { after: started.elapsed() }))?;
    Ok(found.map(PodResources::devices).unwrap_or_default())
}

/// Asks for this pod alone. Kubelets before 1.34 don't do that unless they are told to, and say so in words
/// only, so whatever `Get` refuses is looked up in the list of all pods.
async fn find(socket: &Path, pod: &PodRef) -> Result<Option<PodResources>, CallError> {
    let channel = connect(socket).await?;
    let question = GetRequest { pod_name: pod.name.clone(), pod_namespace: pod.namespace.clone() };
    let asked = |found: &PodResources| found.name == pod.name && found.namespace == pod.namespace;
    match unary::<_, GetResponse>(&channel, "Get", &question).await {
        Ok(answer) => Ok(answer.pod_resources.filter(asked)),
        Err(CallError::Refused { .. }) => {
            let answer: ListResponse = unary(&channel, "List", &ListRequest {}).await?;
            Ok(answer.pod_resources.into_iter().find(asked))
        }
        Err(error) => Err(error),
    }
}

async fn connect(socket: &Path) -> Result<Channel, CallError> {
    loop {
        match Channel::connect(socket).await {
            Err(CallError::Busy) => sleep(PAUSE).await,
            other => return other,
        }
    }
}

async fn unary<Q: prost::Message, A: prost::Message + Default>(
    channel: &Channel,
    method: &str,
    question: &Q,
) -> Result<A, CallError> {
    loop {
        match channel.unary(&format!("/v1.PodResourcesLister/{method}"), question).await {
            Err(CallError::Refused { code: Code::ResourceExhausted, .. }) => sleep(PAUSE).await,
            other => return other,
        }
    }
}
