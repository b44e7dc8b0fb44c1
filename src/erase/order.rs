//! What a run orders, rebuilt from the live policy, store and holds. Anything else than what the run says is refused.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    clocks::ClusterClocks,
    cluster::{ClusterView, LiveRun, ViewError},
    error::EraseError,
};
use crate::{
    api::v1alpha1::{DeletionRun, PolicyAction, RunPlan},
    core::{
        hold::{Hold, HoldScopeResolution, first_covering},
        policy::Limits,
        retention::{self, PlanInput, StorePlan},
        store::{AnchorSource, ColumnReading, Store},
    },
    handover,
};

/// A checked order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub run: DeletionRun,
    pub run_uid: String,
    pub decided_at: Timestamp,
    pub clocks: ClusterClocks,
    pub store: Store,
    pub siblings: Vec<Store>,
    pub limits: Limits,
    pub targets: Vec<OrderTarget>,
    /// Holds at the time of reading.
    pub holds: Vec<Hold>,
}

/// One table with its conditions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OrderTarget {
    pub dataset: String,
    pub schema: String,
    pub table: String,
    pub conditions: Vec<OrderCondition>,
}

/// One column with its cut-off.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OrderCondition {
    pub column: String,
    pub reading: ColumnReading,
    pub cutoff: Timestamp,
}

impl OrderTarget {
    pub fn shown(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }
}

fn cluster(what: &'static str) -> impl Fn(ViewError) -> EraseError {
    move |e| EraseError::Cluster { what, why: e.0 }
}

impl Order {
    /// Reads everything live and checks it against the run.
    pub async fn load(view: &impl ClusterView, run_uid: &str, now: Timestamp) -> Result<Self, EraseError> {
        let LiveRun { run, answered_at } = view.run().await.map_err(cluster("the DeletionRun"))?;
        if run.metadata.uid.as_deref() != Some(run_uid) {
            return Err(EraseError::Run("is another object of the same name".into()));
        }
        let spec = run.spec.clone();
        let decided_at: Timestamp =
            spec.decided_at.parse().map_err(|_| EraseError::Run("has no instant of decision".into()))?;
        let created_at = run.metadata.creation_timestamp.as_ref().map(|t| t.0);
        let created_at = created_at.ok_or_else(|| EraseError::Run("has no instant of creation".into()))?;
        let clocks = ClusterClocks { decided_at, created_at, answered_at };
        clocks.compare(now)?;
        let policies = view.policies().await.map_err(cluster("RetentionPolicies"))?;
        // Before the stores: what a hold names is then among them.
        let holds = view.holds().await.map_err(cluster("LegalHolds"))?;
        let stores = view.stores().await.map_err(cluster("DataStores"))?;
        let policy = policies.readable.iter().find(|p| p.uid == spec.policy.uid);
        let unreadable = policies.some_unreadable || stores.some_unreadable;
        let stores = stores.readable;
        let store = stores.iter().find(|s| s.uid == spec.store.uid).cloned();
        let (Some(policy), Some(store)) = (policy, store) else {
            return Err(EraseError::State("its policy or store is gone or cannot be read".into()));
        };
        if spec.action == PolicyAction::Apply && !policy.applies {
            return Err(EraseError::State("its policy no longer applies".into()));
        }
        let namespace = store.key.namespace.clone();
        let input = PlanInput {
            policies: policies.readable.iter().collect(),
            stores: stores.iter().collect(),
            holds: vec![],
            known: HoldScopeResolution::of_namespace(&namespace, &stores),
            unreadable: unreadable.then_some(&*namespace).into_iter().collect::<BTreeSet<_>>(),
        };
        // The cut-offs are those of the instant at which the run was decided.
        let plans = retention::plan(&input, decided_at);
        let plan = plans.iter().find(|p| p.policy_uid == policy.uid && p.store_uid == store.uid);
        let plan = plan.ok_or_else(|| EraseError::State("its policy no longer selects its store".into()))?;
        check(&spec, plan)?;
        let targets = plan.targets.iter().map(|t| target(&store, t)).collect::<Result<_, _>>()?;
        let (limits, run_uid) = (policy.limits, run_uid.to_owned());
        Ok(Self { run, run_uid, decided_at, clocks, store, siblings: stores, limits, targets, holds })
    }

    /// The hold that stands on a dataset.
    pub fn held_by(&self, dataset: &str, holds: &[Hold], now: Timestamp) -> Option<String> {
        self.held_among(&self.siblings, dataset, holds, now)
    }

    /// The hold that stands on a dataset, where these are the stores of the namespace.
    pub fn held_among(
        &self,
        stores: &[Store],
        dataset: &str,
        holds: &[Hold],
        now: Timestamp,
    ) -> Option<String> {
        let known = HoldScopeResolution::of_namespace(&self.store.key.namespace, stores);
        let dataset = self.store.datasets.iter().find(|d| &*d.name == dataset)?;
        first_covering(holds, &known, &self.store, dataset, now).map(|h| h.name.to_string())
    }

    /// The plan that was approved: the run's, by its hash, begun.
    pub fn approved_plan(&self, hash: &str) -> Result<RunPlan, EraseError> {
        let status = self.run.status.clone().unwrap_or_default();
        if self.run.spec.action != PolicyAction::Apply {
            return Err(EraseError::Run("is a preview".into()));
        }
        if status.begun_at.is_none() {
            return Err(EraseError::Run("has not been begun".into()));
        }
        let plan = status.plan.ok_or_else(|| EraseError::Plan("the run has no plan".into()))?;
        let same = plan.hash == hash && handover::plan_hash(&self.run_uid, &self.run.spec, &plan) == hash;
        if !same || plan.datasets.len() != self.targets.len() {
            return Err(EraseError::Plan("the plan is not the one that this Job was made for".into()));
        }
        Ok(plan)
    }
}

fn check(spec: &crate::api::v1alpha1::DeletionRunSpec, plan: &StorePlan) -> Result<(), EraseError> {
    if plan.state_hash != spec.state_hash {
        return Err(EraseError::State("policy or store changed since the run was decided".into()));
    }
    let order: Vec<_> = plan.targets.iter().map(handover::run_target).collect();
    if order != spec.targets {
        return Err(EraseError::State("the run's targets are not what policy and store ask for".into()));
    }
    Ok(())
}

fn target(store: &Store, target: &retention::Target) -> Result<OrderTarget, EraseError> {
    let dataset = store.datasets.iter().find(|d| d.name == target.dataset);
    let (Some(dataset), Some((schema, table))) = (dataset, dataset.and_then(|d| d.table.clone())) else {
        return Err(EraseError::State(format!("dataset {} has no table", target.dataset)));
    };
    let mut conditions = vec![];
    for clock in &target.clocks {
        let anchor = dataset.anchors.iter().find(|a| a.event == clock.event);
        let Some(AnchorSource::Column { name, reading }) = anchor.map(|a| &a.source) else {
            return Err(EraseError::State(format!(
                "dataset {} has no column for {}",
                dataset.name, clock.event
            )));
        };
        conditions.push(OrderCondition {
            column: name.clone(),
            reading: reading.clone(),
            cutoff: clock.cutoff,
        });
    }
    Ok(OrderTarget { dataset: dataset.name.to_string(), schema, table, conditions })
}
