//! The Container Runtime Interface, version 1, as the kubelet speaks it: gRPC on a unix socket.

use std::fmt::Debug;
use std::path::Path;

use http::uri::PathAndQuery;
use prost::Message;
use tokio::runtime::{Builder, Runtime};
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

const RUNTIME: &str = "/runtime.v1.RuntimeService/";
const IMAGES: &str = "/runtime.v1.ImageService/";

/// A connection that threads may share; it is opened by the first call.
#[derive(Debug)]
pub(super) struct Client {
    threads: Runtime,
    channel: Channel,
}

impl Client {
    pub(super) fn new(socket: &Path) -> Client {
        // Calls of several threads at once go on beside each other only if none of them drives the others.
        let threads = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let threads = threads.expect("a thread for the connection");
        let endpoint =
            Endpoint::from_shared(format!("unix:{}", socket.display())).expect("a path as an address");
        let channel = threads.block_on(async { endpoint.connect_lazy() });
        Client { threads, channel }
    }

    /// A call of the runtime service.
    ///
    /// # Errors
    /// What the runtime says.
    pub(super) fn runtime<Q, A>(&self, method: &str, request: Q) -> Result<A, String>
    where
        Q: Message + Debug + 'static,
        A: Message + Default + 'static,
    {
        self.call(&format!("{RUNTIME}{method}"), request)
    }

    /// A call of the image service.
    ///
    /// # Errors
    /// What the runtime says.
    pub(super) fn images<Q, A>(&self, method: &str, request: Q) -> Result<A, String>
    where
        Q: Message + Debug + 'static,
        A: Message + Default + 'static,
    {
        self.call(&format!("{IMAGES}{method}"), request)
    }

    fn call<Q, A>(&self, path: &str, request: Q) -> Result<A, String>
    where
        Q: Message + Debug + 'static,
        A: Message + Default + 'static,
    {
        let path = PathAndQuery::try_from(path).map_err(|error| error.to_string())?;
        let mut grpc = Grpc::new(self.channel.clone());
        self.threads.block_on(async {
            grpc.ready().await.map_err(|error| error.to_string())?;
            let answer = grpc.unary(tonic::Request::new(request), path, ProstCodec::<Q, A>::default()).await;
            answer.map(tonic::Response::into_inner).map_err(|status| status.message().to_owned())
        })
    }
}
