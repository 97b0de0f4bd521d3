//! A delegate that makes a pair of links, one in the pod and one on the node.

use multus_guest::{Attachment, CniResult, Failure, network};

#[derive(serde::Deserialize)]
struct Conf {
    mtu: Option<u32>,
}

multus_guest::delegate!(add);
multus_guest::describe!((), schema = include_str!("../settings.schema.json"));
#[cfg(test)]
multus_guest::fixtures!(delegate = add);

fn add(attachment: &Attachment, conf: &Conf, _: Option<&CniResult>, _: &()) -> Result<Option<CniResult>, Failure> {
    let pair = network::Veth { mtu: conf.mtu, ..network::Veth::default() };
    let (inside, outside) = pair.create(&attachment.interface_name)?;
    inside.set_up(true)?;
    outside.set_up(true)?;
    // The host knows what was done: it makes the result, and takes everything back at DEL.
    Ok(None)
}
