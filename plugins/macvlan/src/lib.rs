//! A delegate: the pod gets a link that sends and receives by one of the node's, with a hardware address of its own.
//!
//! Conf keys, grants and what it does otherwise than the reference plugin: `README.md`.

mod add;
mod conf;

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
