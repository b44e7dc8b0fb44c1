//! What the runner hands to the operator in its termination message: bounded, without a personal value.
//!
//! The message is the runner's only way to speak: it may write to no object of the cluster. The operator copies it from
//! the Pod that it pinned by uid.

mod encode;
mod exit;
mod hash;
mod report;
mod target;

pub use encode::{LONGEST, Unreadable, decode, encode};
pub use exit::ExitKind;
pub use hash::{Mismatch, plan_hash, run_plan};
pub use report::{DatasetFacts, EraseEnd, EraseReport, PlanReport, Reason, Refusal, Report, Step};
pub use target::run_target;
