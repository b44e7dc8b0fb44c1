//! How long data stays: [`plan`], pure, over policies, stores and holds.
//!
//! Two clocks are computed apart: *keep until* is the latest of all grounds, *delete by* the earliest maximum. A run
//! deletes what both let go, by cut-offs that are pinned when it is decided.

mod clock;
mod name;
mod plan;
mod shared;
mod state;
#[cfg(test)]
pub(crate) mod testing;
mod window;

pub use clock::{Clock, cutoff, greatest_before, later};
pub use name::run_name;
pub use plan::{Finding, FindingKind, PlanInput, StorePlan, Target, plan};
pub use state::approval_state;
