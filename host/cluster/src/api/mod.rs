//! An API server as a source of pods and network definitions.
//!
//! A call costs one GET of its pod, one of each definition, and one PATCH of the status. There is no
//! discovery and no list. DEL never needs the server: what it would take away goes with the pod.

mod announcements;
mod any_server;
mod certificates;
mod claims;
mod connection;
mod credential;
mod endpoint;
mod error;
mod exchange;
mod file;
mod helper;
mod in_cluster;
mod kubeconfig;
mod network_status;
mod objects;
mod refusal;
mod request;
mod resolver;
mod surroundings;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::try_join_all;
use tokio::runtime::{Builder, Runtime};

use announcements::Announcements;
use connection::Connection;
use endpoint::Endpoint;
pub use error::{AccessError, ApiError, Refusal};
use exchange::Server;
use request::{NAMESPACES, NETWORKS, NETWORKS_2018, PODS, Request, Resource};
use surroundings::Surroundings;

use crate::devices::Claims;
use crate::name;
use crate::object::{Event, Network2018, NetworkDefinition, NetworkRef, Pod, PodRef};
use crate::source::{NotFound, Source, SourceError};

/// Which API server to ask, and how long.
#[derive(Debug, Clone)]
pub struct ApiAccess {
    /// The file that says where the server is and who asks. Without one, the server is asked as a pod
    /// asks it.
    pub kubeconfig: Option<PathBuf>,
    /// No question goes on after this, whatever is tried again.
    pub deadline: Instant,
    /// How long one answer is waited for, with everything that is tried again.
    pub patience: Duration,
    /// How long one request may take, connecting included. Generous is right: a server far away needs
    /// seconds for the first one, and a request that is given up early is only sent again.
    pub request_timeout: Duration,
}

/// A cluster's API server, asked on a runtime of its own: a call is one thread, and waits.
pub struct ApiServer {
    // Before the runtime, on which its connections live.
    server: Server,
    announcements: Announcements,
    runtime: Runtime,
    deadline: Instant,
    patience: Duration,
    node: String,
}

impl ApiServer {
    /// A source that will ask this server. Nothing is asked of it yet; only a credential helper is run,
    /// if the kubeconfig has one.
    ///
    /// # Errors
    /// The kubeconfig, a file that it names, or what a pod has in its place is missing or wrong.
    pub fn connect(access: &ApiAccess) -> Result<Self, AccessError> {
        Self::connect_from(access, &Surroundings::of_this_process())
    }

    /// Does the environment say where the API server is, as it does for a pod? To be asked where the
    /// conf has no `kubeconfig`: if not, there is no cluster.
    pub fn in_cluster_available(environment: impl Fn(&str) -> Option<OsString>) -> bool {
        in_cluster::available(environment)
    }

    fn connect_from(access: &ApiAccess, surroundings: &Surroundings) -> Result<Self, AccessError> {
        let mut endpoint = match &access.kubeconfig {
            Some(path) => kubeconfig::read(path)?,
            None => in_cluster::read(&surroundings.environment, &surroundings.service_account)?,
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(AccessError::System)?;
        runtime.block_on(endpoint.user.complete(access.deadline))?;
        let server = {
            let _within = runtime.enter();
            connect_to(endpoint, access.request_timeout, surroundings)?
        };
        Ok(Self {
            server,
            announcements: Announcements::default(),
            runtime,
            deadline: access.deadline,
            patience: access.patience,
            node: surroundings.node(),
        })
    }

    /// When a question that is asked now has to be answered.
    fn until(&self) -> Instant {
        self.deadline.min(Instant::now() + self.patience)
    }

    /// One object, or none if the server does not have it.
    async fn find<T>(
        &self,
        request: Request,
        read: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<Option<T>, ApiError> {
        let answer: Bytes = match self.server.ask(&request, self.until()).await {
            Ok(answer) => answer,
            Err(error) if matches!(*error.refusal, Refusal::Absent(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        read(&answer)
            .map(Some)
            .map_err(|problem| self.server.error(&request, 1, Duration::ZERO, Refusal::Answer(problem)))
    }

    /// Definitions of one type, all asked for at the same time, none twice.
    fn find_all<T: Clone>(
        &self,
        resource: &'static Resource,
        wanted: &[NetworkRef],
        read: impl Fn(&[u8], &NetworkRef) -> Result<T, String>,
    ) -> Result<Vec<Result<T, NotFound>>, SourceError> {
        let read = &read;
        let distinct: BTreeSet<&NetworkRef> = wanted.iter().collect();
        let questions = distinct.into_iter().map(|reference| async move {
            let found = self.find_named(resource, reference, read).await?;
            Ok::<_, ApiError>((reference, found))
        });
        let found: BTreeMap<_, _> = self.runtime.block_on(try_join_all(questions))?.into_iter().collect();
        let answer = |reference: &NetworkRef| found.get(reference).cloned().flatten();
        Ok(wanted
            .iter()
            .map(|reference| answer(reference).ok_or_else(|| self.not_found(reference)))
            .collect())
    }

    async fn find_named<T>(
        &self,
        resource: &'static Resource,
        reference: &NetworkRef,
        read: impl Fn(&[u8], &NetworkRef) -> Result<T, String>,
    ) -> Result<Option<T>, ApiError> {
        let NetworkRef { namespace, name } = reference;
        // What can't be a name can't be a path either, and no server has it.
        if !name::is_label(namespace) || !name::is_subdomain(name) {
            return Ok(None);
        }
        let request = Request::get(resource, Some(namespace), name);
        self.find(request, |json| read(json, reference)).await
    }

    fn not_found(&self, reference: &NetworkRef) -> NotFound {
        NotFound { reference: reference.clone(), place: self.place(), known: None }
    }
}

/// The client for an endpoint.
fn connect_to(
    endpoint: Endpoint,
    request_timeout: Duration,
    surroundings: &Surroundings,
) -> Result<Server, AccessError> {
    let connection = Connection::open(&endpoint, surroundings, request_timeout)?;
    let url = endpoint.cluster.server.to_string();
    Ok(Server {
        connection,
        credential: Arc::new(endpoint.user.credential),
        url: url.trim_end_matches('/').into(),
        request_timeout,
    })
}

fn check_pod_name(namespace: &str, name: &str) -> Result<(), SourceError> {
    if name::is_label(namespace) && name::is_subdomain(name) {
        return Ok(());
    }
    Err(SourceError::PodName { namespace: namespace.to_owned(), name: name.to_owned() })
}

impl Source for ApiServer {
    fn place(&self) -> String {
        format!("the cluster of {}", self.server.url)
    }

    fn pod(&self, namespace: &str, name: &str) -> Result<Option<Pod>, SourceError> {
        check_pod_name(namespace, name)?;
        let request = Request::get(&PODS, Some(namespace), name);
        let read = |json: &[u8]| objects::pod(json, namespace, name);
        Ok(self.runtime.block_on(self.find(request, read))?)
    }

    fn networks(
        &self,
        wanted: &[NetworkRef],
    ) -> Result<Vec<Result<NetworkDefinition, NotFound>>, SourceError> {
        self.find_all(&NETWORKS, wanted, objects::network)
    }

    fn networks_2018(
        &self,
        wanted: &[NetworkRef],
    ) -> Result<Vec<Result<Network2018, NotFound>>, SourceError> {
        self.find_all(&NETWORKS_2018, wanted, objects::network_2018)
    }

    fn namespace_labels(&self, namespace: &str) -> Result<BTreeMap<String, String>, SourceError> {
        check_pod_name(namespace, namespace)?;
        let request = Request::get(&NAMESPACES, None, namespace);
        let answer = self.runtime.block_on(self.server.ask(&request, self.until()))?;
        let labels = objects::namespace_labels(&answer);
        Ok(labels
            .map_err(|problem| self.server.error(&request, 1, Duration::ZERO, Refusal::Answer(problem)))?)
    }

    fn device_claims(&self) -> Option<&dyn Claims> {
        Some(self)
    }

    /// Posts a core/v1 Event. It gets on while later questions wait for their answers.
    fn announce(&self, pod: &PodRef, event: Event) {
        self.announcements.begin(&self.runtime, &self.server, &self.node, pod, &event);
    }

    fn settle(&self, patience: Duration) -> Vec<String> {
        self.announcements.settle(&self.runtime, patience)
    }

    /// One PATCH of one annotation. It carries the pod's UID, where the runtime gave one, so that a
    /// newer pod of the same name never gets our status. There is nothing to do without a status: it
    /// goes with the pod, and DEL must not need the server.
    fn set_network_status(&self, pod: &PodRef, status: Option<&str>) -> Result<(), SourceError> {
        let Some(status) = status else { return Ok(()) };
        check_pod_name(&pod.namespace, &pod.name)?;
        let request = network_status::request(pod, status);
        let until = self.until();
        let written = self.runtime.block_on(async {
            match self.server.ask(&request, until).await {
                Err(error) if matches!(*error.refusal, Refusal::Forbidden { .. }) => {
                    // A role of upstream's lets us write the pod, not patch it.
                    self.replace_status(pod, status, until).await.unwrap_or(Err(error))
                }
                other => other.map(drop),
            }
        });
        written.map_err(|error| network_status::refused(pod, error))
    }
}

impl ApiServer {
    /// Reads the pod and writes it back until nobody else writes it in between. `None` if that is not
    /// allowed either.
    async fn replace_status(
        &self,
        pod: &PodRef,
        status: &str,
        until: Instant,
    ) -> Option<Result<(), ApiError>> {
        let get = Request::get(&PODS, Some(&pod.namespace), &pod.name);
        loop {
            let read = match self.server.ask(&get, until).await {
                Ok(read) => read,
                Err(error) if matches!(*error.refusal, Refusal::Forbidden { .. }) => return None,
                Err(error) => return Some(Err(error)),
            };
            let put = match network_status::replacement(pod, &read, status) {
                Ok(put) => put,
                Err(refusal) => return Some(Err(self.server.error(&get, 1, Duration::ZERO, refusal))),
            };
            let Err(error) = self.server.ask(&put, until).await else { return Some(Ok(())) };
            match *error.refusal {
                Refusal::Forbidden { .. } => return None,
                Refusal::Status { status: 409, .. } if Instant::now() < until => {}
                _ => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
