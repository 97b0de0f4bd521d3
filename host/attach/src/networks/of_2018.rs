//! The objects of the 2018 README: a pod's annotation `networks` names Networks, and the first of them is its
//! default network (`multus.md` 7.2, 7.3).

use multus_cluster::{
    DEFAULT_NETWORK_ANNOTATION, NETWORKS_2018_ANNOTATION, NETWORKS_ANNOTATION, Network2018, NetworkRef,
    NotFound, Pod, Source, parse_annotation_2018,
};
use multus_cni::{Code, Error};

use super::origin::{Asked, Found, Origin};
use super::refusal::Refusal;
use super::{Wanted, isolation, join, source_error};
use crate::conf::MultusConf;

/// Where an object is looked for that the pod's own namespace does not have.
const FALLBACK_NAMESPACE: &str = "default";

/// The pod's networks, if it names them the way of 2018 and the conf lets it: they take the place of all that
/// the conf gives a pod.
///
/// # Errors
/// Both annotations on one pod, an annotation or object with a problem, an object that is not there.
pub(super) fn resolve(
    conf: &MultusConf,
    source: &dyn Source,
    pod: &Pod,
) -> Result<Option<Vec<Wanted>>, Refusal> {
    let Some(annotation) = pod.annotations.get(NETWORKS_2018_ANNOTATION).filter(|_| conf.is_of_2018()) else {
        return Ok(None);
    };
    refuse_both(pod)?;
    let names = parse_annotation_2018(annotation).map_err(|problems| {
        let message = format!("annotation {NETWORKS_2018_ANNOTATION}: {}", join(&problems));
        Error::new(Code::InvalidConfig, message)
            .with_details("correct the annotation; the pod is not started with fewer networks")
    })?;
    let objects = fetch(source, pod, names)?;
    let mut wanted = Vec::new();
    for (index, object) in objects.into_iter().enumerate() {
        isolation::check(&conf.cluster, pod, Asked::Networks2018, &object.reference)?;
        wanted.push(network(conf, &object, index == 0)?);
    }
    Ok(Some(wanted))
}

/// Which of them counts would be a guess.
fn refuse_both(pod: &Pod) -> Result<(), Error> {
    let newer = [NETWORKS_ANNOTATION, DEFAULT_NETWORK_ANNOTATION];
    let Some(newer) = newer.into_iter().find(|name| pod.annotations.contains_key(*name)) else {
        return Ok(());
    };
    let message = format!("the pod has the annotation `{NETWORKS_2018_ANNOTATION}` of 2018 and `{newer}`");
    Err(Error::new(Code::InvalidConfig, message)
        .with_details("they name different kinds of objects: keep one of them"))
}

/// The objects in the pod's namespace; those that are not there, in `default`.
fn fetch(source: &dyn Source, pod: &Pod, names: Vec<String>) -> Result<Vec<Network2018>, Refusal> {
    let own: Vec<NetworkRef> =
        names.into_iter().map(|name| NetworkRef { namespace: pod.namespace.clone(), name }).collect();
    let mut found = source.networks_2018(&own).map_err(source_error)?;
    let missing: Vec<NetworkRef> = found
        .iter()
        .filter_map(|object| object.as_ref().err())
        .filter(|_| pod.namespace != FALLBACK_NAMESPACE)
        .map(|NotFound { reference, .. }| NetworkRef {
            namespace: FALLBACK_NAMESPACE.to_owned(),
            name: reference.name.clone(),
        })
        .collect();
    if !missing.is_empty() {
        let mut instead = source.networks_2018(&missing).map_err(source_error)?.into_iter();
        for object in found.iter_mut().filter(|object| object.is_err()) {
            if let Some(Ok(fallback)) = instead.next() {
                *object = Ok(fallback);
            }
        }
    }
    found.into_iter().map(|object| object.map_err(|not_found| no_such_object(&not_found))).collect()
}

fn no_such_object(not_found: &NotFound) -> Refusal {
    let error =
        Error::new(Code::InvalidConfig, format!("{not_found}, nor in namespace {FALLBACK_NAMESPACE}"))
            .with_details("create that object of kind Network, or correct the annotation");
    Refusal::not_found(error)
}

/// `plugin` is the type, `args` the rest of the configuration; what it lacks is the object's name and the
/// conf's version.
fn network(conf: &MultusConf, object: &Network2018, default: bool) -> Result<Wanted, Error> {
    let reference = &object.reference;
    let refused = |text: String| {
        Error::new(Code::InvalidConfig, format!("network {reference}: {text}"))
            .with_details("correct the object; `multusctl validate FILE` shows every problem's place")
    };
    let configuration = object.config().map_err(|problem| refused(problem.to_string()))?;
    let network = conf
        .network(&configuration, Some(&reference.name))
        .map_err(|problems| refused(format!("`args`: {}", join(&problems))))?;
    Ok(Wanted {
        display: reference.to_string(),
        network,
        default,
        origin: Origin { asked: Asked::Networks2018, found: Found::Definition(reference.clone()) },
        selection: None,
        definition: None,
    })
}
