//! A delegate behind another one: ports of the node lead to the pod that the plugin before it attached.
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
    prev: Option<&CniResult>,
    _: &(),
) -> Result<Option<CniResult>, Failure> {
    add::add(&Real, attachment, conf, prev).map(Some)
}

#[cfg(test)]
mod tests {
    use multus_guest_cni::double;

    #[test]
    fn cases() {
        for case in double::cases(env!("CARGO_MANIFEST_DIR")) {
            let prev = case.prev();
            case.run(|host, attachment, conf| crate::add::add(host, attachment, conf, prev.as_ref()));
        }
    }
}
