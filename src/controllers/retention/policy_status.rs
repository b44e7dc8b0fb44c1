//! What a RetentionPolicy's status says: pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::step::approved_of;
use crate::{
    api::v1alpha1::{
        ApprovalMode, DeletionRun, PolicyAction, PolicyStoreStatus, RetentionPolicyStatus, RunPhase, SeenHold,
    },
    core::{
        policy::{Approval, Policy},
        retention::{FindingKind, StorePlan},
        snapshot::Snapshot,
    },
    platform::conditions::{Finding, set},
};

/// Whether deletion Jobs may run in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptIn {
    /// Nobody said so.
    No,
    /// It was said to the operator, and the operator has no right there, or has not listed its Jobs and Pods yet.
    RightMissing,
    /// They may.
    Yes,
}

impl OptIn {
    /// Why not, with the reason's name.
    fn obstacle(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Yes => None,
            Self::No => Some((
                "NamespaceNotOptedIn",
                "deletion Jobs may not run in this namespace: see --erasure-namespaces",
            )),
            Self::RightMissing => Some((
                "NamespaceRightMissing",
                "the operator has not seen the Jobs and Pods of this namespace, so that nothing is planned: look whether \
                 Role and RoleBinding carnet-erasure are there (erasure.namespaces of the chart, deploy/opt-in)",
            )),
        }
    }
}

/// One store of a policy.
pub struct OfStore<'a> {
    /// What policy, store and holds come to now.
    pub plan: &'a StorePlan,
    /// Runs of this policy and store, in order.
    pub runs: Vec<&'a DeletionRun>,
    /// When the next is planned.
    pub next: Option<Timestamp>,
    /// Holds that cover the store, and those that vanished.
    pub holds: Vec<SeenHold>,
}

/// The status of a policy that can be read.
pub fn accepted(
    policy: &Policy,
    snapshot: &Snapshot,
    stores: &[OfStore<'_>],
    opt_in: OptIn,
    meta: &ObjectMeta,
    old: Option<&RetentionPolicyStatus>,
    now: Timestamp,
) -> RetentionPolicyStatus {
    let before = old.map_or(&[][..], |s| &s.conditions);
    let obstacle = opt_in.obstacle();
    let ready = if let Some((reason, message)) = obstacle {
        Finding::no("Ready", reason, message)
    } else if stores.is_empty() {
        Finding::yes("Ready", "NoStoreMatches", "accepted; no DataStore of this namespace matches")
    } else {
        Finding::yes("Ready", "Accepted", "accepted and operating")
    };
    let held: Vec<_> = stores
        .iter()
        .flat_map(|s| s.plan.held().map(move |(d, h)| format!("{}/{d} by LegalHold {h}", s.plan.store.name)))
        .collect();
    let held = if held.is_empty() {
        Finding::no("Held", "NoHold", "no hold covers a dataset")
    } else {
        Finding::yes("Held", "OnHold", held.join("; "))
    };
    // Nothing changes until somebody opts the namespace in: whoever waits need not.
    let stalled = obstacle.map(|(reason, message)| Finding::yes("Stalled", reason, message));
    let found: Vec<_> = [
        ready,
        resolved(policy, snapshot),
        overdue(stores),
        finding(stores, "CategoryUncovered", "Kept", |k| k != FindingKind::PromiseBroken),
        finding(stores, "PromiseBroken", "GroundOutlastsPromise", |k| k == FindingKind::PromiseBroken),
        held,
    ]
    .into_iter()
    .chain(stalled)
    .collect();
    RetentionPolicyStatus {
        observed_generation: meta.generation,
        conditions: set(before, &found, meta.generation, now),
        action: Some(if policy.applies { PolicyAction::Apply } else { PolicyAction::Preview }),
        approval: Some(match policy.approval {
            Approval::Always => ApprovalMode::Always,
            Approval::FirstRun => ApprovalMode::FirstRun,
            Approval::Never => ApprovalMode::Never,
        }),
        stores: i64::try_from(stores.len()).ok(),
        next_run: stores.iter().filter_map(|s| s.next).min().map(seconds),
        per_store: per_store(stores, old),
    }
}

fn resolved(policy: &Policy, snapshot: &Snapshot) -> Finding {
    match policy.instructed_by.as_deref().filter(|party| !snapshot.parties.contains_key(*party)) {
        None => Finding::yes("ResolvedRefs", "Resolved", "every Party that is named exists"),
        Some(party) => Finding::no(
            "ResolvedRefs",
            "PartyNotFound",
            format!(
                "no such object: Party {party} (spec.instruction.controllerRef); declare it or correct the name"
            ),
        ),
    }
}

fn per_store(stores: &[OfStore<'_>], old: Option<&RetentionPolicyStatus>) -> Vec<PolicyStoreStatus> {
    let present = stores.iter().map(|s| of_store(s, old));
    // A store that is not selected for a while does not lose the memory of its holds.
    let absent = old
        .into_iter()
        .flat_map(|s| &s.per_store)
        .filter(|known| !known.holds.is_empty() && !stores.iter().any(|s| s.plan.store_uid == known.uid));
    present.chain(absent.cloned()).take(200).collect()
}

/// The status of a policy that cannot be read.
pub fn invalid(
    reason: &str,
    meta: &ObjectMeta,
    old: Option<&RetentionPolicyStatus>,
    now: Timestamp,
) -> RetentionPolicyStatus {
    let before = old.map_or(&[][..], |s| &s.conditions);
    let found = [Finding::no("Ready", "Invalid", reason), Finding::yes("Stalled", "Invalid", reason)];
    RetentionPolicyStatus {
        observed_generation: meta.generation,
        conditions: set(before, &found, meta.generation, now),
        // What was once approved is not forgotten over a slip of the pen.
        per_store: old.map(|s| s.per_store.clone()).unwrap_or_default(),
        ..RetentionPolicyStatus::default()
    }
}

/// What a person approved, of the last plan that was approved by one and carried out.
pub fn approved_state(runs: &[&DeletionRun]) -> Option<String> {
    runs.iter().rev().find_map(|r| {
        let status = r.status.as_ref().filter(|s| s.phase == RunPhase::Succeeded)?;
        status.approval.as_ref()?.approval.as_ref()?;
        Some(approved_of(&r.spec, status.plan.as_ref()?))
    })
}

fn of_store(of: &OfStore<'_>, old: Option<&RetentionPolicyStatus>) -> PolicyStoreStatus {
    let status = |r: &&&DeletionRun| r.status.clone().unwrap_or_default();
    let known = old.and_then(|s| s.per_store.iter().find(|s| s.uid == of.plan.store_uid));
    PolicyStoreStatus {
        store: of.plan.store.name.to_string(),
        uid: of.plan.store_uid.clone(),
        approved_state: approved_state(&of.runs),
        last_run: of.runs.last().and_then(|r| r.metadata.name.clone()),
        last_planned: of
            .runs
            .iter()
            .rev()
            .find_map(|r| status(&r).plan.map(|p| p.counted_at))
            .or_else(|| known.and_then(|k| k.last_planned.clone())),
        watermark: of
            .runs
            .iter()
            .rev()
            .find_map(|r| status(&r).result.and_then(|r| r.watermark))
            .or_else(|| known.and_then(|k| k.watermark.clone())),
        next_run: of.next.map(seconds),
        holds: of.holds.clone(),
    }
}

fn overdue(stores: &[OfStore<'_>]) -> Finding {
    let waiting: Vec<_> = stores
        .iter()
        .filter_map(|s| {
            let run = s.runs.last()?;
            let status = run.status.as_ref()?;
            let due = status.plan.as_ref().map_or(0, |p| p.due);
            let waits =
                matches!(status.phase, RunPhase::AwaitingApproval | RunPhase::Failed | RunPhase::Stopped);
            let name = run.metadata.name.as_deref().unwrap_or_default();
            (waits && (due > 0 || status.phase == RunPhase::Failed))
                .then(|| format!("run {name}: {}", status.message.clone().unwrap_or_default()))
        })
        .collect();
    if waiting.is_empty() {
        Finding::no("Overdue", "NothingWaits", "nothing that is due waits for a person")
    } else {
        Finding::yes("Overdue", "DueAndKept", waiting.join("\n"))
    }
}

fn finding(
    stores: &[OfStore<'_>],
    type_: &'static str,
    reason: &'static str,
    is: impl Fn(FindingKind) -> bool,
) -> Finding {
    let mut lines = vec![];
    for store in stores {
        for finding in store.plan.findings.iter().filter(|f| is(f.kind)) {
            let dataset = finding.dataset.as_deref().map(|d| format!("/{d}")).unwrap_or_default();
            lines.push(format!("{}{dataset}: {}", store.plan.store.name, finding.message));
        }
    }
    if lines.is_empty() {
        Finding::no(type_, "None", "no such finding")
    } else {
        Finding::yes(type_, reason, lines.join("\n"))
    }
}

fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}
