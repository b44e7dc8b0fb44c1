//! The rule as Carnet has it: a DataStore for each claimed Secret, whose data may be in the EEA, and no safeguard.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use carnet::testbed::{
    Beside,
    install::{self, NAMESPACE, SERVICE_ACCOUNT},
};
use kube::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::super::{
    arm::{Arm, Dirs, Judge, on_its_core},
    corpus::Item,
    plane::Plane,
    rule::{CLAIMED, CLAIMS, secret},
};

/// Namespace of the stores.
const STORES: &str = "identity";

/// Installs what the project ships, starts the operator as it ships it, and declares the rule.
pub async fn start(plane: Plane, dirs: &Dirs, probes: &[Item]) -> Result<Judge> {
    let client = plane.client.clone();
    let (mut process, metrics) = alone(&plane, dirs, "carnet-operator").await?;
    ready(&mut process, metrics, Duration::from_mins(1)).await?;
    declare(&client, CLAIMS).await?;
    Judge::ready(Arm::Carnet, plane, process, ("carnet", "pods.carnet.dev"), probes).await
}

/// The operator, installed and started on the core of what is under test; and where it says how it is.
pub async fn alone(plane: &Plane, dirs: &Dirs, name: &str) -> Result<(Beside, SocketAddr)> {
    let host = plane.access().host();
    let (webhook, metrics) = (install::free_address(host)?, install::free_address(host)?);
    install::install(&plane.client, Path::new(env!("CARGO_MANIFEST_DIR")), webhook).await?;
    let kubeconfig = plane.access().kubeconfig_for_service_account(NAMESPACE, SERVICE_ACCOUNT).await?;
    let mut argv = on_its_core(&dirs.operator);
    argv.extend(flags(webhook, metrics).map(Into::into));
    let process = Beside::start(name, argv, &[("KUBECONFIG", kubeconfig.into())], &dirs.work)?;
    Ok((process, metrics))
}

/// Waits until it says that it is ready.
pub async fn ready(process: &mut Beside, metrics: SocketAddr, patience: Duration) -> Result<()> {
    let began = Instant::now();
    while !is_ready(metrics).await {
        process.check()?;
        ensure!(began.elapsed() < patience, "the operator is not ready:\n{}", process.log_end());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn is_ready(metrics: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(metrics).await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: carnet\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map(|_| answer)
    };
    asked.await.is_ok_and(|answer: String| answer.starts_with("HTTP/1.1 200 "))
}

fn flags(webhook: SocketAddr, metrics: SocketAddr) -> [String; 8] {
    [
        "run".to_owned(),
        "--webhook-configuration=carnet".to_owned(),
        format!("--webhook-addr={webhook}"),
        format!("--webhook-names={}", webhook.ip()),
        format!("--metrics-addr={metrics}"),
        "--log-format=json".to_owned(),
        "--transfers=Enforce".to_owned(),
        "--claims-from=*".to_owned(),
    ]
}

/// Declares parties and so many stores, each with a Secret that it claims.
pub async fn declare(client: &Client, stores: usize) -> Result<()> {
    let party = |name: &str, country: &str, namespace: &str| {
        json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": name},
            "spec": {"legalName": name, "country": country, "runs": {"namespaces": [namespace]}}})
    };
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": STORES}}),
        party("ltd", "IE", STORES),
        party("inc", "US", CLAIMED),
    ];
    objects.extend((0..stores).map(store));
    Ok(install::apply(client, &objects).await?)
}

/// A store of the EEA that claims one Secret of another namespace, and a host.
pub fn store(number: usize) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": format!("store-{number}"), "namespace": STORES},
        "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller",
            "location": {"provider": "aws", "region": "eu-west-1"}, "origins": ["EEA"],
            "engine": {"external": {"description": "a database elsewhere"}},
            "access": {"secrets": [{"name": secret(number), "namespace": CLAIMED}],
                "hosts": [format!("db-{number}.example.com:5432")]},
            "datasets": [{"name": "people", "categories": ["account.contact"], "subjects": ["Customer"]}]}})
}

/// Clauses that carry the stores' data abroad until then; without an instant, for good.
pub fn safeguard(until: Option<jiff::Timestamp>) -> Value {
    let mut object = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard",
        "metadata": {"name": "clauses", "annotations": {"carnet.dev/acknowledge": "a measurement"}},
        "spec": {"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15",
                "parties": [{"exporters": ["ltd"], "importers": ["inc"], "module": "ControllerToController"}]}},
            "assessments": [{"regimes": ["EEA"], "country": "US", "completedOn": "2026-02-01", "outcome": "Effective"}],
            "scope": {"namespaces": [CLAIMED]}, "validFrom": "2024-01-15"}});
    if let Some(until) = until {
        object["spec"]["validUntil"] = json!(until.to_string());
    }
    object
}
