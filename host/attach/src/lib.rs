//! The pipeline of one CNI call: plan, transform, review, run, record, roll back (design 3 and 4).
//!
//! [`MultusConf`] is what the operator wrote, [`Call`] one invocation by the runtime. A call's plan is
//! pure data ([`Plan`]); nothing on the node changes before the whole plan stands and was reviewed.

mod add;
mod call;
mod check;
mod component;
pub mod conf;
mod default_route;
mod del;
mod delegate;
mod devices;
mod gc;
mod log;
mod networks;
mod plan;
mod publish;
mod readiness;
mod review;
mod search;
mod status;
mod steps;
mod sweep;
mod take_back;
mod undo;
mod upstream;

pub use add::{Added, add};
pub use call::{Call, Deadlines, Node, OpenNode};
pub use check::check;
pub use conf::MultusConf;
pub use del::del;
pub use gc::gc;
pub use log::{Log, Severity};
pub use networks::{Asked, Found, Origin};
pub use plan::{Attachment, Decision, Plan, Step, explain};
pub use review::seen as seen_by_modules;
pub use status::status;
pub use sweep::{Swept, sweep};
pub use take_back::take_back;
