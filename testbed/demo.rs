//! The main job, end to end: what is refused, admitted, reported, deleted and kept, each read back from the cluster
//! and the database.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use carnet::{
    api::v1alpha1::{DataStore, RunPhase},
    testbed::{
        Access, Image, Level, NodesOptions, Testbed,
        accounts::{self, Accounts, until},
        install::{self, Operator, OperatorOptions},
    },
};
use k8s_openapi::api::{core::v1::Pod, events::v1::Event};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
};

const ERASER_IMAGE: &str = "example.com/carnet-eraser:demo";
const NAMES: [&str; 7] = ["refused", "admitted", "reported", "deleted", "kept", "held", "verified"];
/// How long the demo's safeguard lasts.
const SAFEGUARD_SECONDS: i64 = 20;

/// A part that the demo breaks on purpose, to show that it would tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sabotage {
    Nothing,
    Webhook,
    Hold,
    Eraser,
    Safeguard,
}

/// One row of the closing table.
struct Row {
    name: &'static str,
    wanted: String,
    found: String,
    good: bool,
}

struct Demo {
    client: Client,
    access: Access,
    accounts: Accounts,
    rows: Vec<Row>,
    out: std::io::Stdout,
    start: Instant,
}

/// Runs the demo; an error names the rows that are not as they should be. `programs` holds our three binaries.
pub async fn run(programs: &Path) -> Result<()> {
    let sabotage = match std::env::var("DEMO_SABOTAGE").unwrap_or_default().as_str() {
        "" => Sabotage::Nothing,
        "webhook" => Sabotage::Webhook,
        "hold" => Sabotage::Hold,
        "eraser" => Sabotage::Eraser,
        "safeguard" => Sabotage::Safeguard,
        other => bail!("DEMO_SABOTAGE is `{other}`; it takes webhook, hold, eraser or safeguard"),
    };
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let scratch = tempfile::tempdir()?;
    let start = Instant::now();
    let mut out = std::io::stdout();
    writeln!(out, "starting a cluster with a node in eu-west-1 and one in us-east-1")?;
    let images = images(programs, scratch.path(), sabotage)?;
    let cluster = Testbed::obtain(Level::Nodes(NodesOptions { images, ..NodesOptions::default() })).await?;
    let access: Access = (*cluster).clone();
    let client = access.client_admin().await?;
    let accounts = Accounts::start(&access).await?;
    writeln!(out, "[{:>3} s] cluster and PostgreSQL are up", start.elapsed().as_secs())?;

    Accounts::namespaces(&client).await?;
    let options = OperatorOptions {
        program: programs.join("carnet-operator"),
        logs: scratch.path().into(),
        flags: [
            "--transfers=Enforce",
            "--claims-from=identity",
            "--erasure-namespaces=identity",
            "--eraser-pull-policy=Never",
        ]
        .map(String::from)
        .into_iter()
        .chain([format!("--eraser-image={ERASER_IMAGE}")])
        .collect(),
        env: vec![],
        webhook_port: None,
    };
    // The opted-in namespace's Roles come first: the operator watches Jobs there from its start.
    let first = install::free_address(access.host())?;
    install::install(&client, &project, first).await?;
    install::opt_in(&client, &project, "identity").await?;
    let operator = Operator::start(&access, &project, options).await?;
    let mut demo = Demo { client, access, accounts, rows: vec![], out, start };
    let result = demo.play(programs, sabotage).await;
    if result.is_err() {
        writeln!(demo.out, "--- the operator's last lines\n{}", operator.log_end())?;
    }
    both(result, demo.table())
}

/// A step that broke off does not hide the rows that were found wrong before it, nor they it.
fn both(play: Result<()>, table: Result<()>) -> Result<()> {
    match (play, table) {
        (Err(step), Err(rows)) => Err(step.context(rows.to_string())),
        (Err(one), Ok(())) | (Ok(()), Err(one)) => Err(one),
        (Ok(()), Ok(())) => Ok(()),
    }
}

/// The image of our eraser, as an archive.
fn images(programs: &Path, scratch: &Path, sabotage: Sabotage) -> Result<Vec<PathBuf>> {
    let eraser = match sabotage {
        // A runner that does nothing and says nothing.
        Sabotage::Eraser => PathBuf::from("/bin/busybox"),
        Sabotage::Nothing | Sabotage::Webhook | Sabotage::Hold | Sabotage::Safeguard => {
            programs.join("carnet-eraser")
        }
    };
    let archive = scratch.join("eraser.tar");
    Image::new(ERASER_IMAGE, &["/bin/carnet-eraser"]).file(&eraser, "/bin/carnet-eraser").write(&archive)?;
    Ok(vec![archive])
}

impl Demo {
    async fn play(&mut self, programs: &Path, sabotage: Sabotage) -> Result<()> {
        self.declare().await?;
        self.transfers(sabotage).await?;
        self.retention(programs, sabotage).await
    }

    fn say(&mut self, what: &str) -> Result<()> {
        writeln!(self.out, "[{:>3} s] {what}", self.start.elapsed().as_secs())?;
        Ok(())
    }

    fn row(&mut self, name: &'static str, wanted: &str, found: impl Into<String>, good: bool) {
        self.rows.push(Row { name, wanted: wanted.into(), found: found.into(), good });
    }

    async fn apply(&self, yaml: &str) -> Result<()> {
        Ok(install::apply(&self.client, &install::documents_of(yaml, "a manifest of the demo")?).await?)
    }

    async fn declare(&mut self) -> Result<()> {
        self.accounts.declare(&self.client).await?;
        self.say("declared: two parties, one store in Ireland with account data of people in the EEA")
    }

    async fn transfers(&mut self, sabotage: Sabotage) -> Result<()> {
        if sabotage == Sabotage::Webhook {
            let hooks: Api<k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration> =
                Api::all(self.client.clone());
            hooks.delete("carnet", &Default::default()).await?;
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "analytics");
        let answer = Accounts::try_pod(&self.client).await?;
        let wanted = "Pod analytics/report, data to the US without a safeguard";
        match answer {
            Ok(()) => {
                self.row("refused", wanted, "it was admitted", false);
                pods.delete(
                    "report",
                    &kube::api::DeleteParams { grace_period_seconds: Some(0), ..Default::default() },
                )
                .await?;
                until("the Pod to be gone", 30, || async {
                    Ok(pods.get_opt("report").await?.is_none().then_some(()))
                })
                .await?;
            }
            Err(message) => {
                self.say("the Pod was refused:")?;
                for line in message.lines() {
                    writeln!(self.out, "        {line}")?;
                }
                let good = message.contains("identity/accounts");
                let first = message.lines().next().unwrap_or_default().to_owned();
                self.row("refused", wanted, shorten(&first), good);
            }
        }

        let length = if sabotage == Sabotage::Safeguard { -60 } else { SAFEGUARD_SECONDS };
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(length);
        Accounts::safeguard(&self.client, end).await?;
        let admitted = until("the Pod to be admitted", 10, || async {
            Ok(Accounts::try_pod(&self.client).await.ok().and_then(Result::ok))
        })
        .await;
        let stores: Api<DataStore> = Api::namespaced(self.client.clone(), "identity");
        let wanted = "the same Pod, under safeguard/intragroup-scc";
        if admitted.is_err() {
            self.row("admitted", wanted, "it was refused", false);
            self.row("reported", "when the safeguard ends", "there was no Pod to report", false);
            return Ok(());
        }
        let named = until("the store to name the safeguard", 8, || async {
            let relied = stores.get("accounts").await?.status.and_then(|s| s.transfers).map(|t| t.relied_on);
            Ok(relied.filter(|r| r.iter().any(|n| n == "safeguard/intragroup-scc")))
        })
        .await;
        let found =
            named.as_ref().map_or_else(ToString::to_string, |n| format!("relied on: {}", n.join(", ")));
        self.row("admitted", wanted, found, named.is_ok());
        self.say(
            "the same Pod was admitted under safeguard/intragroup-scc; waiting for the safeguard to end",
        )?;

        let wait = end.duration_since(jiff::Timestamp::now());
        tokio::time::sleep(wait.try_into().unwrap_or_default()).await;
        let events: Api<Event> = Api::namespaced(self.client.clone(), "analytics");
        let reported = until("the lapse to be reported", 5, || async {
            let violating =
                stores.get("accounts").await?.status.and_then(|s| s.transfers).map(|t| t.violating);
            let event = events.list(&ListParams::default()).await?.items.into_iter().find(|e| {
                e.regarding.as_ref().is_some_and(|r| r.name.as_deref() == Some("report"))
                    && e.type_.as_deref() == Some("Warning")
                    && e.reporting_controller.as_deref().is_some_and(|c| c.contains("carnet"))
            });
            Ok(event.filter(|_| violating == Some(1)))
        })
        .await;
        let late = jiff::Timestamp::now().duration_since(end);
        let found = reported.as_ref().map_or_else(ToString::to_string, |e| {
            format!(
                "{:.1} s after its end: {}",
                late.as_secs_f64(),
                shorten(e.note.as_deref().unwrap_or_default())
            )
        });
        self.row("reported", "Event and count when the safeguard ends", found, reported.is_ok());
        Ok(())
    }

    async fn retention(&mut self, programs: &Path, sabotage: Sabotage) -> Result<()> {
        if sabotage != Sabotage::Hold {
            self.apply(accounts::HOLD).await?;
        }
        self.apply(accounts::POLICY).await?;
        self.say("declared: a retention policy, and a legal hold on the sign-ins")?;
        let outcome = Accounts::planned(&self.client).await;
        let Ok(run) = outcome else {
            self.row("deleted", "700 accounts closed over three years ago", "no plan came", false);
            return Ok(());
        };
        let name = run.metadata.name.clone().unwrap_or_default();
        let status = run.status.clone().unwrap_or_default();
        if status.phase != RunPhase::AwaitingApproval {
            let message = status.message.unwrap_or_default();
            self.row(
                "deleted",
                "700 accounts closed over three years ago",
                format!("{:?}: {message}", status.phase),
                false,
            );
            return Ok(());
        }
        let plan = status.plan.clone().unwrap_or_default();
        self.say(&format!(
            "planned: {} due, {} held; approving {name} as dpo@example.com",
            plan.due, plan.held
        ))?;
        Accounts::approve(&self.access, &programs.join("kubectl-carnet"), &name)?;
        let ended = Accounts::ended(&self.client).await?;
        let status = ended.status.unwrap_or_default();
        let result = status.result.clone().unwrap_or_default();

        let (due, kept) = (self.accounts.due()?, self.accounts.not_due()?);
        let held = self.accounts.sign_ins()?;
        let node = self.node_of(&format!("{name}-erase")).await.unwrap_or_else(|e| e.to_string());
        self.row(
            "deleted",
            "700 accounts closed over three years ago, by a Job in eu-west-1",
            format!("{} by the record, {due} left in the database, node in {node}", result.deleted_at_least),
            due == 0 && result.deleted_at_least == 700 && node == "eu-west-1",
        );
        self.row("kept", "300 accounts that are not due", format!("{kept} in the database"), kept == 300);
        self.row("held", "5000 sign-ins, all old, on hold", format!("{held} in the database"), held == 5000);
        let verified = status.phase == RunPhase::Succeeded && result.verified && result.remaining == Some(0);
        let evidence = format!(
            "{:?}, {} due items found, plan {}, approved by {}",
            status.phase,
            result.remaining.map_or("uncounted".into(), |n| n.to_string()),
            plan.hash.get(..19).unwrap_or_default(),
            status.approval.map(|a| a.approver).unwrap_or_default()
        );
        self.row("verified", "an independent count finds nothing due", evidence, verified);
        Ok(())
    }

    /// Region of the node on which a Job's Pod ran.
    async fn node_of(&self, job: &str) -> Result<String> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "identity");
        let list =
            pods.list(&ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"))).await?;
        let node =
            list.items.into_iter().find_map(|p| p.spec?.node_name).context("the Job has no Pod on a node")?;
        let nodes: Api<DynamicObject> = Api::all_with(
            self.client.clone(),
            &kube::core::ApiResource::erase::<k8s_openapi::api::core::v1::Node>(&()),
        );
        let labels = nodes.get(&node).await?.metadata.labels.unwrap_or_default();
        labels.get("topology.kubernetes.io/region").cloned().context("the node says no region")
    }

    /// Prints the table; an error names the rows that are not as they should be.
    fn table(&mut self) -> Result<()> {
        writeln!(self.out)?;
        for Row { name, wanted, found, good } in &self.rows {
            writeln!(
                self.out,
                "{} {name:<9} {wanted}\n             {found}",
                if *good { "ok  " } else { "FAIL" }
            )?;
        }
        let bad: Vec<&str> =
            NAMES.into_iter().filter(|n| !self.rows.iter().any(|r| r.name == *n && r.good)).collect();
        writeln!(self.out, "\n{} s in all", self.start.elapsed().as_secs())?;
        ensure!(bad.is_empty(), "not as it should be: {}", bad.join(", "));
        Ok(())
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() > 110 {
        text.chars().take(107).chain("...".chars()).collect()
    } else {
        text.into()
    }
}
