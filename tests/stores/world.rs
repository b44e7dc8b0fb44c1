//! A cluster that answers from memory, with one store, one policy and one run.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use carnet::{
    api::v1alpha1::{DataStore, DeletionRun, DeletionRunSpec, PinnedRef, PolicyAction, RetentionPolicy},
    core::{
        hold::{Hold, HoldScopeResolution},
        retention::{PlanInput, plan},
    },
    erase::{ClusterView, LiveRun, Policies, Stop, Stores, Task, ViewError, run},
    handover::{PlanReport, Report, Step, run_plan, run_target},
    parse::{self, RegionCheck},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// What a hold's list does, call by call.
type OnHolds = dyn Fn(usize) -> Result<Vec<Hold>, ViewError> + Send + Sync;

/// A cluster in memory.
#[derive(Clone)]
pub struct World {
    pub run: DeletionRun,
    pub policy: RetentionPolicy,
    pub store: DataStore,
    pub holds: Arc<OnHolds>,
    /// Another store, which is there from the second list of stores on.
    pub declared_since: Option<DataStore>,
    /// Other stores of the namespace.
    pub siblings: Vec<DataStore>,
    pub some_store_unreadable: bool,
    /// Seconds by which the API server's clock is ahead of ours.
    pub api_server_ahead: i64,
    calls: Arc<Mutex<usize>>,
    lists_of_stores: Arc<Mutex<usize>>,
    pub credentials: PathBuf,
    pub stop: Stop,
}

/// Where the items of the only dataset lie.
#[derive(Clone, Debug)]
pub struct Place {
    /// `spec.engine` of the DataStore.
    pub engine: serde_json::Value,
    /// Schema and name of the table.
    pub table: (String, String),
    /// Column that the anchor stands in, and its `columnType`.
    pub column: (String, serde_json::Value),
    /// Uid of the store.
    pub store_uid: String,
}

impl ClusterView for World {
    async fn run(&self) -> Result<LiveRun, ViewError> {
        let answered_at = Timestamp::now() + SignedDuration::from_secs(self.api_server_ahead);
        Ok(LiveRun { run: self.run.clone(), answered_at })
    }

    async fn policies(&self) -> Result<Policies, ViewError> {
        let policy = parse::policy(&self.policy).expect("a policy");
        Ok(Policies { readable: vec![policy], some_unreadable: false })
    }

    async fn stores(&self) -> Result<Stores, ViewError> {
        let law = parse::law::built_in().expect("the law");
        let lists = {
            let mut lists = self.lists_of_stores.lock().expect("no panic");
            *lists += 1;
            *lists
        };
        let since = self.declared_since.iter().filter(|_| lists > 1);
        let stores = [&self.store].into_iter().chain(&self.siblings).chain(since);
        let readable =
            stores.map(|s| parse::store(s, &law, RegionCheck::Lenient).expect("a store")).collect();
        Ok(Stores { readable, some_unreadable: self.some_store_unreadable })
    }

    async fn holds(&self) -> Result<Vec<Hold>, ViewError> {
        let call = {
            let mut calls = self.calls.lock().expect("no panic");
            *calls += 1;
            *calls
        };
        // The list takes a moment, as it does over a network.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        (self.holds)(call)
    }
}

impl World {
    /// A store with `public.TABLE`, whose rows go ten days after `COLUMN`.
    pub async fn new(
        credentials: PathBuf,
        table: &str,
        column: &str,
        column_type: serde_json::Value,
    ) -> Self {
        let place = Place {
            engine: serde_json::json!({
                "postgres": {"credentialsSecretRef": {"name": "erasure"}, "sslMode": "Disable"}}),
            table: ("public".into(), table.into()),
            column: (column.into(), column_type),
            store_uid: "uid-s".into(),
        };
        Self::at(credentials, place).await
    }

    /// A store with one table, whose rows go ten days after the column says.
    pub async fn at(credentials: PathBuf, place: Place) -> Self {
        let Place { engine, table: (schema, table), column: (column, column_type), store_uid } = place;
        let mut anchor = serde_json::json!({"event": "Ended", "column": column});
        if !column_type.is_null() {
            anchor["columnType"] = column_type;
        }
        let store = serde_json::from_value(serde_json::json!({
            "apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
            "metadata": {"name": "s", "namespace": "n", "uid": store_uid, "labels": {"a": "b"}},
            "spec": {
                "exporterRef": {"name": "ltd"}, "role": "Controller", "location": {"country": "IE"},
                "engine": engine,
                "datasets": [{"name": "d", "categories": ["account.contact"],
                              "table": {"schema": schema, "name": table}, "anchors": [anchor]}],
            },
        }))
        .expect("a DataStore");
        let policy = serde_json::from_value(serde_json::json!({
            "apiVersion": "carnet.dev/v1alpha1", "kind": "RetentionPolicy",
            "metadata": {"name": "p", "namespace": "n", "uid": "uid-p"},
            "spec": {"storeSelector": {"matchLabels": {"a": "b"}}, "action": "Apply", "rules": [
                {"name": "r", "categories": ["account.*"], "after": "Ended", "deleteAfter": "P10D", "then": "Delete"}]},
        }))
        .expect("a RetentionPolicy");
        let spec = DeletionRunSpec {
            policy: PinnedRef { name: "p".into(), uid: "uid-p".into() },
            store: PinnedRef { name: "s".into(), uid: store_uid },
            action: PolicyAction::Apply,
            decided_at: String::new(),
            state_hash: String::new(),
            targets: vec![],
        };
        let mut run = DeletionRun::new("run", spec);
        run.metadata.uid = Some("uid-run".into());
        let mut world = Self::with(run, policy, store, credentials);
        world.decide().await;
        world
    }

    /// The world that another process had.
    pub fn of(objects: &serde_json::Value) -> Self {
        let read = |name: &str| objects[name].clone();
        Self::with(
            serde_json::from_value(read("run")).expect("a DeletionRun"),
            serde_json::from_value(read("policy")).expect("a RetentionPolicy"),
            serde_json::from_value(read("store")).expect("a DataStore"),
            read("credentials").as_str().expect("a path").into(),
        )
    }

    fn with(run: DeletionRun, policy: RetentionPolicy, store: DataStore, credentials: PathBuf) -> Self {
        Self {
            run,
            policy,
            store,
            holds: Arc::new(|_| Ok(vec![])),
            declared_since: None,
            siblings: vec![],
            some_store_unreadable: false,
            api_server_ahead: 0,
            calls: Arc::default(),
            lists_of_stores: Arc::default(),
            credentials,
            stop: Stop::default(),
        }
    }

    /// Decides the run anew, as the operator would.
    pub async fn decide(&mut self) {
        let (policies, stores) = (self.policies().await.expect("ours"), self.stores().await.expect("ours"));
        let stores = stores.readable;
        let input = PlanInput {
            policies: policies.readable.iter().collect(),
            stores: stores.iter().collect(),
            holds: vec![],
            known: HoldScopeResolution::of_namespace("n", &stores),
            unreadable: std::collections::BTreeSet::new(),
        };
        let now = Timestamp::now();
        let plans = plan(&input, now);
        self.run.metadata.creation_timestamp = Some(Time(now));
        self.run.spec.decided_at = now.to_string();
        self.run.spec.state_hash.clone_from(&plans[0].state_hash);
        self.run.spec.targets = plans[0].targets.iter().map(run_target).collect();
        self.run.status = None;
    }

    pub async fn step(&self, step: Step) -> Report {
        *self.calls.lock().expect("no panic") = 0;
        *self.lists_of_stores.lock().expect("no panic") = 0;
        let plan_hash = self.run.status.as_ref().and_then(|s| Some(s.plan.as_ref()?.hash.clone()));
        let credentials = self.credentials.clone();
        run(&Task { step, run_uid: "uid-run".into(), plan_hash, credentials }, self, &self.stop).await
    }

    /// Plans, and begins as the operator would.
    pub async fn planned(&mut self) -> PlanReport {
        match self.step(Step::Plan).await {
            Report::Plan(report) => {
                let plan = run_plan("uid-run", &self.run.spec, &report).expect("the plan of this run");
                let status = self.run.status.get_or_insert_default();
                status.plan = Some(plan);
                status.begun_at = Some(Timestamp::now().to_string());
                report
            }
            other => panic!("no plan: {other:?}"),
        }
    }
}
