//! The kinds of objects that manifests are read for.

use std::fmt;

/// A kind that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pod,
    Network,
    Network2018,
    Namespace,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Pod, Self::Network, Self::Network2018, Self::Namespace];

    /// The kind of that name, or `None` for one that we don't read.
    pub(crate) fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The kind's name in a manifest.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Network => "NetworkAttachmentDefinition",
            Self::Network2018 => "Network",
            Self::Namespace => "Namespace",
        }
    }

    /// The `apiVersion` that goes with it.
    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Self::Network => "k8s.cni.cncf.io/v1",
            Self::Network2018 => "kubernetes-network.cni.cncf.io/v1",
            Self::Pod | Self::Namespace => "v1",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
