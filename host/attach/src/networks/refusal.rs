//! Why a pod does not get its networks, for the caller of the plugin and for people who look at the pod.

use multus_cni::Error;

/// A pod is refused before anything was made for it.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// For the runtime.
    pub(crate) error: Error,
    /// For the pod's event.
    pub(crate) reason: Reason,
}

/// The word that a pod's event begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A network that is defined nowhere; upstream's word.
    NoNetworkFound,
    /// Anything else that the pod, its networks or the node's conf would have to be changed for.
    NetworkRefused,
}

impl Reason {
    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::NoNetworkFound => "NoNetworkFound",
            Self::NetworkRefused => "NetworkRefused",
        }
    }
}

impl Refusal {
    /// A network is defined nowhere.
    pub(crate) fn not_found(error: Error) -> Self {
        Self { error, reason: Reason::NoNetworkFound }
    }

    /// The same with what it is about in front.
    #[must_use]
    pub(crate) fn context(self, prefix: &str) -> Self {
        Self { error: self.error.context(prefix), ..self }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, reason: Reason::NetworkRefused }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}
