//! Which networks this pod gets: the conf's delegates, then what its annotation asks for.

use multus_cluster::{
    ManifestDirectory, NetworkDefinition, NetworkRef, Pod, Selection, Source, parse_selections,
};
use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};
use multus_document::{Object, Problem};
use multus_journal::PodKey;

use crate::conf::MultusConf;

/// The 2018 README's annotation, which needs the objects of its time.
const ANNOTATION_2018: &str = "networks";

/// One network of a pod, before anything was changed or judged.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// `namespace/name` of the definition, or the conf's name.
    pub(crate) display: String,
    pub(crate) network: NetworkConf,
    pub(crate) default: bool,
    pub(crate) selection: Option<Selection>,
    pub(crate) definition: Option<NetworkDefinition>,
}

/// The pod and its networks: the default one first, then in the order of conf and annotation.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) pod: Option<Pod>,
    pub(crate) wanted: Vec<Wanted>,
}

/// Where the cluster's objects come from, if the conf names a place.
pub(crate) fn source(conf: &MultusConf) -> Result<Option<Box<dyn Source>>, Error> {
    let Some(directory) = &conf.manifests else { return Ok(None) };
    let source = ManifestDirectory::open(directory).map_err(source_error)?;
    Ok(Some(Box::new(source)))
}

/// Finds out what one pod asks for.
///
/// # Errors
/// A pod or definition that is not there, an annotation or definition with a problem: a pod never
/// runs with fewer networks than it asked for.
pub(crate) fn resolve(
    conf: &MultusConf,
    source: Option<&dyn Source>,
    pod: Option<&PodKey>,
) -> Result<Resolved, Error> {
    let mut wanted = from_conf(conf);
    let pod = match source {
        None => pod.map(unknown_pod),
        Some(source) => {
            let pod = find_pod(source, pod, conf)?;
            wanted.extend(from_annotation(source, &pod, conf)?);
            Some(pod)
        }
    };
    Ok(Resolved { pod, wanted })
}

fn from_conf(conf: &MultusConf) -> Vec<Wanted> {
    let (default, others): (Vec<_>, Vec<_>) = conf.delegates.iter().partition(|delegate| delegate.default);
    let ordered = default.into_iter().chain(others);
    let wanted = ordered.map(|delegate| Wanted {
        display: delegate.network.name.clone(),
        network: delegate.network.clone(),
        default: delegate.default,
        selection: None,
        definition: None,
    });
    wanted.collect()
}

/// What the runtime says of a pod when there is no cluster to ask.
fn unknown_pod(key: &PodKey) -> Pod {
    Pod {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        uid: key.uid.clone().unwrap_or_default(),
        ..Pod::default()
    }
}

fn find_pod(source: &dyn Source, key: Option<&PodKey>, conf: &MultusConf) -> Result<Pod, Error> {
    let directory = conf.manifests.as_deref().unwrap_or("".as_ref()).display();
    let Some(key) = key else {
        let message =
            "CNI_ARGS names no pod (K8S_POD_NAMESPACE, K8S_POD_NAME), so its networks can't be looked up";
        return Err(Error::new(Code::InvalidEnvironment, message)
            .with_details("take `manifests` out of the multus conf if this container is not a pod"));
    };
    let pod = source.pod(&key.namespace, &key.name).map_err(source_error)?.ok_or_else(|| {
        Error::new(Code::TryAgainLater, format!("the pod is not among the manifests in {directory}"))
            .with_details("it may have been deleted; else write its manifest there")
    })?;
    let replaced = |asked: &&String| !pod.uid.is_empty() && **asked != pod.uid && !pod.static_pod;
    if let Some(asked) = key.uid.as_ref().filter(replaced) {
        let message =
            format!("the runtime starts the pod with UID {asked}, the manifest is of UID {}", pod.uid);
        return Err(Error::new(Code::TryAgainLater, message)
            .with_details("the pod was replaced by a newer one of the same name"));
    }
    Ok(pod)
}

fn from_annotation(source: &dyn Source, pod: &Pod, conf: &MultusConf) -> Result<Vec<Wanted>, Error> {
    if conf.masterplugin && pod.annotations.contains_key(ANNOTATION_2018) {
        let message = format!("the annotation `{ANNOTATION_2018}` of 2018 is not supported by this version");
        let advice = format!("name the networks in `{}`", multus_cluster::NETWORKS_ANNOTATION);
        return Err(Error::new(Code::UnsupportedField, message).with_details(advice));
    }
    if pod.annotations.contains_key(multus_cluster::DEFAULT_NETWORK_ANNOTATION) {
        let message = format!(
            "the annotation `{}` is not supported by this version",
            multus_cluster::DEFAULT_NETWORK_ANNOTATION
        );
        return Err(Error::new(Code::UnsupportedField, message)
            .with_details("take it out of the pod; its default network is the conf's"));
    }
    let Some(annotation) = pod.annotations.get(multus_cluster::NETWORKS_ANNOTATION) else {
        return Ok(Vec::new());
    };
    let selections =
        parse_selections(annotation, &pod.namespace).map_err(|problems| annotation_error(&problems))?;
    let references: Vec<NetworkRef> = selections.iter().map(|selection| selection.network.clone()).collect();
    let definitions = source.networks(&references).map_err(source_error)?;
    selections
        .into_iter()
        .zip(definitions)
        .map(|(selection, definition)| wanted(selection, definition, conf))
        .collect()
}

fn wanted(
    selection: Selection,
    definition: Result<NetworkDefinition, multus_cluster::NotFound>,
    conf: &MultusConf,
) -> Result<Wanted, Error> {
    let display = format!("{}/{}", selection.network.namespace, selection.network.name);
    let of = |error: Error| error.context(&format!("network {display}"));
    let definition = definition.map_err(|error| of(Error::new(Code::InvalidConfig, error.to_string())))?;
    if let Some(resource) = definition.annotations.get(multus_cluster::RESOURCE_NAME_ANNOTATION) {
        let message = format!(
            "the definition consumes the device resource `{resource}`, which this version does not support"
        );
        return Err(of(Error::new(Code::UnsupportedField, message)));
    }
    let network = parse_definition(&definition, conf).map_err(of)?;
    Ok(Wanted { display, network, default: false, selection: Some(selection), definition: Some(definition) })
}

fn parse_definition(definition: &NetworkDefinition, conf: &MultusConf) -> Result<NetworkConf, Error> {
    if definition.config.trim().is_empty() {
        return Err(Error::new(Code::InvalidConfig, "the definition has no `spec.config`").with_details(
            "write the network's CNI configuration there; files in `confDir` are not read by this version",
        ));
    }
    let object = Object::parse(definition.config.as_bytes())
        .map_err(|error| Error::new(Code::Decode, format!("`spec.config` is not valid JSON: {error}")))?;
    let version = conf.cni_version.to_string();
    NetworkConf::parse(&object, Some(&definition.reference.name), Some(&version))
        .map_err(|problems| Error::new(Code::InvalidConfig, format!("`spec.config`: {}", join(&problems))))
}

fn annotation_error(problems: &[Problem]) -> Error {
    let message = format!("annotation {}: {}", multus_cluster::NETWORKS_ANNOTATION, join(problems));
    Error::new(Code::InvalidConfig, message)
        .with_details("correct the annotation; the pod is not started with fewer networks")
}

pub(crate) fn join(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

pub(crate) fn source_error(error: multus_cluster::SourceError) -> Error {
    Error::new(Code::TryAgainLater, error.to_string())
}
