//! Whether a person is asked, and whether one has answered.

use std::sync::Arc;

use super::Seen;
use crate::{
    api::v1alpha1::{DeletionRunSpec, RunApproval, RunPlan},
    core::{
        ids::ObjectKey,
        policy::{Approval, Policy},
        retention::{StorePlan, Target, approval_state},
    },
};

/// Why a person is asked; none = nobody is.
pub fn asked(
    policy: &Policy,
    order: &DeletionRunSpec,
    plan: &RunPlan,
    approved: Option<&str>,
) -> Option<String> {
    if let Some(most) = policy.limits.max_items.filter(|most| plan.due > *most) {
        return Some(format!("that is more than limits.maxItems ({most})"));
    }
    if let Some(share) = policy.limits.max_share_percent {
        let over = plan
            .datasets
            .iter()
            .filter(|d| d.held_by.is_none())
            .find(|d| i128::from(d.due) * 100 > i128::from(share) * i128::from(d.total));
        if let Some(over) = over {
            return Some(format!("that is more than limits.maxShare ({share}%) of dataset {}", over.dataset));
        }
    }
    match policy.approval {
        Approval::Always => Some("the policy asks for each plan".into()),
        Approval::FirstRun if approved != Some(state(order, plan).as_str()) => {
            Some("it is the first of this state".into())
        }
        Approval::FirstRun | Approval::Never => None,
    }
}

/// The deletion-relevant state of a run together with what its plan found held.
pub fn state(order: &DeletionRunSpec, plan: &RunPlan) -> String {
    let targets = plan.datasets.iter().map(|d| Target {
        dataset: d.dataset.as_str().into(),
        rules: vec![],
        clocks: vec![],
        held_by: d.held_by.as_deref().map(Arc::from),
    });
    approval_state(&StorePlan {
        policy: ObjectKey::new("", order.policy.name.as_str()),
        policy_uid: order.policy.uid.clone(),
        store: ObjectKey::new("", order.store.name.as_str()),
        store_uid: order.store.uid.clone(),
        applies: true,
        approval: Approval::Always,
        targets: targets.collect(),
        findings: vec![],
        state_hash: order.state_hash.clone(),
    })
}

/// The first approval, by name, of this very plan that has not expired.
pub fn given(seen: &Seen<'_>) -> Option<RunApproval> {
    let plan = seen.run.status.as_ref()?.plan.as_ref()?;
    seen.approvals
        .iter()
        .filter(|a| {
            a.metadata.namespace == seen.run.metadata.namespace
                && Some(&a.spec.run_name) == seen.run.metadata.name.as_ref()
                && Some(&a.spec.run_uid) == seen.run.metadata.uid.as_ref()
                && a.spec.plan_hash == plan.hash
                && seen.now < a.spec.expires_at.0
        })
        .min_by(|a, b| a.metadata.name.cmp(&b.metadata.name))
        .map(|a| RunApproval {
            approver: a.spec.approver.clone(),
            approval: a.metadata.name.clone(),
            at: seen.now.to_string(),
        })
}
