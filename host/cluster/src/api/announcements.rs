//! Events about pods. They are told beside the real work, and nothing waits for them but the end of
//! the call.

use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;

use super::error::ApiError;
use super::exchange::Server;
use super::request::Request;
use crate::object::{Event, PodRef};

/// Who says it; upstream's name, which dashboards and alerts look for.
const COMPONENT: &str = "multus";

/// API servers refuse a longer message.
const MAX_MESSAGE: usize = 1024;

/// How long telling an event may be tried. The end of the call is usually sooner.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is being told.
#[derive(Default)]
pub(super) struct Announcements {
    under_way: Mutex<Vec<Announced>>,
}

struct Announced {
    /// For the log, should it get lost.
    what: String,
    delivery: JoinHandle<Result<(), ApiError>>,
}

impl Announcements {
    /// Begins to tell an event. It gets on whenever the runtime is driven.
    pub(super) fn begin(&self, runtime: &Runtime, server: &Server, node: &str, pod: &PodRef, event: &Event) {
        let what = format!("event {} of pod {pod}", event.reason);
        let body = body(pod, event, node, Timestamp::now()).to_string().into_bytes();
        let request = Request::create_event(&pod.namespace, &pod.name, body);
        let server = server.clone();
        let deadline = Instant::now() + PATIENCE;
        let delivery = runtime.spawn(async move { server.ask(&request, deadline).await.map(drop) });
        self.replace(|under_way| under_way.push(Announced { what, delivery }));
    }

    /// Waits until all is told, at most so long. Returns what was not, one sentence each; it is given
    /// up.
    pub(super) fn settle(&self, runtime: &Runtime, patience: Duration) -> Vec<String> {
        let under_way = self.replace(mem::take);
        let until = Instant::now() + patience;
        let mut lost = Vec::new();
        runtime.block_on(async {
            for announced in under_way {
                lost.extend(announced.lost(until).await);
            }
        });
        lost
    }

    fn replace<T>(&self, change: impl FnOnce(&mut Vec<Announced>) -> T) -> T {
        change(&mut self.under_way.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Announced {
    async fn lost(mut self, until: Instant) -> Option<String> {
        let problem = match timeout_at(until.into(), &mut self.delivery).await {
            Ok(Ok(Ok(()))) => return None,
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => {
                self.delivery.abort();
                "it could not be told in time".to_owned()
            }
        };
        Some(format!("{} is lost: {problem}", self.what))
    }
}

fn body(pod: &PodRef, event: &Event, node: &str, now: Timestamp) -> serde_json::Value {
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut involved = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": pod.namespace,
        "name": pod.name,
    });
    if let (Some(uid), Some(members)) = (&pod.uid, involved.as_object_mut()) {
        members.insert("uid".to_owned(), json!(uid));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "generateName": format!("{}.", pod.name), "namespace": pod.namespace },
        "involvedObject": involved,
        "type": if event.warning { "Warning" } else { "Normal" },
        "reason": event.reason,
        "message": shortened(&event.message),
        "source": { "component": COMPONENT, "host": node },
        "reportingComponent": COMPONENT,
        "reportingInstance": node,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    })
}

fn shortened(message: &str) -> String {
    const CUT: &str = "…";
    if message.len() <= MAX_MESSAGE {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MAX_MESSAGE - CUT.len());
    format!("{}{CUT}", message.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_says_what_to_whom_and_by_whom() {
        let pod = PodRef { namespace: "red".into(), name: "web".into(), uid: Some("u-1".into()) };
        let event = Event { warning: true, reason: "NoNetworkFound", message: "no such network".into() };
        let expected = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "generateName": "web.", "namespace": "red" },
            "involvedObject": { "apiVersion": "v1", "kind": "Pod", "namespace": "red", "name": "web", "uid": "u-1" },
            "type": "Warning",
            "reason": "NoNetworkFound",
            "message": "no such network",
            "source": { "component": "multus", "host": "node-1" },
            "reportingComponent": "multus",
            "reportingInstance": "node-1",
            "firstTimestamp": "1970-01-01T00:00:00Z",
            "lastTimestamp": "1970-01-01T00:00:00Z",
            "count": 1,
        });
        assert_eq!(body(&pod, &event, "node-1", Timestamp::UNIX_EPOCH), expected);
        let unknown = PodRef { uid: None, ..pod };
        assert_eq!(body(&unknown, &event, "", Timestamp::UNIX_EPOCH)["involvedObject"].get("uid"), None);
    }

    proptest! {
        #[test]
        fn a_message_fits_and_begins_as_it_was(message in ".{0,900}") {
            let short = shortened(&message);
            prop_assert!(short.len() <= MAX_MESSAGE);
            let kept = short.strip_suffix('…').filter(|_| short != message).unwrap_or(&short);
            prop_assert!(message.starts_with(kept));
        }
    }
}
