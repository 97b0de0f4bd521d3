//! A kubelet, as far as it tells of devices: its `v1.PodResourcesLister` over a unix socket, with gRPC that is
//! not ours, and its checkpoint file.

mod messages;
mod service;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tonic::transport::Server;

use messages::{ContainerResources, PodResources};
use service::Service;

/// How the kubelet takes a question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manners {
    /// It answers `Get` and `List`, as from Kubernetes 1.34 on.
    #[default]
    Modern,
    /// `Get` is switched off: an error in words, without a code of its own.
    GetDisabled,
    /// It knows no `Get`.
    ListOnly,
    /// It takes questions and never answers.
    Silent,
}

#[derive(Default)]
struct State {
    pods: Vec<PodResources>,
    manners: Manners,
    /// So many questions are turned away before one is answered.
    turned_away: usize,
    asked: Vec<String>,
}

/// A kubelet that serves pods' devices until it is dropped. Its socket stays, as that of one that was killed.
pub struct Kubelet {
    socket: PathBuf,
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    /// A kubelet that listens at `socket`, whose folder is made.
    ///
    /// # Panics
    /// If it can't listen there.
    pub fn listen(socket: &Path) -> Kubelet {
        std::fs::create_dir_all(socket.parent().expect("a folder")).expect("a folder for the socket");
        let listener = std::os::unix::net::UnixListener::bind(socket).expect("a socket that is free");
        listener.set_nonblocking(true).expect("one's own socket");
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = oneshot::channel();
        let service = Service::new(Arc::clone(&state));
        let thread = thread::spawn(move || serve(listener, service, stopped));
        Kubelet { socket: socket.to_owned(), state, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test thread panics while it holds this")
    }

    /// Changes how it takes questions.
    pub fn behave(&self, manners: Manners) {
        self.state().manners = manners;
    }

    /// Turns the next questions away, as a kubelet does that is asked too often.
    pub fn turn_away(&self, questions: usize) {
        self.state().turned_away = questions;
    }

    /// Gives a container devices. Pods and containers stand in the order in which they are first named.
    pub fn give(&self, namespace: &str, pod: &str, container: &str, resource: &str, ids: &[&str]) {
        let mut state = self.state();
        let container = container_of(pod_of(&mut state.pods, namespace, pod), container);
        container.devices.extend(ids.iter().map(|id| messages::device(resource, id, &[0])));
    }

    /// The same for one device that belongs to several NUMA nodes: it is told once for each.
    pub fn give_across(
        &self,
        [namespace, pod, container]: [&str; 3],
        resource: &str,
        id: &str,
        nodes: &[i64],
    ) {
        let mut state = self.state();
        let container = container_of(pod_of(&mut state.pods, namespace, pod), container);
        container.devices.extend(nodes.iter().map(|node| messages::device(resource, id, &[*node])));
    }

    /// What it was asked, such as `Get ns/web` and `List`, those that it turned away included.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The text of a kubelet's checkpoint: a container's devices of one resource, each `(pod UID, container,
/// resource, ids by NUMA node)`. Entries and devices stand in no order.
pub fn checkpoint(entries: &[(&str, &str, &str, Value)]) -> String {
    let entries: Vec<Value> = entries
        .iter()
        .map(|(uid, container, resource, ids)| {
            json!({ "PodUID": uid, "ContainerName": container, "ResourceName": resource, "DeviceIDs": ids,
                    "AllocResp": "Cg==" })
        })
        .collect();
    json!({ "Data": { "PodDeviceEntries": entries, "RegisteredDevices": {} }, "Checksum": 1_234_567 })
        .to_string()
}

fn serve(listener: std::os::unix::net::UnixListener, service: Service, stopped: oneshot::Receiver<()>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = UnixListener::from_std(listener).expect("a socket that listens");
        let incoming = stream::unfold(listener, |listener| async {
            let stream = listener.accept().await.map(|(stream, _)| stream);
            Some((stream, listener))
        });
        let serving = Server::builder().serve_with_incoming(service, Box::pin(incoming));
        tokio::select! {
            served = serving => served.expect("it serves until it is stopped"),
            _ = stopped => {}
        }
    });
}

fn pod_of<'s>(pods: &'s mut Vec<PodResources>, namespace: &str, name: &str) -> &'s mut PodResources {
    let place = pods.iter().position(|pod| pod.namespace == namespace && pod.name == name);
    let place = place.unwrap_or_else(|| {
        let pod = PodResources { name: name.into(), namespace: namespace.into(), ..PodResources::default() };
        pods.push(pod);
        pods.len() - 1
    });
    &mut pods[place]
}

fn container_of<'p>(pod: &'p mut PodResources, name: &str) -> &'p mut ContainerResources {
    let place = pod.containers.iter().position(|container| container.name == name);
    let place = place.unwrap_or_else(|| {
        pod.containers.push(ContainerResources { name: name.into(), ..ContainerResources::default() });
        pod.containers.len() - 1
    });
    &mut pod.containers[place]
}
