//! The store that the demo and the tests of whole installations declare: accounts in a real PostgreSQL, used by a Pod
//! from abroad, with a safeguard, a retention policy and a legal hold to match. What they say is in `testbed/demo/`.

use std::{path::Path, process::Command, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};

use super::{
    access::Access,
    error::TestbedError,
    install,
    postgres::{Postgres, PostgresOptions},
    process::{run, wait_for},
};
use crate::api::v1alpha1::{DataStore, DeletionRun, Party, RunPhase};

/// Namespace of the store.
pub const STORE_NAMESPACE: &str = "identity";
/// Namespace of the Pod that uses it from abroad.
pub const USER_NAMESPACE: &str = "analytics";
/// Who approves.
pub const APPROVER: &str = "dpo@example.com";
/// A legal hold on one of the store's two datasets.
pub const HOLD: &str = include_str!("../../testbed/demo/hold.yaml");
/// What is due when.
pub const POLICY: &str = include_str!("../../testbed/demo/policy.yaml");

const DECLARED: &str = include_str!("../../testbed/demo/declared.yaml");
const SAFEGUARD: &str = include_str!("../../testbed/demo/safeguard.yaml");
const POD: &str = include_str!("../../testbed/demo/pod.yaml");
const SQL: &str = include_str!("../../testbed/demo/store.sql");
const STORE: &str = "accounts";
const IMPORTER: &str = "inc";

/// Phases in which a run waits or has found that it has nothing to wait for.
const PLANNED: &[RunPhase] = &[RunPhase::AwaitingApproval, RunPhase::Failed, RunPhase::NothingDue];
/// Phases in which a run ends.
const ENDED: &[RunPhase] = &[RunPhase::Succeeded, RunPhase::Failed, RunPhase::Stopped, RunPhase::Cancelled];

/// The store: its server, and what is declared of it.
#[derive(Debug)]
pub struct Accounts {
    postgres: Postgres,
}

// === impl Accounts ===

impl Accounts {
    /// Starts the server where the cluster reaches it, and fills it.
    pub async fn start(access: &Access) -> Result<Self, TestbedError> {
        let options = PostgresOptions { address: access.host(), ..PostgresOptions::default() };
        let accounts = Self { postgres: Postgres::start(options).await? };
        accounts.fill()?;
        Ok(accounts)
    }

    /// Makes the database and its rows.
    fn fill(&self) -> Result<(), TestbedError> {
        self.postgres.sql("postgres", &format!("CREATE DATABASE {STORE}"))?;
        self.postgres.sql(STORE, SQL).map(drop)
    }

    /// Namespaces of store and Pod, for who opts them in before anything is declared.
    pub async fn namespaces(client: &Client) -> Result<(), TestbedError> {
        let namespace =
            |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        install::apply(client, &[STORE_NAMESPACE, USER_NAMESPACE].map(namespace)).await
    }

    /// Declares parties and store with the Secrets that lead to it, gives the approver the right to approve, and waits
    /// until the operator has taken them up.
    pub async fn declare(&self, client: &Client) -> Result<(), TestbedError> {
        install::apply(client, &install::documents_of(DECLARED, "the declaration of the store")?).await?;
        install::apply(client, &self.around()).await?;
        let stores: Api<DataStore> = Api::namespaced(client.clone(), STORE_NAMESPACE);
        until("the operator to take up the store and its parties", 20, || async {
            let store = stores.get(STORE).await?;
            let status = store.status.unwrap_or_default();
            Ok((!status.regimes.is_empty() && status.observed_generation == store.metadata.generation)
                .then_some(()))
        })
        .await?;
        let parties: Api<Party> = Api::all(client.clone());
        until("the operator to take up the importer", 20, || async {
            let status = parties.get(IMPORTER).await?.status.unwrap_or_default();
            Ok(status.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True").then_some(()))
        })
        .await
    }

    fn around(&self) -> [Value; 4] {
        let (host, port) = (self.postgres.address().to_string(), self.postgres.port().to_string());
        [
            json!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "accounts-erasure", "namespace": STORE_NAMESPACE},
                "stringData": {"host": host, "port": port, "username": "eraser", "password": "demo", "dbname": STORE}}),
            json!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "accounts-readonly", "namespace": USER_NAMESPACE},
                "stringData": {"host": "accounts.example.com"}}),
            json!({"apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {"name": "default", "namespace": USER_NAMESPACE}}),
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": "demo-dpo"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "carnet-approver"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": APPROVER}]}),
        ]
    }

    /// Declares the clauses that carry the store's data to the Pod, until then.
    pub async fn safeguard(client: &Client, until: jiff::Timestamp) -> Result<(), TestbedError> {
        let text = format!("{SAFEGUARD}  validUntil: \"{until}\"\n");
        install::apply(client, &install::documents_of(&text, "the safeguard")?).await
    }

    /// The Pod that uses the store from abroad.
    pub fn pod() -> Result<Pod, TestbedError> {
        serde_saphyr::from_str(POD).map_err(|e| TestbedError::Unsuitable(format!("the Pod is not YAML: {e}")))
    }

    /// Tries to create that Pod; if it is refused, what the webhook says. That there is one already is an error, not a refusal.
    pub async fn try_pod(client: &Client) -> Result<Result<(), String>, TestbedError> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), USER_NAMESPACE);
        match pods.create(&PostParams::default(), &Self::pod()?).await {
            Ok(_) => Ok(Ok(())),
            // The API server puts its own words before ours.
            Err(kube::Error::Api(status)) if !status.is_already_exists() => {
                let ours = status.message.split_once("denied the request: ").map(|(_, ours)| ours.to_owned());
                Ok(Err(ours.unwrap_or(status.message)))
            }
            Err(error) => Err(TestbedError::api("create the Pod")(error)),
        }
    }

    /// Tries for so many seconds until that Pod is refused, and answers what is said; what is admitted meanwhile is taken away again.
    pub async fn refused(client: &Client, seconds: u64) -> Result<String, TestbedError> {
        wait_for("the violation to be refused", Duration::from_secs(seconds), &mut [], || async {
            match Self::try_pod(client).await.map_err(|error| error.to_string())? {
                Err(refusal) => Ok(refusal),
                Ok(()) => {
                    Err(Self::pod_gone(client).await.err().map_or("admitted".to_owned(), |e| e.to_string()))
                }
            }
        })
        .await
    }

    /// Tries for so many seconds until that Pod is admitted, and takes it away again.
    pub async fn admitted(client: &Client, seconds: u64) -> Result<(), TestbedError> {
        wait_for("the Pod to be admitted", Duration::from_secs(seconds), &mut [], || async {
            Self::try_pod(client).await.map_err(|error| error.to_string())?
        })
        .await?;
        Self::pod_gone(client).await
    }

    /// Deletes that Pod and waits until it is gone.
    async fn pod_gone(client: &Client) -> Result<(), TestbedError> {
        pod_gone(client, USER_NAMESPACE, &Self::pod()?.name_any()).await
    }

    /// The first run that awaits approval or has failed.
    pub async fn planned(client: &Client) -> Result<DeletionRun, TestbedError> {
        Self::run_in(client, PLANNED, 90).await
    }

    /// The first run that has ended.
    pub async fn ended(client: &Client) -> Result<DeletionRun, TestbedError> {
        Self::run_in(client, ENDED, 120).await
    }

    async fn run_in(
        client: &Client,
        phases: &'static [RunPhase],
        seconds: u64,
    ) -> Result<DeletionRun, TestbedError> {
        let runs: Api<DeletionRun> = Api::namespaced(client.clone(), STORE_NAMESPACE);
        until("the run to move on", seconds, || async {
            let all = runs.list(&ListParams::default()).await?.items;
            Ok(all.into_iter().find(|r| r.status.as_ref().is_some_and(|s| phases.contains(&s.phase))))
        })
        .await
    }

    /// Approves a run's plan as the person who may, by `kubectl carnet approve`; `plugin` is that program.
    pub fn approve(access: &Access, plugin: &Path, run_name: &str) -> Result<(), TestbedError> {
        let person = access.kubeconfig_for(APPROVER, &[])?;
        let mut approve = Command::new(plugin);
        approve.args(["approve", run_name, "-n", STORE_NAMESPACE, "--yes"]).env("KUBECONFIG", person);
        run(&format!("approve {run_name}"), &mut approve).map(drop)
    }

    /// Runs a query that counts.
    pub fn count(&self, sql: &str) -> Result<i64, TestbedError> {
        let answer = self.postgres.sql(STORE, sql)?;
        answer
            .trim()
            .parse()
            .map_err(|_| TestbedError::Command { attempt: "count".to_owned(), output: answer })
    }

    /// Accounts that were closed so long ago that they are due.
    pub fn due(&self) -> Result<i64, TestbedError> {
        self.count("SELECT count(*) FROM accounts WHERE closed_at < now() - interval '3 years'")
    }

    /// Puts back what a deletion took: as many accounts are due as at the start.
    pub fn due_again(&self) -> Result<(), TestbedError> {
        let closed = "INSERT INTO accounts SELECT i, now() - interval '5 years' - i * interval '1 hour' \
                      FROM generate_series(1, 700) i ON CONFLICT DO NOTHING";
        self.postgres.sql(STORE, closed).map(drop)
    }

    /// Accounts that are not due.
    pub fn not_due(&self) -> Result<i64, TestbedError> {
        self.count(
            "SELECT count(*) FROM accounts WHERE closed_at IS NULL OR closed_at > now() - interval '3 years'",
        )
    }

    /// Sign-ins, all of them old, and on hold where [`HOLD`] is declared.
    pub fn sign_ins(&self) -> Result<i64, TestbedError> {
        self.count("SELECT count(*) FROM sign_ins")
    }
}

/// Deletes a Pod and waits until it is gone; one that is not there is.
pub async fn pod_gone(client: &Client, namespace: &str, name: &str) -> Result<(), TestbedError> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    match pods.delete(name, &DeleteParams::default().grace_period(0)).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        other => drop(other.map_err(TestbedError::api("delete the Pod"))?),
    }
    until("a Pod to be gone", 30, || async { Ok(pods.get_opt(name).await?.is_none().then_some(())) }).await
}

/// Asks the cluster until there is an answer, for so many seconds; an answer that the API server fails to give counts as
/// none yet.
pub async fn until<T, F: Future<Output = Result<Option<T>, kube::Error>>>(
    what: &str,
    seconds: u64,
    question: impl Fn() -> F,
) -> Result<T, TestbedError> {
    wait_for(what, Duration::from_secs(seconds), &mut [], || async {
        match question().await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err("not yet".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await
}
