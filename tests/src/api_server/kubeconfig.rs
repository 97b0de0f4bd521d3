//! Kubeconfig files for the server.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::tls::ClientCertificate;

/// How a client shows who it is.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// Not at all.
    None,
    /// A bearer token in the file itself.
    Token(&'a str),
    /// A bearer token in a file of its own.
    TokenFile(&'a Path),
    /// A certificate and its key.
    Certificate(&'a ClientCertificate),
    /// A program that prints an ExecCredential (`client.authentication.k8s.io/v1`), and its arguments.
    Exec(&'a Path, &'a [&'a str]),
}

/// The file's text, YAML. `authority` is a certificate in PEM.
pub(super) fn write(server: &str, authority: Option<&str>, credential: Credential<'_>) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Config\ncurrent-context: test\n");
    text.push_str("contexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n");
    let _ = write!(text, "clusters:\n- name: test\n  cluster:\n    server: {server}\n");
    if let Some(authority) = authority {
        let _ = writeln!(text, "    certificate-authority-data: {}", BASE64_STANDARD.encode(authority));
    }
    text.push_str("users:\n- name: test\n  user:");
    text.push_str(&user(credential));
    text
}

fn user(credential: Credential<'_>) -> String {
    let base64 = |text: &str| BASE64_STANDARD.encode(text);
    match credential {
        Credential::None => " {}\n".into(),
        Credential::Token(token) => format!("\n    token: {token}\n"),
        Credential::TokenFile(path) => format!("\n    tokenFile: {}\n", json!(path)),
        Credential::Certificate(pair) => format!(
            "\n    client-certificate-data: {}\n    client-key-data: {}\n",
            base64(&pair.certificate),
            base64(&pair.key)
        ),
        Credential::Exec(command, arguments) => format!(
            "\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: {}\n      args: {}\n      interactiveMode: Never\n",
            json!(command),
            json!(arguments)
        ),
    }
}
