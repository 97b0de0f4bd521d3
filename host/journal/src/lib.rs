//! Records of what is done to the node, written before it is done; their locks and leftovers.
//!
//! One record per ADD call, append-only, a checksum per entry, so that a call that was killed at any
//! point can be undone from its record alone:
//!
//! ```text
//! <cniDir>/attachments/<containerID>@<CNI_IFNAME>           calls whose DEL is still to come
//! <cniDir>/leftover/<containerID>@<CNI_IFNAME>@<started>    what DEL gave up on, for a sweep to go on with
//! <cniDir>/quarantine/<containerID>@<CNI_IFNAME>@<started>  damaged records, kept for people to look at
//! <lockDir>/…                                               locks, on tmpfs, never the record itself
//! ```

mod entry;
mod error;
mod folder;
mod ledger;
mod line;
mod lock;
mod name;
mod read;
mod record;
mod store;
mod view;
mod writer;

pub use entry::{
    AttachmentIntent, Call, CallKey, Effect, Entry, Implementation, Outcome, Part, PodKey, StepIntent,
};
pub use error::JournalError;
pub use ledger::{Ledger, NotDone};
pub use lock::{ContainerLock, EnsuredLock, GlobalLock, Holder, LockError, Locks, Wait};
pub use record::{
    AttachmentRecord, EffectRecord, Leftover, PartRecord, Record, RecordProblem, StepRecord, StepState,
    UndoFailure, Undoing,
};
pub use store::{Listing, Removal, Store, now};
pub use writer::Writer;
