//! A decided target as the run's order has it.

use crate::{
    api::v1alpha1::{RunCondition, RunTarget},
    core::retention::Target,
};

/// The order for a target; operator and runner write it alike.
pub fn run_target(target: &Target) -> RunTarget {
    let condition = |c: &crate::core::retention::Clock| RunCondition {
        event: c.event.clone(),
        cutoff: c.cutoff.to_string(),
    };
    RunTarget {
        dataset: target.dataset.to_string(),
        rules: target.rules.clone(),
        conditions: target.clocks.iter().map(condition).collect(),
    }
}
