//! What a pod asks for in its annotations.

use multus_cluster::{
    DEFAULT_NETWORK_ANNOTATION, NETWORKS_ANNOTATION, Pod, Selection, parse_selections,
    parse_selections_as_upstream,
};
use multus_cni::{Code, Error};
use multus_document::Problem;

use super::join;
use super::origin::Asked;
use super::wish::{Target, Wish};
use crate::call::Call;
use crate::conf::{MultusConf, OnInvalid};

/// Lets the pod's annotation take the place of the conf's default network (`multus.md` 1.6). It names exactly
/// one, in `multusNamespace` unless it says otherwise.
///
/// # Errors
/// Code 7: the annotation is not valid, or names several networks.
pub(super) fn replace_default(conf: &MultusConf, pod: &Pod, wishes: &mut [Wish]) -> Result<(), Error> {
    let (Some(annotation), Some(first)) =
        (pod.annotations.get(DEFAULT_NETWORK_ANNOTATION), wishes.first_mut())
    else {
        return Ok(());
    };
    let mut selections = parse_selections(annotation, &conf.cluster.multus_namespace)
        .map_err(|problems| invalid(DEFAULT_NETWORK_ANNOTATION, &problems))?;
    match (selections.pop(), selections.len()) {
        (Some(selection), 0) => *first = wish(Asked::DefaultNetwork, selection),
        (last, others) => {
            let count = others + usize::from(last.is_some());
            let message = format!("annotation {DEFAULT_NETWORK_ANNOTATION}: names {count} networks");
            return Err(Error::new(Code::InvalidConfig, message)
                .with_details("a pod has one default network: name it, or remove the annotation"));
        }
    }
    Ok(())
}

/// The networks that the pod selects beside the default one (NP-09).
///
/// # Errors
/// Code 7 with every problem of the annotation, unless the conf wants such an annotation ignored.
pub(super) fn selected(call: &Call<'_>, pod: &Pod) -> Result<Vec<Wish>, Error> {
    let Some(annotation) = pod.annotations.get(NETWORKS_ANNOTATION) else { return Ok(Vec::new()) };
    match parse(call, annotation, pod) {
        Ok(selections) => {
            Ok(selections.into_iter().map(|selection| wish(Asked::Networks, selection)).collect())
        }
        Err(problems) => {
            let error = invalid(NETWORKS_ANNOTATION, &problems);
            if call.conf.cluster.on_invalid_selection == OnInvalid::Refuse {
                return Err(error);
            }
            let line = format!(
                "{}: {}; the whole annotation is ignored, as `onInvalidSelection` says",
                call.subject(),
                error.msg
            );
            call.node.warn(&line);
            Ok(Vec::new())
        }
    }
}

fn parse(call: &Call<'_>, annotation: &str, pod: &Pod) -> Result<Vec<Selection>, Vec<Problem>> {
    if !call.conf.cluster.compat_upstream {
        return parse_selections(annotation, &pod.namespace);
    }
    let (selections, passed_over) = parse_selections_as_upstream(annotation, &pod.namespace)?;
    for problem in passed_over {
        let line = format!("{}: annotation {NETWORKS_ANNOTATION}: passed over: {problem}", call.subject());
        call.node.warn(&line);
    }
    Ok(selections)
}

fn wish(asked: Asked, selection: Selection) -> Wish {
    Wish {
        asked,
        default: asked == Asked::DefaultNetwork,
        target: Target::Definition(selection.network.clone()),
        selection: Some(selection),
    }
}

fn invalid(annotation: &str, problems: &[Problem]) -> Error {
    Error::new(Code::InvalidConfig, format!("annotation {annotation}: {}", join(problems)))
        .with_details("correct the annotation; the pod is not started with fewer networks")
}
