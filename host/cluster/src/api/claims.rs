//! ResourceClaims and ResourceSlices of an API server: devices that were allocated dynamically (DRA).

use futures_util::future::try_join_all;
use serde::Deserialize;
use serde_json::Value;

use super::request::{RESOURCE_CLAIMS, Request};
use super::{ApiError, ApiServer};
use crate::devices::Claims;
use crate::name;
use crate::source::SourceError;

/// Slices of one answer: a slice has up to 128 devices, so this is some MiB at most.
const PAGE: usize = 100;

/// One page of a list.
#[derive(Deserialize)]
struct Page {
    metadata: Metadata,
    #[serde(default)]
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "continue", default)]
    rest: Option<String>,
}

impl Claims for ApiServer {
    /// All at the same time.
    fn claims(&self, namespace: &str, names: &[String]) -> Result<Vec<Option<Value>>, SourceError> {
        let questions = names.iter().map(|name| self.claim(namespace, name));
        Ok(self.runtime.block_on(try_join_all(questions))?)
    }

    /// Page after page.
    fn slices(&self, driver: &str, node: Option<&str>) -> Result<Vec<Value>, SourceError> {
        // What can't be a name can't be part of a query either, and no server has slices of it.
        if !name::is_subdomain(driver) || !node.is_none_or(name::is_subdomain) {
            return Ok(Vec::new());
        }
        let of_node = node.map(|node| format!("%2Cspec.nodeName%3D{node}")).unwrap_or_default();
        let query = format!("fieldSelector=spec.driver%3D{driver}{of_node}&limit={PAGE}");
        let (mut slices, mut rest) = (Vec::new(), String::new());
        loop {
            let request = Request::list_slices(driver, format!("{query}{rest}"));
            let read = |json: &[u8]| serde_json::from_slice::<Page>(json).map_err(|error| error.to_string());
            let Some(page) = self.runtime.block_on(self.find(request, read))? else { return Ok(slices) };
            slices.extend(page.items.unwrap_or_default());
            match page.metadata.rest.filter(|token| !token.is_empty()) {
                None => return Ok(slices),
                Some(token) => rest = format!("&continue={}", escaped(&token)),
            }
        }
    }
}

impl ApiServer {
    async fn claim(&self, namespace: &str, name: &str) -> Result<Option<Value>, ApiError> {
        // What can't be a name can't be a path either, and no server has it.
        if !name::is_label(namespace) || !name::is_subdomain(name) {
            return Ok(None);
        }
        let request = Request::get(&RESOURCE_CLAIMS, Some(namespace), name);
        self.find(request, |json| serde_json::from_slice(json).map_err(|error| error.to_string())).await
    }
}

/// A token of the server's as part of a query.
fn escaped(token: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    token.bytes().map(escape).collect()
}
