//! What all tests of this binary share: one control plane, one PostgreSQL, one played node, and the operator.

use std::{
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::{
    ControlPlane, ControlPlaneOptions, FakeNode, PlayedKubelet, Postgres, PostgresOptions, chart,
    install::{self, Operator, OperatorOptions},
};
use kube::Client;
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

/// Namespaces in which deletion Jobs may run; the stores of the tests are spread over them.
pub const NAMESPACES: [&str; 4] = ["north", "east", "south", "west"];

/// What a person is allowed who approves.
pub const APPROVER: &str = "dpo@example.com";

/// Points that only the first operator of a cluster comes to.
pub const OF_THE_FIRST: [&str; 4] = [
    "authority-create-before",
    "authority-create-after",
    "authority-announce-before",
    "authority-announce-after",
];

/// Seconds that anything between two steps of a run may take: a bound for a machine that does much else, never a wait.
pub const A_STEP: u64 = 180;

/// How long an operator may take to come to a point.
const TO_A_POINT: Duration = Duration::from_mins(2);

pub struct World {
    /// The operator that is killed. Whoever holds the lock decides over it.
    leader: Mutex<Option<Operator>>,
    /// Answers admission reviews and never leads.
    replica: Operator,
    pub kubelet: PlayedKubelet,
    pub postgres: Postgres,
    pub admin: Client,
    pub cluster: ControlPlane,
    scratch: tempfile::TempDir,
    lives: AtomicU32,
    scenes: AtomicU32,
}

impl World {
    pub async fn start() -> Result<Self> {
        let scratch = tempfile::tempdir()?;
        let (cluster, postgres) = tokio::try_join!(
            ControlPlane::start(ControlPlaneOptions::default()),
            Postgres::start(postgres())
        )?;
        let admin = cluster.client_admin().await?;
        let eraser = PathBuf::from(env!("CARGO_BIN_EXE_carnet-eraser"));
        let kubelet = PlayedKubelet::start(&cluster, &FakeNode::aws("played", "eu-west-1"), &eraser).await?;
        let namespaces: Vec<_> = NAMESPACES
            .iter()
            .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .collect();
        install::apply(&admin, &namespaces).await?;
        let webhook = install::free_address(cluster.host())?;
        install::install(&admin, &project(), webhook).await?;
        // The right to evict.
        let more = chart::more(&project(), &["transfers.onLapse=Evict"], webhook)?;
        install::apply(&admin, &more).await?;
        for namespace in NAMESPACES {
            install::opt_in(&admin, &project(), namespace).await?;
        }
        install::apply(&admin, &[lease()]).await?;
        postgres.sql("postgres", "CREATE ROLE eraser LOGIN PASSWORD 'played'")?;

        let logs = |name: &str| -> Result<PathBuf> {
            let logs = scratch.path().join(name);
            std::fs::create_dir(&logs)?;
            Ok(logs)
        };
        // The first operator of a cluster makes the webhook's authority; the one after the last of these finds it.
        for point in OF_THE_FIRST {
            let options = options(logs(point)?, vec![], Some(point));
            dies_at(Operator::spawn(&cluster, options, webhook).await?, point).await?;
        }
        let never_leads = options(logs("replica")?, vec!["--leader-elect".into()], None);
        let mut replica = Operator::spawn(&cluster, never_leads, webhook).await?;
        replica.ready().await?;
        install::apply(&admin, &declared()).await?;
        Ok(Self {
            leader: Mutex::default(),
            replica,
            kubelet,
            postgres,
            admin,
            cluster,
            scratch,
            lives: AtomicU32::new(0),
            scenes: AtomicU32::new(0),
        })
    }

    /// A number that no other store has.
    pub fn number(&self) -> u32 {
        self.scenes.fetch_add(1, Ordering::SeqCst)
    }

    /// What operator and replica said last.
    pub fn operator_log(&self) -> String {
        let life = self.lives.load(Ordering::SeqCst);
        let log = |life: u32| {
            let path = self.scratch.path().join(format!("life-{life}/carnet-operator.log"));
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            format!("life {life}:\n{}\n", lines[lines.len().saturating_sub(20)..].join("\n"))
        };
        format!("{}{}replica:\n{}", log(life.saturating_sub(1)), log(life), self.replica.log_end())
    }

    /// The log of an operator, in any of its lives, that says this.
    pub fn log_that_says(&self, text: &str) -> Result<Option<PathBuf>> {
        let mut looked = 0;
        for life in std::fs::read_dir(self.scratch.path())? {
            for file in std::fs::read_dir(life?.path())? {
                let path = file?.path();
                if path.extension().is_some_and(|e| e == "log") {
                    looked += 1;
                    if String::from_utf8_lossy(&std::fs::read(&path)?).contains(text) {
                        return Ok(Some(path));
                    }
                }
            }
        }
        ensure!(looked > 0, "no operator has a log");
        Ok(None)
    }

    /// Starts a life of the operator, without waiting for it.
    pub async fn operator(&self, failpoint: Option<&str>) -> Result<Operator> {
        let life = self.lives.fetch_add(1, Ordering::SeqCst) + 1;
        let logs = self.scratch.path().join(format!("life-{life}"));
        std::fs::create_dir(&logs)?;
        let webhook = install::free_address(self.cluster.host())?;
        Ok(Operator::spawn(&self.cluster, options(logs, vec![], failpoint), webhook).await?)
    }

    /// Takes the operator over; what ran of it is killed.
    pub async fn take_operator(&self) -> MutexGuard<'_, Option<Operator>> {
        let mut leader = self.leader.lock().await;
        if let Some(operator) = leader.take() {
            operator.kill();
        }
        leader
    }

    /// Lets the operator run, unless somebody has taken it over. One that ended by itself is an error.
    async fn let_operate(&self) -> Result<()> {
        let Ok(mut leader) = self.leader.try_lock() else { return Ok(()) };
        if let Some(operator) = leader.as_mut()
            && let Some(status) = operator.ended()
        {
            let log = operator.log_end();
            *leader = None;
            bail!("the operator ended by itself: {status}\n{log}");
        }
        if leader.is_none() {
            *leader = Some(self.operator(None).await?);
        }
        Ok(())
    }

    /// Lets the operator live until it is killed at this point, while `meanwhile` gives it something to do.
    pub async fn kill_operator_at(
        &self,
        point: &str,
        meanwhile: impl Future<Output = Result<()>>,
    ) -> Result<()> {
        let leader = self.take_operator().await;
        meanwhile.await?;
        let died = dies_at(self.operator(Some(point)).await?, point).await;
        drop(leader);
        died
    }

    /// Kills the operator this long from now; it is started before, where none runs.
    pub async fn kill_operator_after(&self, moment: Duration) -> Result<()> {
        let mut leader = self.leader.lock().await;
        if leader.is_none() {
            *leader = Some(self.operator(None).await?);
        }
        tokio::time::sleep(moment).await;
        if let Some(mut operator) = leader.take() {
            ensure!(operator.ended().is_none(), "the operator ended by itself:\n{}", operator.log_end());
            operator.kill();
        }
        Ok(())
    }

    /// Asks until there is an answer, and lets the operator run meanwhile.
    pub async fn until<T, F>(&self, what: &str, seconds: u64, question: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<Option<T>>>,
    {
        let end = Instant::now() + Duration::from_secs(seconds);
        loop {
            self.let_operate().await?;
            if let Some(answer) = question().await.with_context(|| format!("waiting for {what}"))? {
                return Ok(answer);
            }
            ensure!(Instant::now() < end, "waited {seconds} s in vain for {what}");
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }
}

/// Waits until an operator is killed at its point.
async fn dies_at(mut operator: Operator, point: &str) -> Result<()> {
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = operator.ended() {
            break status;
        }
        ensure!(begun.elapsed() < TO_A_POINT, "{point} was not reached:\n{}", operator.log_end());
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let log = operator.log_end();
    ensure!(status.signal() == Some(9), "the operator was not killed but ended: {status}\n{log}");
    ensure!(log.contains(&format!("\"failpoint\":\"{point}\"")), "killed elsewhere than at {point}:\n{log}");
    Ok(())
}

fn options(logs: PathBuf, more: Vec<String>, failpoint: Option<&str>) -> OperatorOptions {
    let flags = [
        "--transfers=Enforce".to_owned(),
        "--backstop".to_owned(),
        "--on-lapse=Evict".to_owned(),
        format!("--erasure-namespaces={}", NAMESPACES.join(",")),
    ];
    OperatorOptions {
        program: env!("CARGO_BIN_EXE_carnet-operator").into(),
        logs,
        flags: flags.into_iter().chain(more).collect(),
        env: failpoint.map(|point| ("CARNET_FAILPOINT".to_owned(), point.to_owned())).into_iter().collect(),
        webhook_port: None,
    }
}

fn postgres() -> PostgresOptions {
    let settings = [("max_connections", "150"), ("autovacuum", "off")];
    PostgresOptions {
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..PostgresOptions::default()
    }
}

/// The Lease of a leader that the replica waits for in vain.
fn lease() -> serde_json::Value {
    let now = jiff::Timestamp::now();
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
           "metadata": {"name": "carnet-operator", "namespace": install::NAMESPACE},
           "spec": {"holderIdentity": "the-leader", "leaseDurationSeconds": 36000,
                    "acquireTime": format!("{now:.6}"), "renewTime": format!("{now:.6}")}})
}

/// Whose data it is, and who may approve.
fn declared() -> Vec<serde_json::Value> {
    vec![
        json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": "ltd"},
               "spec": {"legalName": "Hosted Platform Ltd", "country": "IE", "runs": {"namespaces": NAMESPACES}}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "dpo"},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "carnet-approver"},
               "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": APPROVER}]}),
    ]
}

/// Root of the checkout.
pub fn project() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}
