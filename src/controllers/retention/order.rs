//! The run that a plan asks for: pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    api::{
        labels,
        v1alpha1::{DeletionRun, DeletionRunSpec, PinnedRef, PolicyAction, RunCondition, RunTarget},
    },
    core::retention::{StorePlan, run_name},
};

/// The run. Its name follows from the state and from the run before it: two leaders make the same one.
pub fn order(plan: &StorePlan, last: Option<&DeletionRun>, now: Timestamp) -> DeletionRun {
    let bucket =
        last.and_then(|r| r.metadata.creation_timestamp.as_ref()).map_or(Timestamp::UNIX_EPOCH, |t| t.0);
    let targets = plan.targets.iter().map(|t| RunTarget {
        dataset: t.dataset.to_string(),
        rules: t.rules.clone(),
        conditions: t
            .clocks
            .iter()
            .map(|c| RunCondition { event: c.event.clone(), cutoff: c.cutoff.to_string() })
            .collect(),
    });
    let spec = DeletionRunSpec {
        policy: PinnedRef { name: plan.policy.name.to_string(), uid: plan.policy_uid.clone() },
        store: PinnedRef { name: plan.store.name.to_string(), uid: plan.store_uid.clone() },
        action: if plan.applies { PolicyAction::Apply } else { PolicyAction::Preview },
        decided_at: now.to_string(),
        state_hash: plan.state_hash.clone(),
        targets: targets.collect(),
    };
    let mut run = DeletionRun::new(&run_name(plan, bucket), spec);
    run.metadata.namespace = Some(plan.store.namespace.to_string());
    run.metadata.labels = Some(BTreeMap::from([(labels::MANAGED_BY.into(), labels::MANAGER.into())]));
    run
}
