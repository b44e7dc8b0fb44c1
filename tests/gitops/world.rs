//! A cluster with Carnet in it, and both engines beside it.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use carnet::testbed::{
    ControlPlane, ControlPlaneOptions, FakeNode,
    gitops::{ArgoCd, Flux},
    install::{self, Operator, OperatorOptions},
};
use kube::{
    Api, Client,
    api::DynamicObject,
    discovery::{Discovery, Scope},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::files::Repository;

/// Everything of one cluster.
pub struct World {
    pub flux: Mutex<Flux>,
    pub argocd: Mutex<ArgoCd>,
    pub repository: Repository,
    operator: Operator,
    _cluster: ControlPlane,
    _logs: TempDir,
    pub admin: Client,
}

impl World {
    pub async fn start() -> Result<Self> {
        let cluster = ControlPlane::start(ControlPlaneOptions::default()).await?;
        cluster.add_kwok_node(&FakeNode::aws("eu1", "eu-west-1")).await?;
        cluster.add_kwok_node(&FakeNode::aws("us1", "us-east-1")).await?;
        let admin = cluster.client_admin().await?;
        let logs = tempfile::tempdir()?;
        let flags = [
            "--transfers=Warn",
            "--claims-from=identity,together,one",
            "--erasure-namespaces=identity",
            "--backstop",
        ];
        let options = OperatorOptions {
            program: env!("CARGO_BIN_EXE_carnet-operator").into(),
            logs: logs.path().into(),
            flags: flags.map(String::from).into(),
            env: vec![],
            webhook_port: None,
        };
        let operator = Operator::start(&cluster, &project(), options).await?;
        let flux = Flux::start(&cluster, logs.path(), &[]).await?;
        let argocd = ArgoCd::start(&cluster, logs.path(), &health()?).await?;
        let repository = Repository::new().await?;
        Ok(Self {
            flux: flux.into(),
            argocd: argocd.into(),
            repository,
            operator,
            _cluster: cluster,
            _logs: logs,
            admin,
        })
    }

    /// What everybody said last, for a test that failed.
    pub async fn last_words(&self) -> String {
        let mut text = format!("--- operator\n{}\n", self.operator.log_end());
        text += &format!("--- flux\n{}\n", self.flux.lock().await.log_end());
        text + &format!("--- argocd\n{}\n", self.argocd.lock().await.log_end())
    }

    /// An object by kind, namespace (empty for cluster-scoped kinds) and name.
    pub async fn get(
        &self,
        version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<DynamicObject>> {
        Ok(self.api(version, kind, namespace).await?.get_opt(name).await?)
    }

    pub async fn api(&self, version: &str, kind: &str, namespace: &str) -> Result<Api<DynamicObject>> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let gvk = kube::core::GroupVersionKind::gvk(group, version, kind);
        let discovery = Discovery::new(self.admin.clone()).run_aggregated().await?;
        let (resource, capabilities) =
            discovery.resolve_gvk(&gvk).with_context(|| format!("no kind {gvk:?}"))?;
        Ok(match capabilities.scope {
            Scope::Cluster => Api::all_with(self.admin.clone(), &resource),
            Scope::Namespaced => Api::namespaced_with(self.admin.clone(), namespace, &resource),
        })
    }
}

/// The entries of Argo CD's ConfigMap that the project ships.
pub fn health() -> Result<Vec<(String, String)>> {
    let documents = install::documents(&project().join("deploy/argocd/argocd-cm.yaml"))?;
    let data = documents.first().and_then(|d| d.get("data")?.as_object().cloned()).context("data")?;
    data.into_iter().map(|(name, text)| Ok((name, text.as_str().context("a text")?.to_owned()))).collect()
}

/// Root of the checkout.
pub fn project() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// Asks until there is an answer, for so many seconds.
pub async fn eventually<T, F>(what: &str, seconds: u64, question: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(answer) = question().await? {
            return Ok(answer);
        }
        if tokio::time::Instant::now() > end {
            bail!("waited {seconds} s in vain for {what}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The status of a condition; empty where there is none.
pub fn condition(object: &DynamicObject, name: &str) -> String {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array).cloned();
    let found = conditions.unwrap_or_default().into_iter().find(|c| c["type"] == json!(name));
    found.and_then(|c| c["status"].as_str().map(String::from)).unwrap_or_default()
}
