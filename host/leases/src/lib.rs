//! Claims on disk, in the layout and under the lock of the reference IPAM plugin `host-local`: ours and that binary share
//! one range at the same time, and each gives back what the other one claimed.
//!
//! ```text
//! <directory>/<network>/lock                 flock(LOCK_EX) for as long as anybody reads or writes here
//! <directory>/<network>/10.1.0.2             a claim: <container id>\r\n<interface>; the id alone in very old ones
//! <directory>/<network>/fd00::2              the same
//! <directory>/<network>/last_reserved_ip.0   a note: which address of range set 0 was given last
//! <directory>/<network>/.draft               what a killed call of ours left; the next one removes it
//! ```
//!
//! **A file is a claim, whatever is in it**: nobody gets a key that has one. Ours are complete from the moment that they
//! have their name. `host-local` makes the file first and writes it then, so a crash of it
//! leaves an empty one, which no DEL ever finds. [`Locked::reclaim`] takes those of an earlier boot away. An empty file
//! of this boot stays: an operator may have reserved an address by `touch`.
//!
//! **Syncs.** A claim costs none, the first one of a network one for each folder that had to be made: a power cut ends every
//! pod, and who claims has noted before that it would. A release costs one: a claim of which nothing is recorded any
//! more is never reclaimed, so no power cut may bring it back. A note is a hint and costs none.
//!
//! **Paths.** The directory is the operator's and may lead through symbolic links. Nothing below it may: every file is
//! opened by openat2 beneath it (Linux 5.6), and what is in the way is an error or stays taken.

mod boot;
mod directory;
mod error;
mod folder;
mod holder;
mod locked;
mod name;

pub use error::LeaseError;
pub use folder::Folder;
pub use holder::Holder;
pub use locked::Locked;
