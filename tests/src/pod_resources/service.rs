//! The service behind the socket: `v1.PodResourcesLister`.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::server::Grpc;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::messages::{ContainerMemory, GetRequest, GetResponse, ListRequest, ListResponse, PodResources};
use super::{Manners, State};

#[derive(Clone)]
pub(super) struct Service {
    state: Arc<Mutex<State>>,
}

impl Service {
    pub(super) fn new(state: Arc<Mutex<State>>) -> Service {
        Service { state }
    }

    /// Writes a question down; how it is to be taken.
    fn note(&self, question: String) -> Result<Manners, Status> {
        let mut state = self.state.lock().expect("nobody panics while holding this");
        state.asked.push(question);
        if state.turned_away > 0 {
            state.turned_away -= 1;
            return Err(Status::resource_exhausted("rejected by rate limit"));
        }
        Ok(state.manners)
    }

    fn pods(&self) -> Vec<PodResources> {
        let mut pods = self.state.lock().expect("nobody panics while holding this").pods.clone();
        for container in pods.iter_mut().flat_map(|pod| &mut pod.containers) {
            // What a client has to skip.
            container.cpu_ids = vec![2, 3];
            container.memory = vec![ContainerMemory::default()];
        }
        pods
    }

    async fn list(self, _: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        if self.note("List".to_owned())? == Manners::Silent {
            pending::<()>().await;
        }
        Ok(Response::new(ListResponse { pod_resources: self.pods() }))
    }

    async fn get(self, question: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let GetRequest { pod_name, pod_namespace } = question.into_inner();
        match self.note(format!("Get {pod_namespace}/{pod_name}"))? {
            Manners::Modern => {}
            Manners::GetDisabled => return Err(Status::unknown("PodResources API Get method disabled")),
            Manners::ListOnly => return Err(Status::unimplemented("unknown method Get")),
            Manners::Silent => pending().await,
        }
        let mut pods = self.pods().into_iter();
        let found = pods.find(|pod| pod.name == pod_name && pod.namespace == pod_namespace);
        let missing = || Status::unknown(format!("pod {pod_name} in namespace {pod_namespace} not found"));
        Ok(Response::new(GetResponse { pod_resources: Some(found.ok_or_else(missing)?) }))
    }
}

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            let answer = match request.uri().path() {
                "/v1.PodResourcesLister/List" => {
                    let list = service_fn(move |question| service.clone().list(question));
                    Grpc::new(ProstCodec::default()).unary(list, request).await
                }
                "/v1.PodResourcesLister/Get" => {
                    let get = service_fn(move |question| service.clone().get(question));
                    Grpc::new(ProstCodec::default()).unary(get, request).await
                }
                _ => Status::unimplemented("no such method").into_http(),
            };
            Ok(answer)
        })
    }
}
