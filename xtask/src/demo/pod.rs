//! One pod of the demo: its sandbox, and what the kernel says of it.

use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::node::{ip, run};

/// A pod with the network namespace that its runtime made.
pub(super) struct Pod {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
}

impl Pod {
    /// Makes the sandbox, empty but for `lo`, as a runtime does before ADD.
    pub(super) fn start(namespace: &'static str, name: &'static str) -> Result<Self> {
        run(Command::new("ip").args(["netns", "add", name]))?;
        Ok(Self { namespace, name })
    }

    pub(super) fn stop(&self) -> Result<()> {
        run(Command::new("ip").args(["netns", "delete", self.name])).map(drop)
    }

    pub(super) fn container_id(&self) -> String {
        format!("demo-{}", self.name)
    }

    pub(super) fn netns(&self) -> String {
        format!("/run/netns/{}", self.name)
    }

    pub(super) fn args(&self) -> String {
        let Self { namespace, name } = self;
        let id = self.container_id();
        format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE={namespace};K8S_POD_NAME={name};K8S_POD_INFRA_CONTAINER_ID={id}"
        )
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The links in its namespace but `lo`, as the kernel has them: name, addresses, MAC, MTU.
    pub(super) fn links(&self) -> Result<Vec<[String; 4]>> {
        let links = ip(&["-n", self.name, "addr"])?;
        let links = links.as_array().cloned().unwrap_or_default();
        let text =
            |link: &Value, key: &str| link.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let rows = links.iter().filter(|link| text(link, "ifname") != "lo").map(|link| {
            let mtu = link.get("mtu").map(Value::to_string).unwrap_or_default();
            [text(link, "ifname"), addresses(link), text(link, "address"), mtu]
        });
        Ok(rows.collect())
    }
}

fn addresses(link: &Value) -> String {
    let infos = link.get("addr_info").and_then(Value::as_array).cloned().unwrap_or_default();
    let global = infos.iter().filter(|info| info.get("scope").and_then(Value::as_str) != Some("link"));
    let texts = global.filter_map(|info| {
        Some(format!("{}/{}", info.get("local")?.as_str()?, info.get("prefixlen")?.as_u64()?))
    });
    texts.collect::<Vec<_>>().join(" ")
}
