//! Credential helpers: programs that a kubeconfig names (`exec`) to be asked for a credential.

use std::path::PathBuf;
use std::pin::pin;
use std::process::{Output, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::timeout_at;

use super::certificates::{self, Identity};
use super::error::AccessError;

/// A program that is run once a call, in the protocol of `client.authentication.k8s.io`.
pub(super) struct Helper {
    /// `client.authentication.k8s.io/v1` or `…/v1beta1`; the answer has to have the same.
    pub(super) api_version: String,
    pub(super) command: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    /// What to do if it can't be run, in the kubeconfig's words.
    pub(super) hint: Option<String>,
    /// Where the server is, if the helper wants to know.
    pub(super) cluster: Option<Value>,
    /// The kubeconfig.
    pub(super) origin: String,
}

/// What a helper gave: one of both, or both.
pub(super) struct Issued {
    pub(super) token: Option<SecretString>,
    pub(super) identity: Option<Identity>,
}

impl Helper {
    /// Runs the program and reads its credential. It gets no terminal and nothing to read: nobody is
    /// there to answer it.
    ///
    /// # Errors
    /// It can't be started, fails, says nothing of use, or is not done at the deadline; then it is
    /// killed with all that it started.
    pub(super) async fn credential(&self, deadline: Instant) -> Result<Issued, AccessError> {
        let child =
            self.command().spawn().map_err(|error| self.failed(format!("it can't be run: {error}")))?;
        let output = finish(child, deadline).await.map_err(|problem| self.failed(problem))?;
        if !output.status.success() {
            let said = last_line(&output.stderr);
            return Err(self.failed(format!("it ended with {}{said}", output.status)));
        }
        self.read(&output.stdout).map_err(|problem| self.failed(problem))
    }

    fn command(&self) -> Command {
        let spec = match &self.cluster {
            Some(cluster) => json!({ "interactive": false, "cluster": cluster }),
            None => json!({ "interactive": false }),
        };
        let request = json!({ "apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec });
        let mut command = Command::new(&self.command);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", request.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    fn read(&self, stdout: &[u8]) -> Result<Issued, String> {
        let answer: Answer = serde_json::from_slice(stdout)
            .map_err(|error| format!("its output is not an ExecCredential: {}", without_values(&error)))?;
        if answer.api_version != self.api_version {
            return Err(format!(
                "it answers in `{}`, asked for was `{}`",
                answer.api_version, self.api_version
            ));
        }
        let status = answer.status.ok_or("its output has no `status`")?;
        let identity = match (status.client_certificate_data, status.client_key_data) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(
                certificates::identity(certificate.as_bytes(), key.as_bytes())
                    .map_err(|(part, problem)| format!("the {part:?} that it gives is {problem}"))?,
            ),
            _ => return Err("it gives only one of `clientCertificateData` and `clientKeyData`".to_owned()),
        };
        let token = status.token.filter(|token| !token.is_empty()).map(SecretString::from);
        if token.is_none() && identity.is_none() {
            return Err("its `status` has neither a token nor a client certificate".to_owned());
        }
        Ok(Issued { token, identity })
    }

    fn failed(&self, problem: String) -> AccessError {
        AccessError::Helper {
            command: self.command.display().to_string(),
            origin: self.origin.clone(),
            problem,
            hint: self.hint.clone(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    api_version: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// What the program printed, once it is done.
async fn finish(child: Child, deadline: Instant) -> Result<Output, String> {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let mut done = pin!(child.wait_with_output());
    match timeout_at(deadline.into(), &mut done).await {
        Ok(output) => output.map_err(|error| error.to_string()),
        Err(_) => {
            // Not the program alone: it may be a script that waits for another one.
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            Err("it was not done when the time for this call was up".to_owned())
        }
    }
}

/// serde_json quotes what it did not expect, and that may be a secret.
fn without_values(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line: String = line.trim().chars().filter(|c| !c.is_control()).take(300).collect();
    if line.is_empty() { String::new() } else { format!(": {line}") }
}
