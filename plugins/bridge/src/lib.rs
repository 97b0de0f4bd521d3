//! A delegate: the pod's link is one end of a veth, whose other end is a port of a bridge of the node.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;
mod gateway;

use multus_guest::{Attachment, CniResult, Failure, Plugin};
use multus_guest_cni::Real;

multus_guest::delegate!(delegate);

fn delegate(
    attachment: &Attachment,
    conf: &Plugin,
    _: Option<&CniResult>,
    _: &(),
) -> Result<Option<CniResult>, Failure> {
    add::add(&Real, attachment, conf).map(Some)
}

#[cfg(test)]
mod tests {
    use multus_guest_cni::double;

    #[test]
    fn cases() {
        for case in double::cases(env!("CARGO_MANIFEST_DIR")) {
            case.run(crate::add::add);
        }
    }
}
