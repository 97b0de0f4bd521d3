//! An entry of `users`: who asks, and what proves it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::certificates::{self, Identity, Part};
use super::super::credential::{Credential, CredentialKind};
use super::super::endpoint::{Cluster, User};
use super::super::helper::Helper;
use super::entry::{bytes, given, path, switch};
use crate::fields::Fields;

/// The helpers' protocols that we speak.
const HELPER_VERSIONS: [&str; 2] =
    ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// Whose entry is read, and in which file.
pub(super) struct Whose<'a> {
    pub(super) name: &'a str,
    pub(super) folder: &'a Path,
    pub(super) origin: &'a str,
}

/// A context without a user: the server is asked as nobody.
pub(super) fn nobody(origin: &str) -> User {
    let origin = format!("the context names no `user`, {origin}");
    User { credential: Credential { kind: CredentialKind::Unsent, origin }, identity: None, helper: None }
}

/// Reads a user. The cluster is what a helper may want to know of it.
pub(super) fn read(
    fields: &mut Fields<'_, '_>,
    whose: &Whose<'_>,
    cluster: Option<&(Cluster, Value)>,
) -> Option<User> {
    refuse_unsupported(fields);
    let identity = identity(fields, whose.folder);
    let kind = credential(fields, whose.folder);
    // A token that is given is not asked for.
    let wanted = matches!(kind, CredentialKind::Unsent) && fields.value("exec").is_some();
    let helper = if wanted { helper(fields, whose, cluster) } else { None };
    let proof = match (&identity, &kind) {
        (Some(_), CredentialKind::Unsent) => "the client certificate of ",
        _ => "",
    };
    let origin = format!("{proof}user `{}`, {}", whose.name, whose.origin);
    Some(User { credential: Credential { kind, origin }, identity, helper })
}

fn refuse_unsupported(fields: &mut Fields<'_, '_>) {
    const AS_SOMEBODY: &str = "give the user the rights itself";
    let unsupported = [
        ("auth-provider", "use a credential helper, `exec`"),
        ("as", AS_SOMEBODY),
        ("as-uid", AS_SOMEBODY),
        ("as-groups", AS_SOMEBODY),
        ("as-user-extra", AS_SOMEBODY),
    ];
    for (key, advice) in unsupported {
        if fields.value(key).is_some() {
            fields.refuse(key, &format!("`{key}` is not supported"), advice);
        }
    }
}

fn identity(fields: &mut Fields<'_, '_>, folder: &Path) -> Option<Identity> {
    let certificate = bytes(fields, "client-certificate", folder);
    let key = bytes(fields, "client-key", folder);
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => return half(fields, "client-key"),
        (None, Some(_)) => return half(fields, "client-certificate"),
        (None, None) => return None,
    };
    match certificates::identity(&certificate.content, &key.content) {
        Ok(identity) => Some(identity),
        Err((part, problem)) => {
            let at = if part == Part::Certificate { &certificate } else { &key };
            at.refuse(fields, &problem);
            None
        }
    }
}

fn half(fields: &mut Fields<'_, '_>, other: &str) -> Option<Identity> {
    // One that is there but can't be read was said already.
    if given(fields, other).is_none() && given(fields, &format!("{other}-data")).is_none() {
        let message = format!("`{other}` is missing");
        fields.refuse(other, &message, "a client certificate is of use only with its key");
    }
    None
}

fn credential(fields: &mut Fields<'_, '_>, folder: &Path) -> CredentialKind {
    let token = given(fields, "token");
    let user = given(fields, "username");
    let password = given(fields, "password");
    if let Some(file) = given(fields, "tokenFile") {
        CredentialKind::TokenFile(path(folder, file))
    } else if let Some(token) = token {
        CredentialKind::Token(token.into())
    } else if let (Some(user), Some(password)) = (user, password) {
        CredentialKind::Password { user: user.to_owned(), password: password.into() }
    } else {
        CredentialKind::Unsent
    }
}

fn helper(
    fields: &mut Fields<'_, '_>,
    whose: &Whose<'_>,
    cluster: Option<&(Cluster, Value)>,
) -> Option<Helper> {
    let mut exec = fields.object("exec")?;
    let api_version = helper_version(&mut exec);
    if given(&mut exec, "interactiveMode") == Some("Always") {
        let advice = "write `Never` or `IfAvailable`";
        exec.refuse("interactiveMode", "nobody is there to answer a credential helper", advice);
    }
    let Some(command) = given(&mut exec, "command") else {
        exec.refuse("command", "`command` is missing", "name the program to run");
        return None;
    };
    let arguments = exec.each_text("args", |argument| Ok(argument.to_owned())).unwrap_or_default();
    let environment = exec.each_object("env", variable).unwrap_or_default();
    let informed = switch(&mut exec, "provideClusterInfo");
    Some(Helper {
        api_version: api_version?,
        command: program(command, whose.folder),
        arguments,
        environment,
        hint: given(&mut exec, "installHint").map(str::to_owned),
        cluster: cluster.filter(|_| informed).map(|(_, for_helpers)| for_helpers.clone()),
        origin: whose.origin.to_owned(),
    })
}

fn helper_version(exec: &mut Fields<'_, '_>) -> Option<String> {
    let version = given(exec, "apiVersion").unwrap_or_default();
    if HELPER_VERSIONS.contains(&version) {
        return Some(version.to_owned());
    }
    let message = format!("`{}` is not a protocol of credential helpers", version.escape_debug());
    exec.refuse("apiVersion", &message, &format!("write one of {}", HELPER_VERSIONS.join(", ")));
    None
}

fn variable(fields: &mut Fields<'_, '_>) -> Option<(String, String)> {
    Some((given(fields, "name")?.to_owned(), given(fields, "value").unwrap_or_default().to_owned()))
}

/// A bare name is looked for in `PATH`, anything else is relative to the kubeconfig.
fn program(command: &str, folder: &Path) -> PathBuf {
    if command.contains('/') { path(folder, command) } else { PathBuf::from(command) }
}
