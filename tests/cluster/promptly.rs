//! How soon a change that breaks a rule is reported: on the workload, on the store, and in the metrics.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Pod, events::v1::Event};
use kube::{
    Api,
    api::{ListParams, Patch},
};
use serde_json::{Value, json};

use crate::{
    cases,
    flows::{clauses, condition, says, store},
    world::{World, eventually},
};

cases![a_change_of_node_party_or_store_is_reported_within_a_second];

const PARTIES: &str = include_str!("../../examples/party.yaml");

/// What the project promises, from the return of the write to the report.
const SOON: Duration = Duration::from_secs(1);
/// A machine may be busy with something else once.
const TRIES: u32 = 2;

/// What changes under a Deployment that was lawful.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Its node's label: the node lies abroad.
    Node,
    /// The Party that runs its namespace: it is nobody's, so no safeguard names it.
    Party,
    /// The store: it claims the Secret that the Deployment has used all along.
    Store,
}

/// From the return of the write to each report.
#[derive(Clone, Copy, Debug)]
struct Reported {
    event: Duration,
    condition: Duration,
    metric: Duration,
}

impl Reported {
    fn slowest(&self) -> Duration {
        self.event.max(self.condition).max(self.metric)
    }
}

async fn a_change_of_node_party_or_store_is_reported_within_a_second(w: Arc<World>) -> Result<()> {
    for change in [Change::Node, Change::Party, Change::Store] {
        let mut seen = vec![];
        for again in 0..TRIES {
            let reported =
                Scene::new(change, again).reported(&w).await.with_context(|| format!("{change:?}"))?;
            #[allow(clippy::print_stderr, reason = "a measurement to read")]
            {
                eprintln!("{change:?}: {reported:?}");
            }
            seen.push(reported);
            if reported.slowest() <= SOON {
                break;
            }
        }
        if seen.iter().all(|r| r.slowest() > SOON) {
            bail!("{change:?} was reported late each time: {seen:?}");
        }
    }
    Ok(())
}

struct Scene {
    change: Change,
    name: String,
    store: Value,
    safeguard: Value,
}

impl Scene {
    fn new(change: Change, again: u32) -> Self {
        let name = format!("prompt-{change:?}-{again}").to_lowercase();
        let mut store = store(&name);
        if matches!(change, Change::Store) {
            store["spec"]["access"] = json!({});
        }
        Self { change, store, safeguard: clauses(&name, &["inc"], 1), name }
    }

    /// Abroad from the start and carried there, or at home, or using nothing that is claimed.
    fn deployment(&self) -> Value {
        let Self { name, change, .. } = self;
        let node = match change {
            Change::Node => "eu1",
            Change::Party | Change::Store => "us1",
        };
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "analytics"},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}}, "spec": {
                "nodeSelector": {"kubernetes.io/hostname": node},
                "containers": [{"name": "app", "image": "app", "envFrom": [{"secretRef": {"name": format!("{name}-app")}}]}]}}}})
    }

    async fn reported(&self, w: &World) -> Result<Reported> {
        w.apply(PARTIES).await?;
        w.apply_as(&w.admin, &self.store).await?;
        says(w, &self.store, "NoViolation", "True", "").await?;
        if matches!(self.change, Change::Party) {
            w.apply_as(&w.admin, &self.safeguard).await?;
            says(w, &self.safeguard, "InForce", "True", "").await?;
        }
        let deployment = self.deployment().to_string();
        eventually("the Deployment to be admitted", 8, || async { Ok(w.create(&deployment).await.ok()) })
            .await?;
        self.runs(w).await?;
        let before = violating(w)?;

        let reported = async {
            self.write(w).await?;
            let written = Instant::now();
            let (event, condition, metric) = tokio::try_join!(
                self.within(written, "the Event on the Deployment", || self.event(w)),
                self.within(written, "the condition on the store", || self.condition(w)),
                self.within(written, "the metric", || async { Ok(violating(w)? > before + 0.5) }),
            )?;
            Ok::<_, anyhow::Error>(Reported { event, condition, metric })
        };
        let reported = reported.await;
        self.undo(w, before).await?;
        reported
    }

    /// Waits until its Pod is on its node and the operator has had a moment to see it there.
    async fn runs(&self, w: &World) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
        let ours = ListParams::default().labels(&format!("app={}", self.name));
        eventually("its Pod to run", 15, || async {
            let all = pods.list(&ours).await?.items;
            Ok(all
                .iter()
                .any(|p| p.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running"))
                .then_some(()))
        })
        .await?;
        if matches!(self.change, Change::Store) {
            // Nothing speaks of a Pod that uses nothing.
            tokio::time::sleep(Duration::from_millis(500)).await;
            return Ok(());
        }
        let stores = w.api(&w.admin, &self.store)?;
        eventually("the store to count its Pod", 10, || async {
            let live = stores.get(&self.name).await?;
            Ok((live.data.pointer("/status/transfers/using").and_then(Value::as_i64) == Some(1))
                .then_some(()))
        })
        .await
    }

    async fn write(&self, w: &World) -> Result<()> {
        match self.change {
            Change::Node => region_of(w, "eu1", "us-east-1").await,
            Change::Party => runs(w, &json!([])).await,
            Change::Store => {
                w.apply_as(&w.admin, &store(&self.name)).await?;
                Ok(())
            }
        }
    }

    async fn undo(&self, w: &World, before: f64) -> Result<()> {
        match self.change {
            Change::Node => region_of(w, "eu1", "eu-west-1").await?,
            Change::Party => runs(w, &json!(["analytics"])).await?,
            Change::Store => {}
        }
        let deployment = self.deployment();
        w.delete(&deployment.to_string()).await?;
        let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
        let ours = ListParams::default().labels(&format!("app={}", self.name));
        eventually("its Pods to be gone", 30, || async {
            Ok(pods.list(&ours).await?.items.is_empty().then_some(()))
        })
        .await?;
        w.delete(&self.safeguard.to_string()).await?;
        w.delete(&self.store.to_string()).await?;
        eventually("the metric to fall", 10, || async { Ok((violating(w)? < before + 0.5).then_some(())) })
            .await
    }

    /// How long after `since` the answer is yes.
    async fn within<F>(&self, since: Instant, what: &str, is_so: impl Fn() -> F) -> Result<Duration>
    where
        F: Future<Output = Result<bool>>,
    {
        loop {
            let asked = since.elapsed();
            if is_so().await? {
                return Ok(asked);
            }
            if asked > SOON * 10 {
                bail!("waited {asked:?} in vain for {what} of {}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn event(&self, w: &World) -> Result<bool> {
        let events: Api<Event> = Api::namespaced(w.admin.clone(), "analytics");
        Ok(events.list(&ListParams::default()).await?.items.iter().any(|e| {
            let on = e.regarding.as_ref();
            e.reason.as_deref() == Some("TransferNotCovered")
                && on.is_some_and(|r| {
                    r.kind.as_deref() == Some("Deployment") && r.name.as_deref() == Some(self.name.as_str())
                })
        }))
    }

    async fn condition(&self, w: &World) -> Result<bool> {
        let live = w.api(&w.admin, &self.store)?.get(&self.name).await?;
        let violating = live.data.pointer("/status/transfers/violating").and_then(Value::as_i64);
        let says = condition(&live, "NoViolation").is_some_and(|(status, ..)| status == "False");
        Ok(says && violating == Some(1))
    }
}

/// What the operator counts.
fn violating(w: &World) -> Result<f64> {
    let metrics = w.metrics()?;
    let line = metrics.lines().find_map(|l| l.strip_prefix("carnet_transfers_violating_pods "));
    Ok(line.context("the metric is there")?.parse()?)
}

async fn region_of(w: &World, node: &str, region: &str) -> Result<()> {
    let object = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}});
    let patch = json!({"metadata": {"labels": {"topology.kubernetes.io/region": region}}});
    w.api(&w.admin, &object)?.patch(node, &Default::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Says whose workloads run in which namespaces: those of the importer.
async fn runs(w: &World, namespaces: &Value) -> Result<()> {
    let object = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": "inc"}});
    // What is taken away from running Pods must be owned up to, each time anew.
    let reason = format!("a test, at {}", Timestamp::now());
    let patch = json!({"metadata": {"annotations": {"carnet.dev/acknowledge": reason}},
        "spec": {"runs": {"namespaces": namespaces}}});
    w.api(&w.admin, &object)?.patch("inc", &Default::default(), &Patch::Merge(patch)).await?;
    Ok(())
}
