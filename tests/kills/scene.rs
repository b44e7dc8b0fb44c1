//! One store with its database, policy and hold, and what is asked of its runs.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::{
    api::v1alpha1::{DeletionRun, DeletionRunStatus, RetentionPolicy, RunPhase},
    testbed::{Ended, install},
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    oracle::{self, CANARY, Left, Seed},
    world::{NAMESPACES, World},
};

/// Longest wait for a run; what a killed runner costs are the Job's own pauses of 10, 20 and 40 seconds.
const A_RUN: u64 = 240;

pub struct Scene {
    pub world: Arc<World>,
    pub namespace: &'static str,
    /// Name of store and database.
    pub name: String,
    pub seed: Seed,
    /// What the policy says beside its rules.
    pub policy: Value,
}

impl Scene {
    /// A store with its rows and a hold on its sign-ins; no policy yet.
    pub async fn new(world: &Arc<World>, seed: Seed) -> Result<Self> {
        let number = world.number();
        let namespace = NAMESPACES[number as usize % NAMESPACES.len()];
        let scene = Self {
            world: world.clone(),
            namespace,
            name: format!("s{number}"),
            seed,
            policy: json!({"approval": "Never"}),
        };
        oracle::seed(&world.postgres, &scene.name, &scene.seed)?;
        install::apply(&world.admin, &scene.objects()).await?;
        Ok(scene)
    }

    fn objects(&self) -> Vec<Value> {
        let Self { name, namespace, .. } = self;
        let postgres = &self.world.postgres;
        let anchor = json!([{"event": "Collected", "column": "at", "columnType": {"epoch": "Milliseconds"}}]);
        vec![
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
                   "stringData": {"host": postgres.address().to_string(), "port": postgres.port().to_string(),
                                  "username": "eraser", "password": "played", "dbname": name}}),
            json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
                   "metadata": {"name": name, "namespace": namespace, "labels": {"scene": name}},
                   "spec": {
                       "exporterRef": {"name": "ltd"}, "role": "Controller",
                       "location": {"provider": "aws", "region": "eu-west-1"}, "origins": ["EEA"],
                       "engine": {"postgres": {"credentialsSecretRef": {"name": name}, "sslMode": "Disable"}},
                       "datasets": [
                           {"name": "accounts", "categories": ["account.contact"],
                            "table": {"schema": "public", "name": "accounts"},
                            "anchors": [{"event": "RelationshipEnded", "column": "closed_at"}]},
                           {"name": "visits", "categories": ["online.usage"],
                            "table": {"schema": "public", "name": "visits"}, "anchors": anchor},
                           {"name": "sign-ins", "categories": ["online.identifier"],
                            "table": {"schema": "public", "name": "sign_ins"}, "anchors": anchor}]}}),
            json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "LegalHold", "metadata": {"name": name},
                   "spec": {"reason": "Litigation", "reference": "matters/1", "placedOn": "2026-10-01",
                            "scope": {"namespaces": [namespace], "stores": [name], "datasets": ["sign-ins"]}}}),
        ]
    }

    /// Declares the policy: from here on there is something to do.
    pub async fn begin(&self) -> Result<()> {
        self.declare("accounts").await
    }

    /// Declares the policy; with another name of its first rule it is another state, which is planned at once.
    async fn declare(&self, first_rule: &str) -> Result<()> {
        let Self { name, namespace, .. } = self;
        let mut policy = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "RetentionPolicy",
            "metadata": {"name": "p", "namespace": namespace},
            "spec": {"storeSelector": {"matchLabels": {"scene": name}}, "basis": "Own", "action": "Apply", "rules": [
                {"name": first_rule, "categories": ["account.contact"], "after": "RelationshipEnded",
                 "deleteAfter": "P3Y", "then": "Delete",
                 "grounds": [{"kind": "LegalObligation", "keepAtLeast": "P2Y", "citation": "s. 4"}]},
                {"name": "online", "categories": ["online.*"], "after": "Collected", "deleteAfter": "P90D",
                 "then": "Delete"}]}});
        policy["metadata"]["name"] = format!("p-{name}").into();
        for (field, value) in self.policy.as_object().context("fields")? {
            policy["spec"][field] = value.clone();
        }
        Ok(install::apply(&self.world.admin, &[policy]).await?)
    }

    /// Changes fields of the policy that has begun.
    pub async fn change(&self, spec: &Value) -> Result<()> {
        let policies: Api<RetentionPolicy> = Api::namespaced(self.world.admin.clone(), self.namespace);
        let patch = Patch::Merge(json!({"spec": spec}));
        policies.patch(&format!("p-{}", self.name), &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// How the names of its Pods begin.
    pub fn pods(&self) -> String {
        format!("p-{0}-{0}-", self.name)
    }

    /// Its runs, in order.
    pub async fn runs(&self) -> Result<Vec<DeletionRun>> {
        let api: Api<DeletionRun> = Api::namespaced(self.world.admin.clone(), self.namespace);
        let mut runs = api.list(&ListParams::default()).await?.items;
        runs.retain(|run| run.spec.store.name == self.name);
        runs.sort_by_key(|run| (run.creation_timestamp().map(|t| t.0), run.name_any()));
        Ok(runs)
    }

    /// Waits until its last run is as wanted.
    pub async fn last_run(&self, what: &str, wanted: impl Fn(&DeletionRun) -> bool) -> Result<DeletionRun> {
        let wanted = &wanted;
        let found = self
            .world
            .until(what, A_RUN, || async move { Ok(self.runs().await?.pop().filter(|run| wanted(run))) });
        match found.await {
            Ok(run) => Ok(run),
            Err(error) => Err(error.context(self.story().await)),
        }
    }

    /// Waits until one of its runs is as wanted.
    pub async fn some_run(&self, what: &str, wanted: impl Fn(&DeletionRun) -> bool) -> Result<DeletionRun> {
        let wanted = &wanted;
        let found = self
            .world
            .until(what, A_RUN, || async move { Ok(self.runs().await?.into_iter().find(|run| wanted(run))) });
        match found.await {
            Ok(run) => Ok(run),
            Err(error) => Err(error.context(self.story().await)),
        }
    }

    /// Waits until its last run has ended.
    pub async fn end(&self) -> Result<DeletionRun> {
        self.last_run("a run to end", |run| is_over(status(run).phase)).await
    }

    /// What is left of its rows.
    pub fn left(&self) -> Result<Left> {
        oracle::left(&self.world.postgres, &self.name)
    }

    /// Waits for the end, lets another run catch up where one failed, and compares rows and record with the truth.
    pub async fn ends_as_sql_says(&self) -> Result<()> {
        let result = async {
            self.checked().await?;
            self.nothing_quotes_a_row().await
        };
        match result.await {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.story().await)),
        }
    }

    async fn checked(&self) -> Result<()> {
        for again in 0..3 {
            let last = self.end().await?;
            let left = self.is_truthful().await?;
            if left.still_due == 0
                && matches!(status(&last).phase, RunPhase::Succeeded | RunPhase::NothingDue)
            {
                break;
            }
            // Another state is planned at once; without it the operator would wait for ten minutes.
            self.declare(&format!("accounts-{again}")).await?;
            let name = last.name_any();
            self.last_run("the run that catches up", |run| run.name_any() != name).await?;
        }
        self.end().await?;
        let left = self.is_truthful().await?;
        ensure!(left.still_due == 0, "{} rows are due and still there", left.still_due);
        ensure!(left.gone == self.seed.due + self.seed.visits_due, "{} rows are gone", left.gone);
        Ok(())
    }

    /// Every run says no more and no less than what is known to have happened; no run is under way.
    pub async fn is_truthful(&self) -> Result<Left> {
        let left = self.left()?;
        ensure!(left.wrongly_gone == 0, "{} rows are gone that ought to be there", left.wrongly_gone);
        let (mut least, mut most) = (0, 0);
        for run in self.runs().await? {
            let DeletionRunStatus { phase, plan, begun_at, result, lost_reports, .. } = status(&run);
            let name = run.name_any();
            ensure!(is_over(phase), "run {name} has not ended");
            let Some(result) = result else {
                ensure!(begun_at.is_none(), "run {name} has begun and says nothing of its result");
                continue;
            };
            let plan = plan.with_context(|| format!("run {name} has a result and no plan"))?;
            ensure!(begun_at.is_some(), "run {name} has a result and never begun");
            ensure!(
                0 <= result.deleted_at_least
                    && result.deleted_at_least <= result.deleted_at_most
                    // Each attempt that is lost can have done all that was planned.
                    && result.deleted_at_most <= plan.due * (1 + lost_reports.unwrap_or(0)),
                "run {name} says what cannot be"
            );
            ensure!(
                result.verified == (phase == RunPhase::Succeeded),
                "run {name} is verified or did not succeed"
            );
            if result.verified {
                ensure!(result.remaining == Some(0) && left.still_due == 0, "run {name} is verified wrongly");
            }
            ensure!(result.held == self.seed.held, "run {name} forgets what is held: {result:?}");
            ensure!(plan.held == self.seed.held, "run {name} does not know what is held");
            least += result.deleted_at_least;
            most += result.deleted_at_most;
        }
        ensure!(
            least <= left.gone && left.gone <= most,
            "{} rows are gone where the record says {least} to {most}",
            left.gone
        );
        Ok(left)
    }

    /// Neither the record nor the runner's words nor any log hold what stands in a row.
    async fn nothing_quotes_a_row(&self) -> Result<()> {
        for run in self.runs().await? {
            let record = serde_json::to_string(&run)?;
            ensure!(!record.contains(CANARY), "run {} quotes a row: {record}", run.name_any());
        }
        for Ended { pod, message, log, .. } in self.world.kubelet.ended(&self.pods()) {
            ensure!(
                !message.contains(CANARY) && !log.contains(CANARY),
                "{pod} quotes a row: {message}\n{log}"
            );
        }
        let quoting = self.world.log_that_says(CANARY)?;
        ensure!(quoting.is_none(), "{quoting:?} quotes a row");
        Ok(())
    }

    /// For the person who reads a failure.
    pub async fn story(&self) -> String {
        let runs = match self.runs().await {
            Ok(runs) => runs.iter().map(|run| format!("\n  {}: {:?}", run.name_any(), status(run))).collect(),
            Err(error) => error.to_string(),
        };
        let ended = self.world.kubelet.ended(&self.pods());
        let ended: String = ended
            .iter()
            .map(|e| format!("\n  {}: exit code {}: {}", e.pod, e.exit_code, e.message))
            .collect();
        format!("store {}/{}: {:?}\nruns:{runs}\nprocesses:{ended}", self.namespace, self.name, self.left())
    }
}

pub fn status(run: &DeletionRun) -> DeletionRunStatus {
    run.status.clone().unwrap_or_default()
}

pub fn is_over(phase: RunPhase) -> bool {
    match phase {
        RunPhase::Planning | RunPhase::AwaitingApproval | RunPhase::Approved | RunPhase::Erasing => false,
        RunPhase::Succeeded
        | RunPhase::Previewed
        | RunPhase::NothingDue
        | RunPhase::Stopped
        | RunPhase::Failed
        | RunPhase::Cancelled => true,
    }
}
