//! Upstream's scratch file `<cniDir>/<containerID>`: the delegates of a container, in order.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use multus_cni::conf::{NetworkConf, PluginConf};
use multus_document::{Object, file};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::plan::{Attachment, Plan};

/// Folders of our own and of libcni that a container of the same name would collide with.
const RESERVED: &[&str] = &["attachments", "leftover", "quarantine", "results"];

/// One delegate, with the names that upstream's Go structure has on disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct ScratchDelegate {
    #[serde(rename = "Conf")]
    conf: Value,
    #[serde(rename = "ConfList")]
    conf_list: Value,
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "ifnameRequest", skip_serializing_if = "String::is_empty")]
    interface: String,
    #[serde(rename = "Bytes")]
    bytes: String,
    /// Not upstream's: types of the plugins that are modules.
    #[serde(rename = "multusModules", skip_serializing_if = "Vec::is_empty")]
    modules: Vec<String>,
}

impl Default for ScratchDelegate {
    fn default() -> Self {
        let empty = || Value::Object(serde_json::Map::new());
        Self {
            conf: empty(),
            conf_list: empty(),
            name: String::new(),
            interface: String::new(),
            bytes: String::new(),
            modules: Vec::new(),
        }
    }
}

/// A delegate as upstream attached it.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) network: NetworkConf,
    pub(super) interface: String,
    /// Types of the plugins that were modules: their effects are on record, never upstream's to take back.
    pub(super) modules: Vec<String>,
}

impl Attached {
    pub(super) fn is_module(&self, plugin: &PluginConf) -> bool {
        self.modules.iter().any(|kind| kind == plugin.plugin_type())
    }
}

fn path(call: &Call<'_>, container_id: &str) -> Option<PathBuf> {
    (!RESERVED.contains(&container_id)).then(|| call.conf.cni_dir.join(container_id))
}

fn draft(path: &Path, container_id: &str) -> PathBuf {
    path.with_file_name(format!(".{container_id}.new"))
}

/// Written under another name and renamed, so that upstream never reads half of it.
pub(super) fn write(call: &Call<'_>, plan: &Plan) -> io::Result<()> {
    let Some(path) = path(call, &call.request.container_id) else { return Ok(()) };
    let delegates: Vec<ScratchDelegate> = plan.attachments.iter().map(delegate).collect();
    let draft = draft(&path, &call.request.container_id);
    let text = serde_json::to_string(&delegates)?;
    file::replace(&path, &draft, |draft| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
        file.write_all(text.as_bytes())
    })
}

fn delegate(attachment: &Attachment) -> ScratchDelegate {
    let conf = attachment.conf();
    let mut delegate = ScratchDelegate {
        name: attachment.display.clone(),
        interface: attachment.interface.clone(),
        bytes: STANDARD.encode(conf.to_string()),
        modules: super::by_modules(attachment),
        ..ScratchDelegate::default()
    };
    if attachment.network.single {
        delegate.conf = conf.to_value();
    } else {
        delegate.conf_list = conf.to_value();
    }
    delegate
}

pub(super) fn remove(call: &Call<'_>, container_id: &str) -> io::Result<()> {
    let Some(path) = path(call, container_id) else { return Ok(()) };
    // A draft is there if the ADD was killed while it wrote.
    [draft(&path, container_id), path].iter().try_for_each(|path| file::remove(path))
}

/// The delegates of a container in the order in which upstream attached them; `None` without a
/// readable file.
pub(super) fn read(call: &Call<'_>, container_id: &str, default_name: &str) -> Option<Vec<Attached>> {
    let text = fs::read(path(call, container_id)?).ok()?;
    let delegates: Vec<ScratchDelegate> = multus_document::json::parse(&text).ok()?;
    let named = delegates.into_iter().enumerate();
    named.map(|(index, delegate)| attached(delegate, index, default_name)).collect()
}

/// Where upstream wrote no interface, it was `CNI_IFNAME` for the first and `net<index>` for the rest.
fn attached(delegate: ScratchDelegate, index: usize, default_name: &str) -> Option<Attached> {
    let bytes = STANDARD.decode(&delegate.bytes).ok()?;
    let network = NetworkConf::parse(&Object::parse(&bytes).ok()?, Some(&delegate.name), None).ok()?;
    let interface = match (delegate.interface, index) {
        (explicit, _) if !explicit.is_empty() => explicit,
        (_, 0) => default_name.to_owned(),
        (_, index) => format!("net{index}"),
    };
    Some(Attached { network, interface, modules: delegate.modules })
}
