//! The kubeconfig: a file that says where an API server is and how to prove who asks.
//!
//! Its errors name field and line, and never quote a value that may be a secret. Only the file that
//! the conf names is read, never `$KUBECONFIG` or a home directory's.

mod cluster;
mod entry;
mod user;

use std::path::Path;

use multus_document::{Pointer, Problem, yaml};

use super::endpoint::Endpoint;
use super::error::AccessError;
use super::file;
use crate::fields::Fields;
use entry::{given, named};

/// The server and user of the kubeconfig's current context.
///
/// # Errors
/// The file, or one that it names, can't be read; it is no kubeconfig, or one that asks for what is
/// not supported. All problems are named at once, with field and line.
pub(super) fn read(path: &Path) -> Result<Endpoint, AccessError> {
    let text = file::read_text(path).map_err(|error| AccessError::Unreadable {
        what: "the kubeconfig",
        path: path.to_owned(),
        error,
    })?;
    let documents =
        yaml::parse(&text).map_err(|error| AccessError::Syntax { path: path.to_owned(), error })?;
    let invalid = |problems| AccessError::Kubeconfig { path: path.to_owned(), problems };
    let [document] = documents.as_slice() else {
        return Err(invalid(vec![format!("{} YAML documents, there has to be one", documents.len())]));
    };
    let mut problems = Vec::new();
    let endpoint = current_context(document, path, &mut problems);
    match endpoint {
        Some(endpoint) if problems.is_empty() => Ok(endpoint),
        _ => Err(invalid(problems.iter().map(|problem| describe(document, problem)).collect())),
    }
}

fn describe(document: &yaml::Document, problem: &Problem) -> String {
    match document.locate(&problem.pointer) {
        Some(place) => format!("line {}, column {}: {problem}", place.line, place.column),
        None => problem.to_string(),
    }
}

fn current_context(document: &yaml::Document, path: &Path, problems: &mut Vec<Problem>) -> Option<Endpoint> {
    let mut root = Fields::of(&document.value, Pointer::root(), problems)?;
    let Some(current) = given(&mut root, "current-context") else {
        root.refuse("current-context", "`current-context` is missing", "name one of the `contexts` there");
        return None;
    };
    let mut context = named(&document.value, "contexts", "context", current, problems)?;
    let Some(cluster) = given(&mut context, "cluster") else {
        context.refuse("cluster", "`cluster` is missing", "name one of the `clusters` there");
        return None;
    };
    let user = given(&mut context, "user");
    // Paths in the file are relative to it.
    let folder = path.parent().unwrap_or(Path::new(""));
    let origin = format!("kubeconfig {}", path.display());
    let cluster = named(&document.value, "clusters", "cluster", cluster, problems)
        .and_then(|mut fields| cluster::read(&mut fields, folder));
    let user = match user {
        None => Some(user::nobody(&origin)),
        Some(name) => named(&document.value, "users", "user", name, problems).and_then(|mut fields| {
            user::read(&mut fields, &user::Whose { name, folder, origin: &origin }, cluster.as_ref())
        }),
    };
    let cluster = cluster?.0;
    Some(Endpoint { cluster, user: user?, origin })
}
