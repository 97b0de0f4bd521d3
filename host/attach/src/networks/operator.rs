//! The networks that the conf gives every pod.

use multus_cluster::{NetworkRef, Pod};

use super::origin::Asked;
use super::wish::{Target, Wish};
use crate::conf::{ClusterConf, MultusConf, Reference};

/// The default network first, then the conf's other ones in their order. Without a pod those of any pod that
/// is not of the system.
pub(super) fn wishes(conf: &MultusConf, pod: Option<&Pod>) -> Vec<Wish> {
    let cluster = &conf.cluster;
    let mut wishes = match &cluster.network {
        Some(reference) => vec![by_reference(cluster, reference, Asked::ClusterNetwork)],
        None => written_out(conf),
    };
    if !pod.is_some_and(|pod| cluster.is_system(&pod.namespace)) {
        let further = cluster.default_networks.iter();
        wishes.extend(further.map(|reference| by_reference(cluster, reference, Asked::DefaultNetworks)));
    }
    wishes
}

fn written_out(conf: &MultusConf) -> Vec<Wish> {
    let (default, others): (Vec<_>, Vec<_>) = conf.delegates.iter().partition(|delegate| delegate.default);
    let ordered = default.into_iter().chain(others);
    let wishes = ordered.map(|delegate| Wish {
        asked: Asked::Delegates,
        default: delegate.default,
        target: Target::Written(delegate.network.clone()),
        selection: None,
    });
    wishes.collect()
}

fn by_reference(cluster: &ClusterConf, reference: &Reference, asked: Asked) -> Wish {
    let target = match reference {
        Reference::Path(path) => Target::Path(path.clone()),
        Reference::Name(name) => {
            let namespace = cluster.multus_namespace.clone();
            Target::Named(NetworkRef { namespace, name: name.clone() })
        }
    };
    Wish { asked, default: asked == Asked::ClusterNetwork, target, selection: None }
}
