//! What CNI delegates written as components have in common.
//!
//! | module | what is in it |
//! |---|---|
//! | [`conf`] | a conf's keys, read one by one, with errors that name the key |
//! | [`args`] | `CNI_ARGS` |
//! | [`result`] | results, routes and `dns`, read as what they mean |
//! | [`host`] | what a delegate may ask of the host |
//! | [`pod`] | the pod's link, configured as a result says |
//! | [`master`] | the link that the pod's link is on |

pub mod args;
pub mod conf;
pub mod host;
pub mod master;
pub mod pod;
pub mod result;

pub use args::Args;
pub use conf::Conf;
pub use host::Host;
pub use master::Master;

/// Makes a crate's function a delegate, and tries it with the crate's fixtures in its tests. It takes a [`Host`], the
/// attachment and the conf, and has no use for settings; after `chained` it takes the result of the plugin before it, too.
#[macro_export]
macro_rules! delegate {
    (chained $add:path) => {
        ::multus_guest::delegate!(delegate);

        fn delegate(
            attachment: &::multus_guest::Attachment,
            conf: &::multus_guest::Plugin,
            prev: Option<&::multus_guest::CniResult>,
            _: &(),
        ) -> Result<Option<::multus_guest::CniResult>, ::multus_guest::Failure> {
            $add($crate::Host, attachment, conf, prev).map(Some)
        }

        #[cfg(test)]
        ::multus_guest::fixtures!(delegate = delegate);
    };
    ($add:path) => {
        ::multus_guest::delegate!(delegate);

        fn delegate(
            attachment: &::multus_guest::Attachment,
            conf: &::multus_guest::Plugin,
            _: Option<&::multus_guest::CniResult>,
            _: &(),
        ) -> Result<Option<::multus_guest::CniResult>, ::multus_guest::Failure> {
            $add($crate::Host, attachment, conf).map(Some)
        }

        #[cfg(test)]
        ::multus_guest::fixtures!(delegate = delegate);
    };
}
