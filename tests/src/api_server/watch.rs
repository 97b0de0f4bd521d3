//! Watches: a line of JSON for each change.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::request::Call;
use super::selector::Selector;
use super::shared::Shared;
use super::status::ApiError;
use super::store::{Change, Store};
use super::verbs::render;

/// What a client watches, and up to where it has seen it.
struct Watch {
    call: Call,
    selector: Selector,
    /// `None` if it wants to hear first what is there.
    seen: Option<u64>,
    ends: Instant,
}

/// Begins a watch; its lines come through the body.
pub(super) fn begin(shared: &Arc<Shared>, call: Call) -> Result<Channel<Bytes>, ApiError> {
    let selector =
        Selector::parse(&call.resource, call.option("labelSelector"), call.option("fieldSelector"))?;
    let version = call.option("resourceVersion");
    let seen = match version {
        _ if call.is_set("sendInitialEvents") => None,
        "" | "0" => None,
        version => Some(version.parse().map_err(|_| ApiError::bad_request("Invalid resource version"))?),
    };
    let seconds = call.option("timeoutSeconds").parse().unwrap_or(1800);
    let ends = Instant::now() + Duration::from_secs(seconds);
    let (sender, body) = Channel::new(64);
    tokio::spawn(Watch { call, selector, seen, ends }.run(shared.clone(), sender));
    Ok(body)
}

impl Watch {
    async fn run(mut self, shared: Arc<Shared>, mut sender: Sender<Bytes>) {
        let mut revisions = shared.revisions();
        loop {
            let _ = revisions.borrow_and_update();
            let (lines, goes_on) = self.news(&shared.contents().store);
            for line in lines {
                if sender.send_data(Bytes::from(format!("{line}\n"))).await.is_err() {
                    return;
                }
            }
            if !goes_on {
                return;
            }
            tokio::select! {
                changed = revisions.changed() => if changed.is_err() { return },
                () = sleep_until(self.ends) => {
                    let last = self.call.is_set("allowWatchBookmarks").then(|| self.bookmark(false));
                    if let Some(line) = last {
                        let _ = sender.send_data(Bytes::from(format!("{line}\n"))).await;
                    }
                    return;
                }
            }
        }
    }

    /// What the client has not seen yet, and whether the watch goes on.
    fn news(&mut self, store: &Store) -> (Vec<Value>, bool) {
        let Some(seen) = self.seen else {
            let resource = &self.call.resource;
            let there =
                store.all(resource, &self.call.namespace).filter(|object| self.selector.matches(object));
            let mut lines: Vec<Value> =
                there.map(|object| event("ADDED", render(resource, object))).collect();
            self.seen = Some(store.revision());
            if self.call.is_set("sendInitialEvents") {
                lines.push(self.bookmark(true));
            }
            return (lines, true);
        };
        match store.since(seen) {
            Ok(changes) => {
                let lines = changes.iter().filter_map(|change| self.told(change)).collect();
                self.seen = Some(store.revision().max(seen));
                (lines, true)
            }
            Err(oldest) => (vec![event("ERROR", ApiError::expired(seen, oldest).to_status())], false),
        }
    }

    /// A change as this watch sees it: what no longer fits the selector is gone, for the client.
    fn told(&self, change: &Change) -> Option<Value> {
        let resource = &self.call.resource;
        if !change.key.is_of(resource, &self.call.namespace) {
            return None;
        }
        let fits =
            |object: &Option<Value>| object.as_ref().is_some_and(|object| self.selector.matches(object));
        let (kind, object) = match (fits(&change.before), fits(&change.after)) {
            (false, true) => ("ADDED", change.after.as_ref()),
            (true, true) => ("MODIFIED", change.after.as_ref()),
            (true, false) => ("DELETED", change.before.as_ref()),
            (false, false) => return None,
        };
        let mut object = render(resource, object?);
        object["metadata"]["resourceVersion"] = json!(change.revision.to_string());
        Some(event(kind, object))
    }

    fn bookmark(&self, initial: bool) -> Value {
        let mut metadata = json!({ "resourceVersion": self.seen.unwrap_or_default().to_string() });
        if initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = json!({ "metadata": metadata });
        event("BOOKMARK", render(&self.call.resource, &object))
    }
}

fn event(kind: &str, object: Value) -> Value {
    json!({ "type": kind, "object": object })
}
