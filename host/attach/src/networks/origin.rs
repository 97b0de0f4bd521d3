//! Where a network of a pod comes from.

use std::fmt;
use std::path::PathBuf;

use multus_cluster::NetworkRef;
use serde::{Serialize, Serializer};

/// Who asked for a network, and where its configuration was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Who asked.
    pub asked: Asked,
    /// Where it was found.
    pub found: Found,
}

/// Who asked for a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The conf, by writing it out in `delegates`.
    Delegates,
    /// The conf, by `clusterNetwork`.
    ClusterNetwork,
    /// The conf, by `defaultNetworks`.
    DefaultNetworks,
    /// The conf, by `auxiliaryCNIChainName`.
    AuxiliaryChain,
    /// The pod, by the annotation that replaces the default network.
    DefaultNetwork,
    /// The pod, by the annotation that selects networks.
    Networks,
    /// The pod, by the annotation of 2018.
    Networks2018,
}

/// Where a network's configuration stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// In the conf itself.
    Conf,
    /// In a network definition, or in a Network of 2018.
    Definition(NetworkRef),
    /// In a file that an empty network definition stands for (NP-03).
    DefinedFile(NetworkRef, PathBuf),
    /// In a file that the conf names.
    File(PathBuf),
}

impl Asked {
    /// Whether the pod asked; else the operator of the node did.
    pub(super) fn by_pod(self) -> bool {
        matches!(self, Self::DefaultNetwork | Self::Networks | Self::Networks2018)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delegates => "listed in `delegates`",
            Self::ClusterNetwork => "`clusterNetwork`",
            Self::DefaultNetworks => "`defaultNetworks`",
            Self::AuxiliaryChain => "`auxiliaryCNIChainName`",
            Self::DefaultNetwork => "chosen by the pod as its default network",
            Self::Networks => "selected by the pod",
            Self::Networks2018 => "selected by the pod, the way of 2018",
        })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conf => f.write_str("the conf itself"),
            Self::Definition(reference) => write!(f, "definition {reference}"),
            Self::DefinedFile(reference, path) => {
                write!(f, "definition {reference}, file {}", path.display())
            }
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found {
            Found::Conf => self.asked.fmt(f),
            _ => write!(f, "{}: {}", self.asked, self.found),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
