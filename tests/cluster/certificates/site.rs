//! Operators as processes, what they need in the cluster, and somebody who keeps creating Pods.

use std::{
    fs::File,
    net::SocketAddr,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use carnet::testbed::install::{self, free_address};
use k8s_openapi::api::{
    admissionregistration::v1::ValidatingWebhookConfiguration,
    core::v1::{Pod, Secret},
};
use kube::{Api, Client, api::PostParams};
use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    task::JoinHandle,
};

use super::service::{Endpoint, Service};
use crate::world::{World, eventually};

/// Namespace of the operators.
pub const NAMESPACE: &str = "certificates-system";
/// Namespace of the Pods.
const PODS: &str = "certificates";
pub const CONFIGURATION: &str = "carnet-certificates";
pub const SECRET: &str = "carnet-webhook-ca";

/// One operator.
pub struct Process {
    child: Mutex<Child>,
    pub endpoint: Endpoint,
    log: PathBuf,
}

/// Operators behind one address.
pub struct Site {
    pub operators: Vec<Process>,
    pub service: Service,
    flags: Vec<String>,
    dir: tempfile::TempDir,
}

/// The configuration as an installation writes it; every Pod of one namespace is asked about.
pub fn configuration(service: SocketAddr) -> Value {
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": CONFIGURATION}, "webhooks": [{
        "name": "pods.carnet.dev", "clientConfig": {"url": format!("https://{service}/review")},
        "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 5,
        "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": PODS}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}]}]})
}

/// What the operators are allowed: what the project ships, with other names.
fn rights() -> Vec<Value> {
    let group = "rbac.authorization.k8s.io";
    let subjects = json!([{"kind": "ServiceAccount", "name": "carnet-operator", "namespace": NAMESPACE}]);
    let meta = json!({"name": "carnet-operator", "namespace": NAMESPACE});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PODS}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}),
        json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": NAMESPACE},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "carnet-operator"}, "subjects": subjects}),
        json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRole", "metadata": {"name": CONFIGURATION},
            "rules": [{"apiGroups": ["admissionregistration.k8s.io"], "resources": ["validatingwebhookconfigurations"],
                       "resourceNames": [CONFIGURATION], "verbs": ["get", "patch"]}]}),
        json!({"apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding", "metadata": {"name": CONFIGURATION},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": CONFIGURATION}, "subjects": subjects}),
        json!({"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": meta, "rules": [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": ["carnet-operator"],
             "verbs": ["get", "patch"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [SECRET], "verbs": ["get", "update"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]}),
        json!({"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "carnet-operator"}, "subjects": subjects}),
    ]
}

impl Site {
    /// Starts so many operators with these flags, in a namespace without a trace of earlier ones.
    pub async fn start(w: &World, flags: &[&str], operators: usize) -> Result<Self> {
        install::apply(&w.admin, &rights()).await?;
        let secrets: Api<Secret> = Api::namespaced(w.admin.clone(), NAMESPACE);
        let _ = secrets.delete(SECRET, &Default::default()).await;
        let configurations: Api<ValidatingWebhookConfiguration> = Api::all(w.admin.clone());
        let _ = configurations.delete(CONFIGURATION, &Default::default()).await;
        let service = Service::start(free_address(w.access().host())?).await?;
        let made = configuration(service.address());
        let params = kube::api::PatchParams::apply("helm");
        configurations.patch(CONFIGURATION, &params, &kube::api::Patch::Apply(&made)).await?;
        let flags = flags.iter().map(|f| (*f).to_owned()).collect();
        let mut site = Self { operators: vec![], service, flags, dir: tempfile::tempdir()? };
        for n in 0..operators {
            let process = site.spawn(w, n).await?;
            site.operators.push(process);
        }
        site.all_ready().await?;
        eventually("the webhook to be believed", 10, || async {
            Ok(create(&w.admin, "first").await.is_ok().then_some(()))
        })
        .await
        .with_context(|| site.logs())?;
        Ok(site)
    }

    async fn spawn(&self, w: &World, number: usize) -> Result<Process> {
        let access = w.access();
        let (webhook, metrics) = (free_address(access.host())?, free_address(access.host())?);
        let kubeconfig = access.kubeconfig_for_service_account(NAMESPACE, "carnet-operator").await?;
        let log = self.dir.path().join(format!("operator-{number}.log"));
        let out = File::options().create(true).append(true).open(&log)?;
        let child = Command::new(env!("CARGO_BIN_EXE_carnet-operator"))
            .args(["run", "--leader-elect", "--log-format=text"])
            .arg(format!("--own-namespace={NAMESPACE}"))
            .arg(format!("--webhook-configuration={CONFIGURATION}"))
            .args([format!("--webhook-addr={webhook}"), format!("--metrics-addr={metrics}")])
            .arg(format!("--webhook-names={}", access.host()))
            .args(&self.flags)
            .env("KUBECONFIG", kubeconfig)
            .env("HOSTNAME", format!("operator-{number}-{}", webhook.port()))
            .stdout(Stdio::null())
            .stderr(out)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Process { child: Mutex::new(child), endpoint: Endpoint { webhook, metrics }, log })
    }

    async fn all_ready(&self) -> Result<()> {
        self.service.set(self.operators.iter().map(|o| o.endpoint).collect());
        for operator in &self.operators {
            eventually("an operator to be ready", 40, || async {
                Ok(operator.is_ready().await.then_some(()))
            })
            .await
            .with_context(|| self.logs())?;
        }
        // Until the address leads to all of them.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        Ok(())
    }

    /// Another process in the place of one that has ended.
    pub async fn restart(&mut self, w: &World, number: usize) -> Result<()> {
        self.operators[number] = self.spawn(w, number).await?;
        self.all_ready().await
    }

    /// An authority that is not ours.
    pub fn foreign_authority() -> Result<Vec<u8>> {
        let authority = carnet::testbed::Authority::new("foreign")?;
        Ok(authority.certificate().as_bytes().to_vec())
    }

    /// The last lines of all logs.
    pub fn logs(&self) -> String {
        let log = |process: &Process| {
            let text = std::fs::read_to_string(&process.log).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            format!("--- {}\n{}\n", process.log.display(), lines[lines.len().saturating_sub(25)..].join("\n"))
        };
        self.operators.iter().map(log).collect()
    }
}

impl Process {
    pub async fn is_ready(&self) -> bool {
        ready(self.endpoint.metrics).await
    }

    pub async fn metric(&self, name: &str) -> Result<f64> {
        // One that has ended leads nobody.
        let text = get(self.endpoint.metrics, "/metrics").await.unwrap_or_default();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        Ok(value.unwrap_or_default())
    }

    pub fn terminate(&self) -> Result<()> {
        let id = self.child.lock().unwrap_or_else(PoisonError::into_inner).id().context("it has ended")?;
        Ok(nix::sys::signal::kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM)?)
    }

    pub async fn ended(&self) -> Result<ExitStatus> {
        eventually("the process to end", 20, || async {
            Ok(self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?)
        })
        .await
    }
}

/// Whether the process at this address says that it is ready.
pub async fn ready(metrics: SocketAddr) -> bool {
    get(metrics, "/readyz").await.is_ok_and(|answer| answer.contains(" 200 "))
}

async fn get(address: SocketAddr, path: &str) -> Result<String> {
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Creates a Pod as far as admission goes.
pub async fn create(client: &Client, name: &str) -> Result<(), kube::Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), PODS);
    let pod = serde_json::from_value(json!({"metadata": {"name": name},
        "spec": {"containers": [{"name": "app", "image": "app"}]}}))
    .map_err(kube::Error::SerdeError)?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    pods.create(&params, &pod).await.map(drop)
}

/// Creates Pods again and again, several at the same time.
pub struct Creator {
    end: Arc<AtomicBool>,
    created: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Creator {
    pub fn start(w: &World, at_once: usize) -> Self {
        let (end, created, failed) =
            <(Arc<AtomicBool>, Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>)>::default();
        let task = |n: usize| {
            let (end, created, failed, client) =
                (end.clone(), created.clone(), failed.clone(), w.admin.clone());
            tokio::spawn(async move {
                while !end.load(Ordering::SeqCst) {
                    match create(&client, &format!("pod-{n}")).await {
                        Ok(()) => drop(created.fetch_add(1, Ordering::SeqCst)),
                        Err(error) => {
                            failed
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(format!("{} {error}", jiff::Timestamp::now()));
                        }
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            })
        };
        let tasks = (0..at_once).map(task).collect();
        Self { end, created, failed, tasks }
    }

    /// How many there were, and what was said of those that failed.
    pub async fn end(self) -> (usize, Vec<String>) {
        self.end.store(true, Ordering::SeqCst);
        for task in self.tasks {
            let _ = task.await;
        }
        let failed = std::mem::take(&mut *self.failed.lock().unwrap_or_else(PoisonError::into_inner));
        (self.created.load(Ordering::SeqCst), failed)
    }
}
