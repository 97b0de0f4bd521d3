//! The kinds of objects that manifests are read for.

use std::fmt;

/// A kind that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pod,
    Network,
    Namespace,
}

impl Kind {
    /// The kind of that name, or `None` for one that we don't read.
    pub(crate) fn named(text: &str) -> Option<Self> {
        [Self::Pod, Self::Network, Self::Namespace].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The kind's name in a manifest.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Network => "NetworkAttachmentDefinition",
            Self::Namespace => "Namespace",
        }
    }

    /// The `apiVersion` that goes with it.
    pub(crate) fn api_version(self) -> &'static str {
        match self {
            Self::Network => "k8s.cni.cncf.io/v1",
            Self::Pod | Self::Namespace => "v1",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
