//! What is done, in order.

use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::host::Answer;
use multus_guest_cni::{Host, result};

use crate::conf::{OfLink, Wanted};

pub(crate) fn add(
    host: Host,
    attachment: &Attachment,
    conf: &Plugin,
    prev: Option<&CniResult>,
) -> Result<CniResult, Failure> {
    let wanted = Wanted::read(attachment, conf)?;
    let mut result = result::before(prev, "tuning", "changes what another plugin made")?;
    for (key, value) in &wanted.settings {
        host.set_sandbox_sysctl(key, value)?;
    }
    if wanted.link != OfLink::default() {
        change(host, &attachment.interface_name, &wanted.link, &mut result)?;
    }
    Ok(result)
}

/// Changes the link, and what the result tells of it.
fn change(host: Host, name: &str, wanted: &OfLink, result: &mut CniResult) -> Answer<()> {
    let link = host
        .find_in_sandbox(name)?
        .ok_or_else(|| Failure::from(format!("the pod has no link `{name}`: the plugin before made none")))?;
    if let Some(mac) = &wanted.mac {
        host.set_mac(&link, mac)?;
    }
    if wanted.promiscuous {
        host.set_promiscuous(&link)?;
    }
    if let Some(mtu) = wanted.mtu {
        host.set_mtu(&link, mtu)?;
    }
    if let Some(on) = wanted.all_multicast {
        host.set_all_multicast(&link, on)?;
    }
    if let Some(packets) = wanted.queue {
        host.set_tx_queue_length(&link, packets)?;
    }
    let now = host.info(&link)?;
    let told = result.interfaces.iter_mut().filter(|told| told.name == name && told.sandbox.is_some());
    for told in told {
        if wanted.mac.is_some() {
            told.mac = Some(now.mac.clone());
        }
        if wanted.mtu.is_some() {
            told.mtu = Some(now.mtu);
        }
    }
    Ok(())
}
