//! A delegate that looks at the sandbox and leaves the result to the host: `network` is all that it may import.

use multus_guest::{Attachment, CniResult, Failure, Plugin, log, network};

multus_guest::delegate!(look);

fn look(_: &Attachment, _: &Plugin, _: Option<&CniResult>, _: &()) -> Result<Option<CniResult>, Failure> {
    for link in network::sandbox()?.links()? {
        let info = link.info()?;
        log::info(&format!("{} has {} addresses", info.name, info.addresses.len()));
    }
    Ok(None)
}
