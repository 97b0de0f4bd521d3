//! What a record's lines say. The shape is final: see [`Entry`] for how it may grow.

use std::fmt;

use multus_net::{BootId, NetnsId, PciAddress};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Which ADD call a record belongs to: CNI forbids a second ADD of the pair without a DEL between.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CallKey {
    /// CNI_CONTAINERID.
    pub container_id: String,
    /// CNI_IFNAME of the call (the default network's interface).
    pub interface: String,
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "container {} interface {}", self.container_id, self.interface)
    }
}

/// The pod that a call was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PodKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID, where the runtime or the source of pods told it.
    pub uid: Option<String>,
}

/// The ADD call itself: the first line of every record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call {
    /// Container and interface.
    pub key: CallKey,
    /// Name of the outer network, the configuration that the runtime called with.
    pub network: String,
    /// CNI_NETNS as given. Not an identity.
    pub netns_path: String,
    /// What the path meant at ADD.
    pub netns: Option<NetnsId>,
    /// The boot in which the call was made.
    pub boot: BootId,
    /// CNI_ARGS as given.
    pub args: String,
    /// CNI_PATH as given.
    pub path: String,
    /// The pod, if the call named one.
    pub pod: Option<PodKey>,
    /// When, in milliseconds since the epoch.
    pub started: u64,
}

/// One attachment as it was planned and reviewed. What stands here decides DEL and CHECK.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AttachmentIntent {
    /// Place in the order of attaching, from 0; unique within the record.
    pub index: u32,
    /// CNI_IFNAME given to its plugins.
    pub interface: String,
    /// Name of its network configuration.
    pub network: String,
    /// How people know it: `namespace/name`, or the configuration's name.
    pub display: String,
    /// Whether it is the default network, whose result the caller gets.
    pub default: bool,
    /// The version spoken with its plugins.
    pub cni_version: String,
    /// CNI_ARGS given to its plugins.
    pub args: String,
    /// Capability arguments that were available to its plugins.
    #[serde(with = "json_text")]
    pub runtime_config: Map<String, Value>,
    /// The configuration's `disableCheck`.
    pub disable_check: bool,
    /// The configuration's `disableGC`.
    pub disable_gc: bool,
    /// The whole configuration or list as it was used.
    pub source: String,
    /// Its plugins, in the order of ADD.
    pub steps: Vec<StepIntent>,
}

/// One plugin of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepIntent {
    /// Its `type`.
    pub plugin: String,
    /// Exactly what it gets on stdin, without `prevResult`.
    pub conf: String,
    /// What runs.
    pub implementation: Implementation,
}

/// What does a plugin's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Implementation {
    /// A binary.
    Exec {
        /// Where it was found at ADD.
        path: String,
    },
    /// A component of the catalog.
    Component {
        /// Its name in the catalog.
        module: String,
        /// Digest of the component, `sha256:…`.
        digest: String,
        /// It has work of its own at CHECK and DEL.
        #[serde(default)]
        lifecycle: bool,
    },
}

/// What an effect or its undoing belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The call as a whole, such as the pod's network-status.
    Call,
    /// One attachment as a whole, such as its entry in libcni's cache.
    Attachment {
        /// [`AttachmentIntent::index`].
        attachment: u32,
    },
    /// One plugin of an attachment.
    Step {
        /// [`AttachmentIntent::index`].
        attachment: u32,
        /// Place in [`AttachmentIntent::steps`].
        step: u32,
    },
}

/// Something about to be done to the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// A plugin binary is run.
    Exec {
        /// CNI_COMMAND.
        verb: String,
        /// Exactly what it gets on stdin.
        stdin: String,
    },
    /// The pod's network-status is written.
    Status {
        /// Where: a file, or the pod's place at the API server.
        path: String,
    },
    /// The pod's default routes are given to one attachment. Nothing undoes it: routes and settings are in the pod's
    /// namespace and go with the links that they are of.
    DefaultRoutes {
        /// Routes that go, as `ip route` writes them.
        delete: Vec<String>,
        /// Routes that come, as `ip route` writes them.
        add: Vec<String>,
        /// Links that no longer learn default routes from routers (IPv6).
        deaf: Vec<String>,
    },
    /// What a device plugin tells of a device is put where the network's plugins find it, or a plugin puts it
    /// there.
    DeviceInfo {
        /// The file.
        path: String,
    },
    /// A component changes the kernel's state.
    Net {
        /// What it does.
        effect: multus_net::Effect,
    },
    /// A component claims a key, such as an address, in a folder of claims.
    Claim {
        /// The folder that the operator granted.
        directory: String,
        /// Its subfolder.
        network: String,
        /// The claim's file.
        key: String,
    },
    /// A component leaves a note for all attachments in a folder of claims. Nothing takes it back.
    Note {
        /// As for [`Effect::Claim`].
        directory: String,
        /// As for [`Effect::Claim`].
        network: String,
        /// The note's file.
        name: String,
        /// What it says.
        value: String,
    },
    /// A component claims a virtual function of a network card.
    Device {
        /// The folder of claims.
        directory: String,
        /// Which.
        address: PciAddress,
        /// The path of the pod's namespace.
        netns: String,
    },
    /// A component has a plugin binary run for it. Undone by its DEL.
    Delegate {
        /// Its `type`.
        plugin: String,
        /// Where it was found.
        path: String,
        /// Exactly what it got on stdin.
        stdin: String,
        /// It gave addresses: what has them goes before they are given back.
        ipam: bool,
    },
}

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As intended.
    Ok,
    /// With an error; it may have left something all the same.
    Failed {
        /// The error.
        message: String,
    },
}

/// One line of a record after the first, which is the [`Call`].
///
/// How this may grow without a change of format: a member that an older reader may ignore is added with
/// `#[serde(default)]`; whatever it must not ignore is a new variant, here or in an enum below. A reader
/// that meets a line with a good checksum that it does not understand reports it as written by a newer
/// version ([`RecordProblem::Newer`](crate::RecordProblem::Newer)) and never guesses.
/// Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// Everything that is going to be attached. Once, before the first intent.
    Plan {
        /// In the order of attaching.
        attachments: Vec<AttachmentIntent>,
    },
    /// Written before the effect is tried.
    Intent {
        /// Whose effect.
        part: Part,
        /// Number of the effect, unique within the record.
        sequence: u64,
        /// When.
        at: u64,
        /// What.
        effect: Effect,
    },
    /// The effect of that number has ended.
    Done {
        /// [`Entry::Intent`]'s number.
        sequence: u64,
        /// When.
        at: u64,
        /// How.
        outcome: Outcome,
    },
    /// A plugin's ADD succeeded with this result.
    Result {
        /// Whose.
        attachment: u32,
        /// Which plugin.
        step: u32,
        /// Exactly as the plugin printed it; may be empty.
        result: String,
    },
    /// Every plugin of the attachment succeeded. A second one is the result as [`Effect::DefaultRoutes`] left it.
    Attached {
        /// Which.
        attachment: u32,
        /// When.
        at: u64,
        /// The list's final result.
        result: String,
    },
    /// The ADD succeeded as a whole and its result was handed to the caller.
    Committed {
        /// When.
        at: u64,
    },
    /// An attempt to undo begins. The first one starts the clock of bounded retries.
    Undoing {
        /// When.
        at: u64,
        /// Why: "DEL", "ADD failed: …", "killed", "not in the GC's list".
        reason: String,
    },
    /// Nothing of this part is left.
    Undone {
        /// Which part.
        part: Part,
        /// When.
        at: u64,
    },
    /// This part could not be undone this time.
    UndoFailed {
        /// Which part.
        part: Part,
        /// When.
        at: u64,
        /// The error.
        message: String,
    },
    /// DEL gave up: the record moves to the leftovers.
    Leftover {
        /// When.
        at: u64,
        /// What is left and why.
        why: String,
    },
}

/// JSON kept as text inside the entry, so that its nesting doesn't count towards the reader's depth limit.
mod json_text {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_json::{Map, Value};

    pub(super) fn serialize<S: Serializer>(
        map: &Map<String, Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(map).map_err(S::Error::custom)?;
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Map<String, Value>, D::Error> {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}
