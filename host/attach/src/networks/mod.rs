//! Which networks this pod gets, and where each of them comes from.
//!
//! What conf and annotations ask for is gathered first, as [`Wish`]es; who may use what is decided on those
//! (`isolation`); then every definition is fetched in one batch, and each wish becomes a [`Wanted`].

mod annotation;
mod chain;
mod conf_dir;
mod definition;
mod file;
mod isolation;
mod of_2018;
mod operator;
mod origin;
mod path;
mod pod;
mod refusal;
mod source;
mod wish;

use multus_cluster::{NetworkDefinition, Pod, Selection, Source};
use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};
use multus_document::Problem;

pub use origin::{Asked, Found, Origin};
pub(crate) use refusal::Refusal;
pub(crate) use source::{open as source, source_error};

use crate::call::Call;
use wish::Wish;

/// One network of a pod, before anything was changed or judged.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// `namespace/name` of the definition, or the conf's name.
    pub(crate) display: String,
    pub(crate) network: NetworkConf,
    pub(crate) default: bool,
    pub(crate) origin: Origin,
    pub(crate) selection: Option<Selection>,
    pub(crate) definition: Option<NetworkDefinition>,
}

/// The pod and its networks: the default one first, then in the order of conf and annotation.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) pod: Option<Pod>,
    pub(crate) wanted: Vec<Wanted>,
    /// Automatic names count from `net0`, as in 2018.
    pub(crate) from_net0: bool,
}

/// Finds out what one pod asks for.
///
/// # Errors
/// A pod or definition that is not there, an annotation or definition with a problem, a network that the pod
/// may not use: a pod never runs with fewer networks than it asked for.
pub(crate) fn resolve(call: &Call<'_>, source: Option<&dyn Source>) -> Result<Resolved, Refusal> {
    let conf = call.conf;
    let pod = pod::find(call, source)?;
    if let (Some(source), Some(pod)) = (source, &pod)
        && let Some(wanted) = of_2018::resolve(conf, source, pod)?
    {
        return Ok(Resolved { wanted, pod: Some(pod.clone()), from_net0: true });
    }
    let mut wishes = operator::wishes(conf, pod.as_ref());
    if let Some(pod) = &pod {
        annotation::replace_default(conf, pod, &mut wishes)?;
        wishes.extend(annotation::selected(call, pod)?);
    }
    let wanted = granted(call, source, pod.as_ref(), wishes)?;
    Ok(Resolved { pod, wanted, from_net0: conf.masterplugin })
}

/// Whether a definition has to be looked up to know the networks that the conf gives every pod.
pub(crate) fn conf_needs_source(call: &Call<'_>) -> bool {
    operator::wishes(call.conf, None).iter().any(|wish| wish.target.definition().is_some())
}

/// The networks that the conf gives every pod, for verbs that are about no pod: the default one first; none
/// where only pods bring networks.
///
/// # Errors
/// A network that can't be found or read.
pub(crate) fn of_conf(call: &Call<'_>, source: Option<&dyn Source>) -> Result<Vec<Wanted>, Refusal> {
    match operator::wishes(call.conf, None) {
        wishes if wishes.is_empty() => Ok(Vec::new()),
        wishes => granted(call, source, None, wishes),
    }
}

fn granted(
    call: &Call<'_>,
    source: Option<&dyn Source>,
    pod: Option<&Pod>,
    wishes: Vec<Wish>,
) -> Result<Vec<Wanted>, Refusal> {
    let conf = call.conf;
    if let Some(pod) = pod {
        for wish in &wishes {
            let network = wish.target.definition();
            network.map_or(Ok(()), |network| isolation::check(&conf.cluster, pod, wish.asked, network))?;
        }
    }
    let mut wanted = wish::grant(conf, source, wishes)?;
    let Some(default) = wanted.first().filter(|first| first.default) else {
        return Err(no_default_network().into());
    };
    wanted.extend(chain::auxiliary(&conf.cluster, default)?);
    Ok(wanted)
}

fn no_default_network() -> Error {
    let message = format!(
        "the conf names no default network, and the pod has no annotation `{}` that brings one",
        multus_cluster::NETWORKS_2018_ANNOTATION
    );
    Error::new(Code::InvalidConfig, message)
        .with_details("write the default network into `delegates` or `clusterNetwork` of the multus conf")
}

pub(crate) fn join(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
