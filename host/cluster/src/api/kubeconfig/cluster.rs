//! An entry of `clusters`: where the server is, and how to know it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use serde_json::{Map, Value, json};

use super::super::certificates;
use super::super::endpoint::{Authority, Cluster};
use super::entry::{bytes, given, switch};
use crate::fields::Fields;

/// The name under which a cluster keeps what it has to say to credential helpers.
const HELPER_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// Reads a cluster, and what a credential helper may want to know of it.
pub(super) fn read(fields: &mut Fields<'_, '_>, folder: &Path) -> Option<(Cluster, Value)> {
    if given(fields, "proxy-url").is_some() {
        fields.refuse("proxy-url", "proxies are not supported", "name a `server` that this node can reach");
    }
    let server = server(fields);
    let authority = authority(fields, folder);
    let insecure = switch(fields, "insecure-skip-tls-verify");
    let server_name = given(fields, "tls-server-name").map(str::to_owned);
    let extension = extension(fields);
    let cluster = Cluster { server: server?, authority, insecure, server_name };
    let for_helpers = for_helpers(&cluster, extension);
    Some((cluster, for_helpers))
}

fn server(fields: &mut Fields<'_, '_>) -> Option<Uri> {
    const ADVICE: &str = "write a URL such as `https://10.0.0.1:6443`";
    let Some(text) = given(fields, "server") else {
        fields.refuse("server", "`server` is missing", ADVICE);
        return None;
    };
    let server: Option<Uri> = text.parse().ok();
    let server =
        server.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
    if server.is_none() {
        fields.refuse("server", &format!("`{}` is not the URL of a server", text.escape_debug()), ADVICE);
    }
    server
}

fn authority(fields: &mut Fields<'_, '_>, folder: &Path) -> Option<Authority> {
    let pem = bytes(fields, "certificate-authority", folder)?;
    match certificates::read(&pem.content) {
        Ok(certificates) => Some(Authority { pem: pem.content, certificates }),
        Err(problem) => {
            pem.refuse(fields, &problem);
            None
        }
    }
}

fn extension(fields: &mut Fields<'_, '_>) -> Option<Value> {
    let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == Some(HELPER_EXTENSION);
    fields.list("extensions")?.iter().find(named)?.get("extension").cloned()
}

/// `spec.cluster` of an ExecCredential.
fn for_helpers(cluster: &Cluster, extension: Option<Value>) -> Value {
    let mut members = Map::new();
    members.insert("server".to_owned(), json!(cluster.server.to_string()));
    if let Some(name) = &cluster.server_name {
        members.insert("tls-server-name".to_owned(), json!(name));
    }
    if cluster.insecure {
        members.insert("insecure-skip-tls-verify".to_owned(), json!(true));
    }
    if let Some(authority) = &cluster.authority {
        members.insert("certificate-authority-data".to_owned(), json!(STANDARD.encode(&authority.pem)));
    }
    if let Some(extension) = extension {
        members.insert("config".to_owned(), extension);
    }
    Value::Object(members)
}
