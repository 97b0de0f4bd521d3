//! Who asks: bearer tokens and client certificates.

use std::collections::BTreeMap;

use super::stamp;
use super::status::ApiError;

/// Somebody whom the server knows, or nobody in particular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
}

impl User {
    /// A user with the groups that follow from the name: service accounts are in those of their namespace.
    pub(super) fn named(name: &str) -> User {
        let mut groups = vec!["system:authenticated".to_owned()];
        if let Some((namespace, _)) =
            name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
        {
            groups
                .extend(["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]);
        }
        User { name: name.to_owned(), groups }
    }

    fn anonymous() -> User {
        User { name: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()] }
    }
}

/// Whom the server knows, and whether it asks what they may.
#[derive(Debug, Default)]
pub(super) struct Access {
    tokens: BTreeMap<String, User>,
    certificates: Vec<(Vec<u8>, User)>,
    /// Does RBAC decide? Else everybody may do everything.
    pub(super) rbac: bool,
}

impl Access {
    /// A new token for a user.
    pub(super) fn issue_token(&mut self, user: User) -> String {
        let token = format!("token-{}", stamp::uid());
        self.tokens.insert(token.clone(), user);
        token
    }

    /// A token has expired.
    pub(super) fn revoke_token(&mut self, token: &str) {
        self.tokens.remove(token);
    }

    /// A certificate (DER) for a user.
    pub(super) fn know_certificate(&mut self, certificate: Vec<u8>, user: User) {
        self.certificates.push((certificate, user));
    }

    /// Who sent this? A token that nobody has is refused, even where everybody may do everything.
    pub(super) fn identify(
        &self,
        authorization: Option<&str>,
        certificate: Option<&[u8]>,
    ) -> Result<User, ApiError> {
        if let Some((_, user)) =
            self.certificates.iter().find(|(known, _)| Some(known.as_slice()) == certificate)
        {
            return Ok(user.clone());
        }
        match authorization {
            None => Ok(User::anonymous()),
            Some(header) => {
                let token = header.strip_prefix("Bearer ").ok_or_else(ApiError::unauthorized)?;
                self.tokens.get(token).cloned().ok_or_else(ApiError::unauthorized)
            }
        }
    }
}
