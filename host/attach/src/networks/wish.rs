//! What was asked for, and how it becomes a network.

use std::collections::BTreeMap;
use std::path::PathBuf;

use multus_cluster::{NetworkDefinition, NetworkRef, NotFound, Selection, Source};
use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};

use super::origin::{Asked, Found, Origin};
use super::refusal::Refusal;
use super::{Wanted, conf_dir, definition, path, source_error};
use crate::conf::MultusConf;

/// One network that the conf or the pod asked for; nothing was looked up yet.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) asked: Asked,
    pub(super) default: bool,
    pub(super) target: Target,
    pub(super) selection: Option<Selection>,
}

/// What a wish names.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// A network that is written out in the conf.
    Written(NetworkConf),
    /// A network definition.
    Definition(NetworkRef),
    /// A network definition of the operator's, or a file in `confDir` of that name.
    Named(NetworkRef),
    /// A file, or a folder whose first file counts.
    Path(PathBuf),
}

impl Target {
    /// The network definition that is looked for.
    pub(super) fn definition(&self) -> Option<&NetworkRef> {
        match self {
            Self::Definition(reference) => Some(reference),
            Self::Named(reference) if multus_cluster::is_object_name(&reference.name) => Some(reference),
            Self::Named(_) | Self::Written(_) | Self::Path(_) => None,
        }
    }
}

type Definitions = BTreeMap<NetworkRef, Result<NetworkDefinition, NotFound>>;

/// Looks up everything that was wished for, each definition once and all at once.
///
/// # Errors
/// The first wish that can't be granted.
pub(super) fn grant(
    conf: &MultusConf,
    source: Option<&dyn Source>,
    wishes: Vec<Wish>,
) -> Result<Vec<Wanted>, Refusal> {
    let definitions = match source {
        Some(source) => fetch(source, &wishes)?,
        None => Definitions::new(),
    };
    wishes.into_iter().map(|wish| wanted(conf, &definitions, wish)).collect()
}

fn fetch(source: &dyn Source, wishes: &[Wish]) -> Result<Definitions, Error> {
    let mut references: Vec<NetworkRef> =
        wishes.iter().filter_map(|wish| wish.target.definition().cloned()).collect();
    references.sort();
    references.dedup();
    if references.is_empty() {
        return Ok(Definitions::new());
    }
    let found = source.networks(&references).map_err(source_error)?;
    Ok(references.into_iter().zip(found).collect())
}

fn wanted(conf: &MultusConf, definitions: &Definitions, wish: Wish) -> Result<Wanted, Refusal> {
    let Wish { asked, default, target, selection } = wish;
    let (found, network, definition) = match target {
        Target::Written(network) => (Found::Conf, network, None),
        Target::Definition(reference) => defined(conf, definitions, &reference)?,
        Target::Named(reference) => named(conf, definitions, &reference)
            .map_err(|refusal| refusal.context(&format!("{asked} names `{}`", reference.name)))?,
        Target::Path(path) => {
            let (path, network) =
                path::network(conf, &path).map_err(|error| error.context(&asked.to_string()))?;
            (Found::File(path), network, None)
        }
    };
    let display =
        definition.as_ref().map_or_else(|| network.name.clone(), |found| found.reference.to_string());
    let origin = Origin { asked, found };
    Ok(Wanted { display, network, default, origin, selection, definition })
}

type Looked = (Found, NetworkConf, Option<NetworkDefinition>);

fn defined(conf: &MultusConf, definitions: &Definitions, reference: &NetworkRef) -> Result<Looked, Refusal> {
    match definitions.get(reference) {
        Some(Ok(definition)) => {
            let (found, network) = definition::network(conf, definition)
                .map_err(|error| error.context(&format!("network {reference}")))?;
            Ok((found, network, Some(definition.clone())))
        }
        Some(Err(not_found)) => Err(missing(not_found)),
        None => {
            let message = format!("network {reference}: there is no cluster to ask for it");
            Err(Error::new(Code::InvalidConfig, message)
                .with_details("the multus conf needs `kubeconfig` or `manifests`")
                .into())
        }
    }
}

fn missing(not_found: &NotFound) -> Refusal {
    Refusal::not_found(Error::new(Code::InvalidConfig, not_found.to_string()))
}

/// A definition comes before a file. One that is there but broken is an error: the file of its name may be
/// quite another network.
fn named(conf: &MultusConf, definitions: &Definitions, reference: &NetworkRef) -> Result<Looked, Refusal> {
    let not_found = match definitions.get(reference) {
        Some(Ok(_)) => return defined(conf, definitions, reference),
        Some(Err(not_found)) => not_found.to_string(),
        None => format!("no cluster was asked for network {reference}"),
    };
    let file = conf_dir::find(&conf.cluster.conf_dir, &reference.name).map_err(|error| {
        let message = format!("{not_found}; {}", error.msg);
        Refusal::not_found(Error { msg: message, ..error })
    })?;
    let network = file.network(None, conf)?;
    Ok((Found::File(file.path), network, None))
}
