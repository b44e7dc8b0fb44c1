//! The chart's NetworkPolicy, switched on in a cluster that enforces it: `make test-network-policy` builds kube-router's
//! firewall. What it lets through is worked out from its text as well, in `tests/manifests/network.rs`.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::testbed::{
    BUSYBOX_IMAGE, KubeRouter,
    accounts::{Accounts, USER_NAMESPACE, pod_gone, until},
};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    cases,
    cluster_state::OPERATOR_PODS,
    tools::Answer,
    world::{NAMESPACE, World},
};

cases![what_the_network_policy_names_gets_through_and_nothing_else];

/// Where those are who may read metrics.
const READERS: &str = "monitoring";
/// From a Pod or policy until the firewall knows it.
const KNOWN: u64 = 30;

/// Whether it is wanted: the firewall takes minutes to build.
pub fn is_wanted() -> bool {
    std::env::var_os("CARNET_NETWORK_POLICY").is_some()
}

async fn what_the_network_policy_names_gets_through_and_nothing_else(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    let firewall = KubeRouter::start(&w.cluster, "eu1")?;
    let asked = w.under_network_policy().await;
    for (namespace, name) in [(USER_NAMESPACE, "probe"), (READERS, "probe"), (NAMESPACE, "impostor")] {
        pod_gone(&w.admin, namespace, name).await?;
    }
    // Afterwards as before.
    w.present().await?;
    asked.with_context(|| format!("kube-router's log ends with:\n{}", firewall.log_end()))
}

impl World {
    async fn under_network_policy(&self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.admin.clone());
        let readers = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": READERS}});
        namespaces.patch(READERS, &PatchParams::apply("test"), &Patch::Apply(&readers)).await?;
        self.probe(USER_NAMESPACE, "probe", &json!({})).await?;
        self.probe(READERS, "probe", &json!({})).await?;

        // Without it everybody gets through: what is refused below is refused by it.
        let operator = self.operator_address().await?;
        for namespace in [USER_NAMESPACE, READERS] {
            let mut answer = self.metrics_for(namespace, &operator).await?;
            for _ in 0..KNOWN {
                if answer.success {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                answer = self.metrics_for(namespace, &operator).await?;
            }
            ensure!(answer.success, "{namespace} reads no metrics at first: {}", answer.complaint);
            ensure!(
                self.connects(namespace, "probe", &operator, 9443).await?,
                "{namespace} reaches no webhook"
            );
        }

        let reader =
            "networkPolicy.metrics.from[0].namespaceSelector.matchLabels.kubernetes\\.io/metadata\\.name";
        let reader = format!("--set={reader}={READERS}");
        let (server, port) = self.api_endpoint().await?;
        let servers = format!("--set=networkPolicy.apiServer.cidrs={{{server}/32}}");
        let mut upgrade = Self::upgrade();
        upgrade.extend(["--set=networkPolicy.enabled=true", &reader, &servers]);
        self.tools.helm(&upgrade).await?;
        // New replicas under it: they start, become ready, and lead.
        self.tools.kubectl(&["rollout", "restart", "deployment/carnet-operator", "-n", NAMESPACE]).await?;
        self.rolled_out().await?;
        self.leader().await?;

        let operator = self.operator_address().await?;
        until("a namespace that is not named to be kept from the metrics", KNOWN, || async {
            let reads = self.reads_metrics(USER_NAMESPACE, &operator).await.unwrap_or(true);
            Ok((!reads).then_some(()))
        })
        .await?;
        until("the named namespace to read metrics", KNOWN, || async {
            Ok(self.reads_metrics(READERS, &operator).await.unwrap_or(false).then_some(()))
        })
        .await?;
        for namespace in [USER_NAMESPACE, READERS] {
            ensure!(
                !self.connects(namespace, "probe", &operator, 9443).await?,
                "{namespace} reaches the webhook"
            );
        }
        // The API server reaches the webhook, and no policy of its own answers in its place: that of Carnet's kinds is closed.
        self.answered().await?;
        let refusal = Accounts::refused(&self.admin, 20).await?;
        ensure!(refusal.contains("identity/accounts"), "it does not say which store: {refusal}");
        let status = self.tools.kubectl(&["get", "--raw", &self.status_path().await?]).await?;
        ensure!(!status.is_empty(), "the API server gets no answer from a replica");

        // Whoever stands where the operator stands leads nowhere but to the API server.
        let labels = json!({"app.kubernetes.io/name": "carnet-operator", "impostor": "true"});
        self.probe(NAMESPACE, "impostor", &labels).await?;
        let other = self.address_of(USER_NAMESPACE, "probe").await?;
        ensure!(self.connects(READERS, "probe", &other, 8000).await?, "nobody reaches the probe");
        until("the operator's place to be closed", KNOWN, || async {
            let out = self.connects(NAMESPACE, "impostor", &other, 8000).await.unwrap_or(true);
            Ok((!out).then_some(()))
        })
        .await?;
        ensure!(self.connects(NAMESPACE, "impostor", &server, port).await?, "the API server is not reached");
        Ok(())
    }

    /// A Pod that listens on port 8000 and in which commands can be run; it is never ready, so that no Service leads to it.
    async fn probe(&self, namespace: &str, name: &str, labels: &serde_json::Value) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), namespace);
        let pod = serde_json::from_value(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false,
                "nodeSelector": {"kubernetes.io/hostname": "us1"},
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{"name": "app", "image": BUSYBOX_IMAGE, "imagePullPolicy": "Never",
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    "readinessProbe": {"exec": {"command": ["/bin/busybox", "false"]}},
                    "command": ["/bin/busybox", "httpd", "-f", "-p", "8000", "-h", "/"]}]}}))?;
        pods.create(&PostParams::default(), &pod)
            .await
            .with_context(|| format!("the Pod {namespace}/{name}"))?;
        until("a probe to run", 40, || async {
            Ok(pods.get(name).await?.status.and_then(|s| s.phase).filter(|phase| phase == "Running"))
        })
        .await?;
        Ok(())
    }

    async fn run_in(&self, namespace: &str, name: &str, command: &[&str]) -> Result<Answer> {
        let exec = ["exec", "-n", namespace, name, "--", "/bin/busybox"];
        self.tools.try_kubectl(&[exec.as_slice(), command].concat()).await
    }

    /// What a Pod of that namespace gets that asks for the operator's metrics.
    async fn metrics_for(&self, namespace: &str, operator: &str) -> Result<Answer> {
        // Not by wget: Debian's busybox, which is static, falls over where there is nobody to resolve names.
        let ask =
            format!("printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' | /bin/busybox nc -w 3 {operator} 8080");
        self.run_in(namespace, "probe", &["sh", "-c", &ask]).await
    }

    /// Whether it gets them.
    async fn reads_metrics(&self, namespace: &str, operator: &str) -> Result<bool> {
        let answer = self.metrics_for(namespace, operator).await?;
        Ok(answer.success && answer.output.contains("carnet_"))
    }

    /// Whether a connection from that Pod is taken up.
    async fn connects(&self, namespace: &str, name: &str, host: &str, port: u16) -> Result<bool> {
        let port = port.to_string();
        Ok(self
            .run_in(namespace, name, &["nc", "-w", "3", host, &port, "-e", "/bin/busybox", "true"])
            .await?
            .success)
    }

    async fn address_of(&self, namespace: &str, name: &str) -> Result<String> {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), namespace);
        let found = pods.get(name).await?.status.and_then(|s| s.pod_ip);
        found.with_context(|| format!("{namespace}/{name} has no address"))
    }

    /// The address of a replica that is ready.
    async fn operator_address(&self) -> Result<String> {
        let replica = self.replicas().await?.into_iter().next().context("no replica runs")?;
        self.address_of(NAMESPACE, &replica.pod).await
    }

    /// Where the API server gives a replica's status on.
    async fn status_path(&self) -> Result<String> {
        let pods: Api<Pod> = Api::namespaced(self.admin.clone(), NAMESPACE);
        let all = pods.list(&ListParams::default().labels(OPERATOR_PODS)).await?.items;
        let ready =
            all.into_iter().find(|p| p.metadata.deletion_timestamp.is_none()).context("no replica")?;
        let name = ready.metadata.name.unwrap_or_default();
        Ok(format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}:8080/proxy/metrics"))
    }

    /// Where the API server itself listens.
    async fn api_endpoint(&self) -> Result<(String, u16)> {
        let slice = "jsonpath={.items[0].endpoints[0].addresses[0]} {.items[0].ports[0].port}";
        let args = ["get", "endpointslices", "-l", "kubernetes.io/service-name=kubernetes", "-o", slice];
        let answer = self.tools.kubectl(&args).await?;
        let (host, port) = answer.trim().split_once(' ').context("the API server has no endpoint")?;
        Ok((host.to_owned(), port.parse()?))
    }
}
