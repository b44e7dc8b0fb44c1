//! The hash that names a plan, computed in this one place by runner and operator alike.

use sha2::{Digest, Sha256};

use super::PlanReport;
use crate::api::v1alpha1::{DeletionRunSpec, PlannedDataset, RunPlan};

/// A report that does not fit the run it claims to speak of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another run's uid.
    #[error("the report speaks of run {0}")]
    Run(String),
    /// Not one entry for each target.
    #[error("the report has {0} datasets where the run has {1}")]
    Datasets(usize, usize),
    /// The hash is not that of the facts.
    #[error("the report's plan hash is not that of its facts")]
    Hash,
}

/// `sha256:<64 hex>` over the order (run, state, instant, targets) and the facts of its plan; the plan's own `hash` does
/// not enter.
pub fn plan_hash(run_uid: &str, order: &DeletionRunSpec, plan: &RunPlan) -> String {
    let facts = RunPlan { hash: String::new(), ..plan.clone() };
    // Structs serialize in the order of their fields: the same facts give the same bytes.
    let text = serde_json::to_string(&("carnet/plan/1", run_uid, order, &facts)).unwrap_or_default();
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::from("sha256:"), |mut hash, byte| {
        use std::fmt::Write;
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

/// The plan of a report, checked against the run that it must speak of.
pub fn run_plan(run_uid: &str, order: &DeletionRunSpec, report: &PlanReport) -> Result<RunPlan, Mismatch> {
    if report.run_uid != run_uid {
        return Err(Mismatch::Run(report.run_uid.clone()));
    }
    if report.datasets.len() != order.targets.len() {
        return Err(Mismatch::Datasets(report.datasets.len(), order.targets.len()));
    }
    let plan = unchecked(order, report);
    if plan.hash == plan_hash(run_uid, order, &plan) { Ok(plan) } else { Err(Mismatch::Hash) }
}

/// The plan of a report as it claims.
fn unchecked(order: &DeletionRunSpec, report: &PlanReport) -> RunPlan {
    let datasets: Vec<_> = order
        .targets
        .iter()
        .zip(&report.datasets)
        .map(|(target, facts)| PlannedDataset {
            dataset: target.dataset.clone(),
            object_id: facts.object_id,
            predicate_hash: facts.predicate_hash.clone(),
            total: facts.total,
            due: facts.due,
            undated: facts.undated,
            held_by: facts.held_by.clone(),
            oldest_remaining: facts.oldest_remaining.clone(),
        })
        .collect();
    let count = |held: bool| datasets.iter().filter(|d| d.held_by.is_some() == held).map(|d| d.due).sum();
    RunPlan {
        hash: report.plan_hash.clone(),
        server: report.server.clone(),
        due: count(false),
        held: count(true),
        counted_at: report.counted_at.clone(),
        datasets,
    }
}

impl PlanReport {
    /// The report with its hash, for the runner that made it.
    #[must_use]
    pub fn sealed(mut self, order: &DeletionRunSpec) -> Self {
        self.plan_hash = plan_hash(&self.run_uid, order, &unchecked(order, &self));
        self
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{
        api::v1alpha1::{PinnedRef, PolicyAction, RunCondition, RunTarget},
        handover::DatasetFacts,
    };

    fn order() -> DeletionRunSpec {
        let pinned = |name: &str| PinnedRef { name: name.into(), uid: format!("uid-{name}") };
        let condition = RunCondition { event: "E".into(), cutoff: "2026-01-01T00:00:00Z".into() };
        let target = RunTarget { dataset: "d".into(), rules: vec!["r".into()], conditions: vec![condition] };
        DeletionRunSpec {
            policy: pinned("p"),
            store: pinned("s"),
            action: PolicyAction::Apply,
            decided_at: "2026-01-01T00:00:00Z".into(),
            state_hash: format!("sha256:{}", "0".repeat(64)),
            targets: vec![target],
        }
    }

    fn report() -> PlanReport {
        let facts = DatasetFacts { due: 3, total: 5, ..DatasetFacts::default() };
        PlanReport {
            run_uid: "u".into(),
            plan_hash: String::new(),
            server: "s".into(),
            counted_at: "2026-01-01T00:00:00Z".into(),
            datasets: vec![facts],
        }
        .sealed(&order())
    }

    #[test]
    fn a_sealed_report_is_the_plan_of_its_run_and_of_no_other() {
        let plan = run_plan("u", &order(), &report()).unwrap();
        assert_eq!((plan.due, plan.held, plan.hash.len()), (3, 0, 71));
        assert!(matches!(run_plan("v", &order(), &report()), Err(Mismatch::Run(_))));
        let mut other = order();
        other.targets[0].conditions[0].cutoff = "2026-01-02T00:00:00Z".into();
        assert_eq!(run_plan("u", &other, &report()), Err(Mismatch::Hash));
        let mut forged = report();
        forged.datasets[0].due = 1;
        assert_eq!(run_plan("u", &order(), &forged), Err(Mismatch::Hash));
    }
}
