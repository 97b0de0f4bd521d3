//! From a network definition to a configuration.

use multus_cluster::NetworkDefinition;
use multus_cni::conf::NetworkConf;
use multus_cni::{Code, Error};
use multus_document::Object;

use super::origin::Found;
use super::{conf_dir, join};
use crate::conf::MultusConf;

/// The configuration in `spec.config`; of an empty definition the one on the node's disk that has its name
/// (NP-03, NP-06). A missing name is the definition's (NP-07), a missing version the conf's.
///
/// # Errors
/// Code 5 to 7: what is wrong with it, or where it was looked for.
pub(super) fn network(
    conf: &MultusConf,
    definition: &NetworkDefinition,
) -> Result<(Found, NetworkConf), Error> {
    let reference = &definition.reference;
    if definition.config.trim().is_empty() {
        let file = conf_dir::find(&conf.cluster.conf_dir, &reference.name)
            .map_err(|error| error.context("the definition has no `spec.config`"))?;
        let network = file.network(None, conf)?;
        return Ok((Found::DefinedFile(reference.clone(), file.path), network));
    }
    let object = Object::parse(definition.config.as_bytes())
        .map_err(|error| Error::new(Code::Decode, format!("`spec.config` is not valid JSON: {error}")))?;
    let network = conf.network(&object, Some(&reference.name)).map_err(|problems| {
        Error::new(Code::InvalidConfig, format!("`spec.config`: {}", join(&problems)))
            .with_details("correct the definition; `multusctl validate FILE` shows every problem's place")
    })?;
    Ok((Found::Definition(reference.clone()), network))
}
