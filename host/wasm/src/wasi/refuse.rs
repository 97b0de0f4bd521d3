//! Functions that reach something elsewhere and nothing here: each refuses in the way that its type has for that.

use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::component::{Resource, ResourceAny, ResourceType, Val};

use super::clocks::Pollable;
use super::output::Output;
use super::{Input, Nothing, Store};

/// Errors that say "you may not", in the words of files, sockets and requests, and what comes closest.
const REFUSALS: [&str; 8] = [
    "access-denied",
    "not-permitted",
    "HTTP-request-denied",
    "access",
    "not-supported",
    "unsupported",
    "forbidden",
    "closed",
];

/// `descriptor.open-at` of `[method]descriptor.open-at`.
pub(super) fn plain(name: &str) -> &str {
    name.rsplit_once(']').map_or(name, |(_, plain)| plain)
}

/// Answers with an error, with nothing, or with a handle that means nothing. Where the type has no such answer the module
/// is stopped.
pub(super) fn refuse(
    mut store: Store<'_>,
    asked: &str,
    function: &ComponentFunc,
    given: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    given.iter().try_for_each(|value| give_back(&mut store, value))?;
    for (result, ty) in results.iter_mut().zip(function.results()) {
        match nothing(&mut store, &ty)? {
            Some(answer) => *result = answer,
            None => return Err(store.data_mut().withhold(asked)),
        }
    }
    Ok(())
}

/// Handles that came with the question have to be given back: those that were lent by the time of the answer, and those
/// that were given for good are of no use here.
fn give_back(store: &mut Store<'_>, value: &Val) -> wasmtime::Result<()> {
    match value {
        Val::Resource(handle) => handle.resource_drop(store),
        Val::List(values) | Val::Tuple(values) => values.iter().try_for_each(|value| give_back(store, value)),
        Val::Record(fields) => fields.iter().try_for_each(|(_, value)| give_back(store, value)),
        Val::Variant(_, Some(value))
        | Val::Option(Some(value))
        | Val::Result(Ok(Some(value)) | Err(Some(value))) => give_back(store, value),
        _ => Ok(()),
    }
}

fn nothing(store: &mut Store<'_>, ty: &Type) -> wasmtime::Result<Option<Val>> {
    Ok(match ty {
        Type::Result(result) => match result.err() {
            None => Some(Val::Result(Err(None))),
            Some(error) => refusal(&error).map(|error| Val::Result(Err(Some(Box::new(error))))),
        },
        Type::Option(_) => Some(Val::Option(None)),
        Type::List(_) => Some(Val::List(Vec::new())),
        Type::Bool => Some(Val::Bool(false)),
        Type::Own(resource) => handle(store, resource)?.map(Val::Resource),
        _ => None,
    })
}

fn refusal(error: &Type) -> Option<Val> {
    let find = |names: &[&str]| REFUSALS.into_iter().find(|refusal| names.contains(refusal));
    match error {
        Type::Enum(error) => find(&error.names().collect::<Vec<_>>()).map(|name| Val::Enum(name.to_owned())),
        Type::Variant(error) => {
            let plain: Vec<&str> =
                error.cases().filter(|case| case.ty.is_none()).map(|case| case.name).collect();
            find(&plain).map(|name| Val::Variant(name.to_owned(), None))
        }
        _ => None,
    }
}

/// A handle to nothing. It counts as one of the module's.
fn handle(store: &mut Store<'_>, resource: &ResourceType) -> wasmtime::Result<Option<ResourceAny>> {
    let made = if *resource == ResourceType::host::<Nothing>() {
        hold(store, Nothing)?
    } else if *resource == ResourceType::host::<Pollable>() {
        hold(store, Pollable::Ready)?
    } else if *resource == ResourceType::host::<Input>() {
        hold(store, Input)?
    } else if *resource == ResourceType::host::<Output>() {
        hold(store, Output::Stdout)?
    } else {
        return Ok(None);
    };
    Ok(Some(made))
}

fn hold<T: Send + 'static>(store: &mut Store<'_>, what: T) -> wasmtime::Result<ResourceAny> {
    let handle: Resource<T> = store.data_mut().hold(what)?;
    handle.try_into_resource_any(store)
}
