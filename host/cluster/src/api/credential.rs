//! What we send to say who asks.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::file;

/// A credential, and where it comes from, for the day when it is refused.
pub(super) struct Credential {
    pub(super) kind: CredentialKind,
    /// For people: `user multus in kubeconfig /etc/…`.
    pub(super) origin: String,
}

/// The ways of saying who asks.
pub(super) enum CredentialKind {
    /// Nothing is sent: a client certificate speaks for us, or nobody does.
    Unsent,
    /// A bearer token.
    Token(SecretString),
    /// A file with a bearer token that somebody keeps fresh.
    TokenFile(PathBuf),
    /// A user's name and password.
    Password { user: String, password: SecretString },
}

impl Credential {
    /// The `Authorization` header of one request. A token file is read anew each time: kubelets and
    /// rotators replace it while we wait for a server.
    ///
    /// # Errors
    /// The token file can't be read, or the token can't stand in a header.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, String> {
        let text = match &self.kind {
            CredentialKind::Unsent => return Ok(None),
            CredentialKind::Password { user, password } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret())))
            }
            CredentialKind::Token(_) | CredentialKind::TokenFile(_) => {
                format!("Bearer {}", self.token()?.unwrap_or_default())
            }
        };
        let mut header = HeaderValue::try_from(text).map_err(|_| {
            format!("{} can't be sent: it has line breaks or control characters", self.name())
        })?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    /// The credential for an error, with what can be known of its validity.
    pub(super) fn describe(&self) -> String {
        let token = self.token().ok().flatten();
        match token.as_deref().and_then(expiry) {
            Some(expiry) => format!("{} {}", self.name(), against_now(expiry, SystemTime::now())),
            None if matches!(self.kind, CredentialKind::Unsent) => self.name(),
            None => format!("{} may have expired", self.name()),
        }
    }

    fn name(&self) -> String {
        let origin = &self.origin;
        match &self.kind {
            CredentialKind::Unsent => format!("no token was sent ({origin})"),
            CredentialKind::Token(_) => format!("the token ({origin})"),
            CredentialKind::TokenFile(path) => format!("the token in {} ({origin})", path.display()),
            CredentialKind::Password { user, .. } => format!("the password of `{user}` ({origin})"),
        }
    }

    fn token(&self) -> Result<Option<String>, String> {
        let token = match &self.kind {
            CredentialKind::Token(token) => token.expose_secret().to_owned(),
            CredentialKind::TokenFile(path) => file::read_text(path).map_err(|error| {
                format!("can't read the token file {} ({}): {error}", path.display(), self.origin)
            })?,
            CredentialKind::Unsent | CredentialKind::Password { .. } => return Ok(None),
        };
        // Whoever writes a token into a file ends it with a line break.
        match token.trim() {
            "" => Err(format!("{} is empty", self.name())),
            token => Ok(Some(token.to_owned())),
        }
    }
}

/// The `exp` claim of a token that is a JWT, as those of Kubernetes are. Nobody relies on it; it only
/// makes an error clearer, so the signature does not matter.
fn expiry(token: &str) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Claims {
        exp: u64,
    }
    let claims = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_secs(claims.exp))
}

fn against_now(expiry: SystemTime, now: SystemTime) -> String {
    match now.duration_since(expiry) {
        Ok(ago) => format!("expired {} ago", roughly(ago)),
        Err(left) => format!(
            "is by its own words valid for another {}; the server may not know its issuer, or one of the two clocks is wrong",
            roughly(left.duration())
        ),
    }
}

/// A duration in the unit in which people think of it.
fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(kind: CredentialKind) -> Credential {
        Credential { kind, origin: "user multus in kubeconfig /k".to_owned() }
    }

    fn jwt(claims: &str) -> String {
        format!("eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims))
    }

    fn header(credential: &Credential) -> String {
        credential.authorization().unwrap().unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn each_kind_is_sent_in_its_own_way_and_never_printed() {
        let token = of(CredentialKind::Token("abc\n".into()));
        assert_eq!(header(&token), "Bearer abc");
        let password = of(CredentialKind::Password { user: "u".into(), password: "p".into() });
        assert_eq!(header(&password), "Basic dTpw");
        assert!(of(CredentialKind::Unsent).authorization().unwrap().is_none());
        assert_eq!(format!("{:?}", token.authorization().unwrap().unwrap()), "Sensitive");
        assert_eq!(token.describe(), "the token (user multus in kubeconfig /k) may have expired");
    }

    #[test]
    fn a_token_file_is_read_at_each_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let credential = of(CredentialKind::TokenFile(path.clone()));
        assert!(credential.authorization().unwrap_err().contains(path.to_str().unwrap()));
        std::fs::write(&path, "first\n").unwrap();
        assert_eq!(header(&credential), "Bearer first");
        std::fs::write(&path, "second\n").unwrap();
        assert_eq!(header(&credential), "Bearer second");
        std::fs::write(&path, " \n").unwrap();
        assert!(credential.authorization().unwrap_err().ends_with("is empty"));
    }

    #[test]
    fn a_token_that_knows_its_end_says_so() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let rows = [
            (999_999, "expired 1 s ago"),
            (992_000, "expired 2 h ago"),
            (500_000, "expired 5 days ago"),
            (1_000_300, "is by its own words valid for another 5 min"),
        ];
        for (exp, said) in rows {
            let expiry = expiry(&jwt(&format!(r#"{{"sub":"x","exp":{exp}}}"#))).unwrap();
            assert!(against_now(expiry, now).starts_with(said), "{exp}: {}", against_now(expiry, now));
        }
        for opaque in
            ["abc", "a.b.c", "", &jwt("{}"), &jwt(r#"{"exp":-1}"#), &jwt(r#"{"exp":18446744073709551615}"#)]
        {
            assert_eq!(expiry(opaque), None, "{opaque}");
        }
    }

    proptest! {
        #[test]
        fn any_token_is_sent_or_refused(token in ".*") {
            let credential = of(CredentialKind::Token(token.into()));
            let _ = credential.authorization();
            let _ = credential.describe();
        }
    }
}
