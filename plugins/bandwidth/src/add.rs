//! What is done, in order.

use multus_guest::result::Interface;
use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::{Host, pod, result};

use crate::conf::limits;

pub(crate) fn add(
    host: Host,
    attachment: &Attachment,
    conf: &Plugin,
    prev: Option<&CniResult>,
) -> Result<CniResult, Failure> {
    let limits = limits(conf)?;
    let mut result = result::before(prev, "bandwidth", "limits what another plugin made")?;
    if limits.receive.is_none() && limits.send.is_none() {
        return Ok(result);
    }
    let name = &attachment.interface_name;
    let link = host
        .find_in_sandbox(name)?
        .ok_or_else(|| Failure::from(format!("the pod has no link `{name}`: the plugin before made none")))?;
    if let Some(detour) = host.limit_bandwidth(&link, &limits)? {
        let told = pod::on_node(host, &detour)?;
        result.interfaces.push(Interface { mtu: None, ..told });
    }
    Ok(result)
}
