//! The complete plan of one ADD, as data: nothing on the node has changed when it stands.

mod args;
mod build;
mod capabilities;
mod device;
mod names;
mod runner;

use std::cell::OnceCell;
use std::net::IpAddr;
use std::path::PathBuf;

use multus_cluster::Pod;
use multus_cluster::devices::Device;
use multus_cni::conf::{NetworkConf, PluginConf};
use multus_document::Object;
use multus_journal::{AttachmentIntent, Implementation, StepIntent};
use serde::Serialize;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value};

use self::capabilities::Wish;
use crate::networks::{Asked, Origin};

pub use build::explain;
pub(crate) use build::{Built, build, seen_by_modules};
pub(crate) use runner::{is_delegate, may_become_another};

/// Every attachment of one pod, in the order in which they are made.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The pod, as far as the source or the runtime told.
    pub pod: Option<Pod>,
    /// The default network first.
    pub attachments: Vec<Attachment>,
}

/// One network of the pod: final conf, interface, arguments, and who decided what on the way.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Place in the list, from 0.
    pub index: u32,
    /// `CNI_IFNAME` of its delegates.
    pub interface: String,
    /// `namespace/name` of the definition, or the conf's name.
    pub display: String,
    /// The pod's default network: its result is returned.
    pub default: bool,
    /// Who asked for it, and where its configuration was found.
    pub origin: Origin,
    /// The conf as it will be used, transforms applied.
    pub network: NetworkConf,
    /// Capability arguments offered to its plugins.
    pub runtime_config: Map<String, Value>,
    /// `CNI_ARGS` of its delegates.
    pub args: String,
    /// Gateways of `default-route`, if it is the one that the pod wants its default routes on (NP-22).
    pub default_route: Option<Vec<IpAddr>>,
    /// The device that it was given, if its definition names a resource.
    pub device: Option<Device>,
    /// Where plugins find, or leave, information about their device.
    pub device_info: Option<PathBuf>,
    /// One per plugin, in the list's order.
    pub steps: Vec<Step>,
    /// What transforms changed and policies said, in the order in which they ran.
    pub decisions: Vec<Decision>,
    /// The definition's annotations and the selection element, for modules that look deeper.
    pub(crate) definition_annotations: Value,
    pub(crate) selection: Value,
    /// What the selection asks for and a plugin has to be able to do.
    pub(crate) wishes: Vec<Wish>,
    /// See [`conf`](Self::conf).
    pub(crate) whole: OnceCell<Object>,
}

/// One plugin of an attachment.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its `type`.
    pub plugin: String,
    /// Exact standard input, but for the `prevResult` of a chained plugin.
    pub stdin: Object,
    /// What runs.
    pub implementation: Implementation,
}

/// What one module did to, or said of, one attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The module's name in the catalog.
    pub module: String,
    /// `transform` or `policy`.
    pub role: &'static str,
    /// In words: the change, or the verdict and its reason.
    pub said: String,
}

impl Attachment {
    /// The whole conf or conflist as it is used: named, versioned, changed by selection and transforms.
    /// Whoever detaches or collects garbage without the record has to use the same.
    /// Put together once, when nothing changes it any more.
    pub(crate) fn conf(&self) -> &Object {
        self.whole.get_or_init(|| self.put_together())
    }

    fn put_together(&self) -> Object {
        let mut conf = self.network.source.clone();
        let plugins: Vec<&Object> = self.network.plugins.iter().map(PluginConf::object).collect();
        if let (true, Some(plugin)) = (self.network.single, plugins.first()) {
            conf.clone_from(plugin);
        } else if let Ok(text) = to_raw_value(&plugins) {
            conf.set_text("plugins", &text);
        }
        conf.set("name", &Value::from(self.network.name.as_str()));
        conf.set("cniVersion", &Value::from(self.network.cni_version.to_string()));
        conf
    }

    /// What the record keeps of it.
    pub(crate) fn intent(&self) -> AttachmentIntent {
        let step = |step: &Step| StepIntent {
            plugin: step.plugin.clone(),
            conf: step.stdin.to_string(),
            implementation: step.implementation.clone(),
        };
        AttachmentIntent {
            index: self.index,
            interface: self.interface.clone(),
            network: self.network.name.clone(),
            display: self.display.clone(),
            default: self.default,
            cni_version: self.network.cni_version.to_string(),
            args: self.args.clone(),
            runtime_config: self.runtime_config.clone(),
            disable_check: self.network.disable_check,
            disable_gc: self.network.disable_gc,
            source: self.conf().to_string(),
            steps: self.steps.iter().map(step).collect(),
        }
    }

    /// It is no network of its own: its plugins go on from the default network's result (decision 10).
    pub(crate) fn is_auxiliary(&self) -> bool {
        self.origin.asked == Asked::AuxiliaryChain
    }

    /// How messages call it.
    pub(crate) fn label(&self) -> String {
        format!("network {} ({})", self.display, self.interface)
    }
}
