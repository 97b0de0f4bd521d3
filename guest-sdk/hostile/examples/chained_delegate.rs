//! A delegate for the second place of a list: it goes on from what the plugin before it made. It behaves; what it is
//! tried with does not.

use multus_guest::network;
use multus_guest::result::Ip;
use multus_guest::{Attachment, CniResult, Failure};

#[derive(serde::Deserialize)]
struct Conf {
    mtu: u32,
    address: String,
}

multus_guest::delegate!(go_on);

fn go_on(
    attachment: &Attachment,
    conf: &Conf,
    before: Option<&CniResult>,
    _: &(),
) -> Result<Option<CniResult>, Failure> {
    let Some(before) = before else {
        return Err(Failure::new(7, "this plugin goes on from another one: it can't be the first of a list"));
    };
    let name = &attachment.interface_name;
    let link = network::sandbox()?.find(name)?;
    let link = link.ok_or_else(|| Failure::new(100, format!("the plugin before made no link `{name}`")))?;
    link.set_mtu(conf.mtu)?;
    link.add_address(&conf.address)?;
    let mut result = before.clone();
    for interface in result.interfaces.iter_mut().filter(|interface| interface.sandbox.is_some()) {
        interface.mtu = Some(conf.mtu);
    }
    let interface = result.interfaces.iter().position(|interface| interface.sandbox.is_some());
    result.ips.push(Ip { address: conf.address.clone(), interface, ..Ip::default() });
    Ok(Some(result))
}
