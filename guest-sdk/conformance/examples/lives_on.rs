//! A delegate with work of its own at CHECK and DEL: the link of the result has to be there, and a claim is given back.

use multus_guest::{Attachment, CniResult, Failure, Plugin, log, network};

multus_guest::delegate!(add, check = check, del = del);

fn add(_: &Attachment, _: &Plugin, prev: Option<&CniResult>, _: &()) -> Result<Option<CniResult>, Failure> {
    Ok(prev.cloned())
}

fn check(attachment: &Attachment, _: &Plugin, prev: &CniResult, _: &()) -> Result<(), Failure> {
    for link in prev.interfaces.iter().filter(|link| link.sandbox.is_some()) {
        if network::sandbox()?.find(&link.name)?.is_none() {
            return Err(Failure::new(11, format!("{} of {} is gone", link.name, attachment.network)));
        }
    }
    Ok(())
}

fn del(attachment: &Attachment, conf: &Plugin, prev: Option<&CniResult>, _: &()) -> Result<(), Failure> {
    let addresses = prev.map_or(0, |result| result.ips.len());
    log::info(&format!("{} had {addresses} addresses", attachment.interface_name));
    if conf.contains_key("stuck") { Err(Failure::from("stuck")) } else { Ok(()) }
}
