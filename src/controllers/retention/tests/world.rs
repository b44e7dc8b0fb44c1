//! One policy, one store with one dataset, and a run of theirs.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{api::batch::v1::Job, apimachinery::pkg::apis::meta::v1::Time};
use serde_json::json;

use crate::{
    api::v1alpha1::{
        DeletionApproval, DeletionRun, DeletionRunStatus, PlannedDataset, RunApproval, RunPhase, RunPlan,
        SeenHold,
    },
    controllers::retention::{
        order,
        step::{Action, JobSeen, Seen, step},
    },
    core::{
        hold::{Hold, first_covering},
        policy::{Approval, Policy},
        retention::{
            PlanInput, StorePlan, plan,
            testing::{dataset, days, policy, rule, store},
        },
        snapshot::{Snapshot, SnapshotBuilder},
        store::Store,
    },
};

pub const PLANNED: i64 = 100;

pub fn now() -> Timestamp {
    "2026-11-25T10:00:00Z".parse().unwrap()
}

pub fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

pub struct World {
    pub policy: Policy,
    pub store: Store,
    pub others: Vec<Store>,
    pub holds: Vec<Hold>,
    pub approvals: Vec<DeletionApproval>,
    pub approved_state: Option<String>,
    pub vanished: Vec<SeenHold>,
    pub widened: Option<Hold>,
}

impl World {
    pub fn new(approval: Approval) -> Self {
        let mut policy = policy("n", "p", vec![rule("r", "a.*", days(10), &[])]);
        policy.approval = approval;
        Self {
            policy,
            store: store("n", "s", vec![dataset("d", "a.b")]),
            others: vec![],
            holds: vec![],
            approvals: vec![],
            approved_state: None,
            vanished: vec![],
            widened: None,
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        SnapshotBuilder {
            policies: vec![Arc::new(self.policy.clone())],
            stores: self.others.iter().chain([&self.store]).cloned().map(Arc::new).collect(),
            holds: self.holds.iter().cloned().map(Arc::new).collect(),
            namespaces: [("n".to_owned(), crate::core::snapshot::Namespace::default())].into(),
            ..SnapshotBuilder::default()
        }
        .build()
    }

    pub fn plan(&self) -> StorePlan {
        plan(&PlanInput::of(&self.snapshot()), now()).remove(0)
    }

    pub fn run(&self, status: Option<DeletionRunStatus>) -> DeletionRun {
        let mut run = order::order(&self.plan(), None, now());
        run.metadata.uid = Some("run-uid".into());
        run.metadata.creation_timestamp = Some(Time(now()));
        run.status = status;
        run
    }

    /// The status of a run whose plan is made.
    pub fn planned(&self, phase: RunPhase) -> DeletionRunStatus {
        let snapshot = self.snapshot();
        let known = crate::core::hold::HoldScopeResolution::of_cluster(&snapshot);
        let held = first_covering(&self.holds, &known, &self.store, &self.store.datasets[0], now());
        let dataset = PlannedDataset {
            dataset: "d".into(),
            object_id: 16_400,
            predicate_hash: "hash".into(),
            total: 1000,
            due: PLANNED,
            held_by: held.map(|h| h.name.to_string()),
            ..PlannedDataset::default()
        };
        let plan = RunPlan {
            hash: "sha256:plan".into(),
            server: "server".into(),
            due: if held.is_some() { 0 } else { PLANNED },
            held: if held.is_some() { PLANNED } else { 0 },
            datasets: vec![dataset],
            counted_at: now().to_string(),
        };
        DeletionRunStatus { phase, plan: Some(plan), ..DeletionRunStatus::default() }
    }

    pub fn step(&self, run: &DeletionRun, job: &JobSeen) -> Action {
        let plan = self.plan();
        step(&Seen {
            run,
            policy: Some(&self.policy),
            store: Some(&self.store),
            present: Some(&plan),
            approved_state: self.approved_state.as_deref(),
            job,
            approvals: &self.approvals,
            vanished: &self.vanished,
            held: None,
            widened: self.widened.as_ref(),
            now: now(),
        })
    }
}

/// Status and event of a write.
pub fn written(action: Action) -> DeletionRunStatus {
    match action {
        Action::Write(status, _) => *status,
        other => panic!("it writes nothing: {other:?}"),
    }
}

pub fn by_person(at: Timestamp) -> RunApproval {
    RunApproval { approver: "dpo@example.com".into(), approval: Some("yes".into()), at: at.to_string() }
}

/// A person's approval of a run's plan.
pub fn approval(run: &DeletionRun, made: Timestamp, expires: Timestamp) -> DeletionApproval {
    let plan = run.status.as_ref().unwrap().plan.as_ref().unwrap();
    serde_json::from_value(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "DeletionApproval",
        "metadata": {"name": "yes", "namespace": "n", "creationTimestamp": format!("{made:.0}")},
        "spec": {
            "runName": run.metadata.name, "runUID": run.metadata.uid, "planHash": plan.hash,
            "approver": "dpo@example.com", "expiresAt": format!("{expires:.0}"),
        },
    }))
    .unwrap()
}

/// The Job of a step as the operator makes it.
pub fn job(run: &DeletionRun, step: &str, uid: &str, status: &serde_json::Value) -> Job {
    serde_json::from_value(json!({
        "metadata": {
            "name": format!("{}-{step}", run.metadata.name.as_deref().unwrap()), "namespace": "n", "uid": uid,
            "creationTimestamp": format!("{:.0}", now()),
            "labels": {"carnet.dev/run": "x"}, "annotations": {"carnet.dev/run-uid": "run-uid"},
        },
        "status": status,
    }))
    .unwrap()
}
