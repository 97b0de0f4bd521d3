//! How to reach an API server, and who asks: what a kubeconfig or a pod's surroundings say.

use std::time::Instant;

use http::Uri;
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::certificates::Identity;
use super::credential::{Credential, CredentialKind};
use super::error::AccessError;
use super::helper::Helper;

/// Where the server is, who asks, and where we know it from.
pub(super) struct Endpoint {
    pub(super) cluster: Cluster,
    pub(super) user: User,
    /// For people: `kubeconfig /etc/…`.
    pub(super) origin: String,
}

/// The server, and how to know it.
pub(super) struct Cluster {
    pub(super) server: Uri,
    /// The certificates that vouch for it; without them the node's own do.
    pub(super) authority: Option<Authority>,
    /// Believe whoever answers.
    pub(super) insecure: bool,
    /// The name in its certificate, where it is not that of the URL.
    pub(super) server_name: Option<String>,
}

/// A bundle of certificates.
pub(super) struct Authority {
    /// As it was given, for credential helpers.
    pub(super) pem: Vec<u8>,
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// Who asks.
pub(super) struct User {
    pub(super) credential: Credential,
    pub(super) identity: Option<Identity>,
    /// Gives the credential or the identity, if they are not given.
    pub(super) helper: Option<Helper>,
}

impl User {
    /// Asks the credential helper, if there is one, for what is missing.
    ///
    /// # Errors
    /// The helper gives nothing of use before the deadline.
    pub(super) async fn complete(&mut self, deadline: Instant) -> Result<(), AccessError> {
        let Some(helper) = &self.helper else { return Ok(()) };
        let issued = helper.credential(deadline).await?;
        if let Some(token) = issued.token {
            self.credential.kind = CredentialKind::Token(token);
        }
        self.credential.origin =
            format!("from the credential helper `{}`, {}", helper.command.display(), self.credential.origin);
        self.identity = issued.identity.or(self.identity.take());
        Ok(())
    }
}
