//! What is asked of the cluster itself, whatever Carnet says.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::{
    BUSYBOX_IMAGE,
    accounts::{USER_NAMESPACE, pod_gone, until},
};
use k8s_openapi::api::{
    admissionregistration::v1::{
        ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
    },
    coordination::v1::Lease,
    core::v1::Pod,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ListParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::world::{NAMESPACE, World};

/// Kinds whose objects people declare, and evidence.
const DECLARED: &str = "parties,datastores,transfersafeguards,transferexceptions,dataprivacyframeworksnapshots,retentionpolicies,legalholds,\
                        deletionruns,deletionapprovals";
/// What the operator's Pods are found by.
pub const OPERATOR_PODS: &str = "app.kubernetes.io/name=carnet-operator";

/// A container of the operator.
#[derive(Clone, Debug)]
pub struct Replica {
    pub pod: String,
    pub node: String,
    pub container: String,
}

impl World {
    /// The operator's Pods that run.
    pub async fn replicas(&self) -> Result<Vec<Replica>> {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), NAMESPACE);
        let mut replicas = Vec::new();
        for pod in pods.list(&ListParams::default().labels(OPERATOR_PODS)).await?.items {
            if pod.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let name = pod.name_any();
            let container = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
            let running = container.filter(|c| c.state.as_ref().is_some_and(|s| s.running.is_some()));
            let ids: Vec<String> = running.filter_map(|c| c.container_id.clone()).collect();
            if let (Some(id), Some(node)) = (ids.into_iter().next(), pod.spec.and_then(|s| s.node_name)) {
                replicas.push(Replica { pod: name, node, container: id });
            }
        }
        Ok(replicas)
    }

    /// How many Pods of the operator there are, those that are ending too.
    pub async fn operator_pods(&self) -> Result<usize> {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), NAMESPACE);
        Ok(pods.list(&ListParams::default().labels(OPERATOR_PODS)).await?.items.len())
    }

    /// Sends a signal to a replica's process.
    pub fn signal(&self, replica: &Replica, signal: &str) -> Result<()> {
        Ok(self.cluster.runtime(&replica.node)?.signal(&replica.container, signal)?)
    }

    /// The replica that leads.
    pub async fn leader(&self) -> Result<Replica> {
        let leases: Api<Lease> = Api::namespaced(self.admin.clone(), NAMESPACE);
        let holder = until("a replica to lead", 40, || async {
            let lease = leases.get_opt("carnet-operator").await?;
            Ok(lease.and_then(|l| l.spec?.holder_identity).filter(|holder| !holder.is_empty()))
        })
        .await?;
        let replicas = self.replicas().await?;
        let found = replicas.iter().find(|r| r.pod == holder).cloned();
        found.with_context(|| format!("`{holder}` leads, and the replicas are {replicas:?}"))
    }

    /// Waits until as many replicas as are wanted are ready.
    pub async fn rolled_out(&self) -> Result<()> {
        let args = ["rollout", "status", "deployment/carnet-operator", "-n", NAMESPACE, "--timeout=120s"];
        self.tools.kubectl(&args).await.map(drop)
    }

    /// How many replicas there are to be; waits until it is so.
    pub async fn scaled(&self, replicas: usize) -> Result<()> {
        let count = format!("--replicas={replicas}");
        self.tools.kubectl(&["scale", "deployment/carnet-operator", "-n", NAMESPACE, &count]).await?;
        self.rolled_out().await?;
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), NAMESPACE);
        until("the other replicas to be gone", 60, || async {
            let there = pods.list(&ListParams::default().labels(OPERATOR_PODS)).await?.items.len();
            Ok((there == replicas).then_some(()))
        })
        .await?;
        Ok(())
    }

    /// A Pod that uses no store is admitted, starts on a real kubelet, and runs.
    pub async fn an_unrelated_pod_runs(&self, name: &str, node: &str) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), USER_NAMESPACE);
        let pod =
            serde_json::from_value(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeSelector": {"kubernetes.io/hostname": node}, "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": false,
                "containers": [{"name": "app", "image": BUSYBOX_IMAGE, "imagePullPolicy": "Never",
                    "command": ["/bin/busybox", "sleep", "3600"]}]}}))?;
        pods.create(&PostParams::default(), &pod).await.context("an unrelated Pod")?;
        let runs = until("an unrelated Pod to run", 40, || async {
            Ok(pods.get(name).await?.status.and_then(|s| s.phase).filter(|phase| phase == "Running"))
        })
        .await;
        pod_gone(&self.admin, USER_NAMESPACE, name).await?;
        runs.map(drop).map_err(Into::into)
    }

    /// A node's lease is renewed: twice from now on.
    pub async fn a_nodes_lease_is_renewed(&self, node: &str) -> Result<()> {
        let leases: Api<Lease> = Api::namespaced(self.admin.clone(), "kube-node-lease");
        for _ in 0..2 {
            let before = leases.get(node).await?.spec.and_then(|s| s.renew_time).map(|t| t.0);
            until("a node's lease to be renewed", 30, || async {
                let now = leases.get(node).await?.spec.and_then(|s| s.renew_time).map(|t| t.0);
                Ok((now > before).then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// Everything that was declared or is evidence, as kind, namespace and name.
    pub async fn declared_objects(&self) -> Result<BTreeSet<String>> {
        let columns = "custom-columns=K:.kind,NS:.metadata.namespace,N:.metadata.name,UID:.metadata.uid";
        // An earlier commit has fewer kinds.
        let known = self.tools.kubectl(&["api-resources", "--api-group=carnet.dev", "-o", "name"]).await?;
        let known = |kind: &&str| known.lines().any(|name| name.split('.').next() == Some(kind));
        let kinds: Vec<_> = DECLARED.split(',').map(str::trim).filter(known).collect();
        ensure!(!kinds.is_empty(), "the kinds are gone");
        let kinds = kinds.join(",");
        let args = ["get", &kinds, "--all-namespaces", "--no-headers", "-o", columns];
        Ok(self.tools.kubectl(&args).await?.lines().map(str::to_owned).collect())
    }

    /// Webhooks and policies of Carnet that stand in the API server's way.
    pub async fn enforcement(&self) -> Result<Vec<String>> {
        let mut found = names::<ValidatingWebhookConfiguration>(self, |name| name == "carnet").await?;
        let ours = |name: &str| name.ends_with(".carnet.dev");
        found.extend(names::<ValidatingAdmissionPolicy>(self, ours).await?);
        found.extend(names::<ValidatingAdmissionPolicyBinding>(self, ours).await?);
        Ok(found)
    }

    /// Rights, programs and settings of Carnet, wherever they are.
    async fn parts(&self) -> Result<Vec<String>> {
        let kinds = "clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,deployments,replicasets,\
                     services,configmaps,poddisruptionbudgets,networkpolicies";
        let ours = "app.kubernetes.io/part-of=carnet";
        let args = ["get", kinds, "--all-namespaces", "-l", ours, "--no-headers", "-o", "name"];
        Ok(self.tools.kubectl(&args).await?.lines().map(str::to_owned).collect())
    }

    /// Nothing of Carnet stands in anybody's way or may do anything, its kinds are still there, and so is what was declared
    /// `before`. Of what the operator wrote, TransferBackstops stay; by themselves they refuse nobody.
    pub async fn only_declarations_are_left(&self, before: &BTreeSet<String>) -> Result<()> {
        let enforcement = self.enforcement().await?;
        ensure!(enforcement.is_empty(), "still there: {enforcement:?}");
        // What a Deployment made goes after it.
        let mut parts = self.parts().await?;
        for _ in 0..60 {
            if parts.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            parts = self.parts().await?;
        }
        ensure!(parts.is_empty(), "still there: {parts:?}");
        let after = self.declared_objects().await.context("the kinds are gone")?;
        let lost: Vec<_> = before.difference(&after).collect();
        ensure!(lost.is_empty(), "lost: {lost:?}");
        Ok(())
    }

    /// Waits until a namespace is gone.
    pub async fn namespace_gone(&self, name: &str, seconds: u64) -> Result<()> {
        let limit = format!("--timeout={seconds}s");
        let args = ["wait", "--for=delete", &format!("namespace/{name}"), &limit];
        let answer = self.tools.try_kubectl(&args).await?;
        if !answer.success && !answer.complaint.contains("not found") {
            let why = self.tools.kubectl(&["get", "namespace", name, "-o", "jsonpath={.status}"]).await;
            bail!("the namespace {name} hangs: {}\n{}", answer.complaint, why.unwrap_or_default());
        }
        Ok(())
    }
}

async fn names<K>(world: &World, ours: impl Fn(&str) -> bool) -> Result<Vec<String>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let all: Api<K> = Api::all(world.admin.clone());
    let names = all.list(&ListParams::default()).await?.items.into_iter().map(|o| o.name_any());
    Ok(names.filter(|name| ours(name)).map(|name| format!("{} {name}", K::kind(&()))).collect())
}
