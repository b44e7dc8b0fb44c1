//! Whether a person is asked, and whether one has answered.

use std::{fmt::Write, sync::Arc};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Seen;
use crate::{
    api::v1alpha1::{DeletionApproval, DeletionRunSpec, RunApproval, RunPlan, SeenHold},
    core::{
        ids::ObjectKey,
        policy::Approval,
        retention::{StorePlan, Target, approval_state},
    },
};

/// Why a person is asked; none = nobody is.
pub fn asked(seen: &Seen<'_>, plan: &RunPlan) -> Option<String> {
    let policy = seen.policy?;
    if let Some(hold) = seen.vanished.first() {
        return Some(format!("LegalHold {} covered the store and went without a release", hold.name));
    }
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
        Approval::FirstRun if seen.approved_state != Some(approved_of(&seen.run.spec, plan).as_str()) => {
            Some("it is the first of this state".into())
        }
        Approval::FirstRun | Approval::Never => None,
    }
}

/// Why an approved run may not begin after all.
pub fn no_more(seen: &Seen<'_>) -> Option<String> {
    let status = seen.run.status.as_ref()?;
    let plan = status.plan.as_ref()?;
    match status.approval.as_ref() {
        Some(RunApproval { approval: Some(name), at, approver: _ }) => {
            let since = at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
            if let Some(hold) = seen.vanished.iter().find(|h| vanished_at(h, seen.now) >= since) {
                let name = &hold.name;
                return Some(format!("LegalHold {name} went without a release after the approval"));
            }
            let stands = given_all(seen, plan).any(|a| a.metadata.name.as_ref() == Some(name));
            (!stands).then(|| format!("DeletionApproval {name} ended before the run began"))
        }
        Some(RunApproval { approval: None, .. }) | None => asked(seen, plan),
    }
}

fn vanished_at(hold: &SeenHold, now: Timestamp) -> Timestamp {
    hold.vanished_at.as_deref().and_then(|t| t.parse().ok()).unwrap_or(now)
}

/// What a person has approved of a plan: its state, and the very server and tables.
pub fn approved_of(order: &DeletionRunSpec, plan: &RunPlan) -> String {
    let mut digest = Sha256::new();
    let mut add = |word: &str| {
        digest.update((word.len() as u64).to_be_bytes());
        digest.update(word.as_bytes());
    };
    add("carnet/approved/1");
    add(&state(order, plan));
    add(&plan.server);
    for dataset in &plan.datasets {
        add(&dataset.dataset);
        add(&dataset.object_id.to_string());
        add(&dataset.predicate_hash);
    }
    digest.finalize().iter().fold(String::from("sha256:"), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
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

/// The first approval, by name, of this very plan that has not expired and knows of every hold that vanished.
pub fn given(seen: &Seen<'_>) -> Option<RunApproval> {
    let plan = seen.run.status.as_ref()?.plan.as_ref()?;
    given_all(seen, plan)
        .filter(|a| {
            let made = a.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |t| t.0);
            seen.vanished.iter().all(|h| vanished_at(h, seen.now) <= made)
        })
        .min_by(|a, b| a.metadata.name.cmp(&b.metadata.name))
        .map(|a| RunApproval {
            approver: a.spec.approver.clone(),
            approval: a.metadata.name.clone(),
            at: seen.now.to_string(),
        })
}

fn given_all<'a>(seen: &Seen<'a>, plan: &RunPlan) -> impl Iterator<Item = &'a DeletionApproval> {
    let (run, now, hash) = (seen.run, seen.now, plan.hash.clone());
    seen.approvals.iter().filter(move |a| {
        a.metadata.namespace == run.metadata.namespace
            && a.metadata.deletion_timestamp.is_none()
            && Some(&a.spec.run_name) == run.metadata.name.as_ref()
            && Some(&a.spec.run_uid) == run.metadata.uid.as_ref()
            && a.spec.plan_hash == hash
            && now < a.spec.expires_at.0
    })
}
