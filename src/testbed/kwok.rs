//! Nodes that are played by kwok: they are Ready, Pods on them are said to run, and nothing does.

use std::{collections::BTreeMap, path::Path, time::Duration};

use k8s_openapi::api::core::v1::{Node, NodeSpec, Taint};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use super::{
    error::{TestbedError, write},
    process::{Program, wait_for},
};

const STAGES: &str = include_str!("kwok-stages.yaml");
const COMPLETE_JOBS: &str = include_str!("kwok-complete-jobs.yaml");

/// A node to be played: where it says that it is.
#[derive(Clone, Debug)]
pub struct FakeNode {
    name: String,
    provider_id: Option<String>,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
}

// === impl FakeNode ===

impl FakeNode {
    /// A node of that name in a region of AWS: labelled with region, zone and host name, with the provider's id.
    pub fn aws(name: &str, region: &str) -> Self {
        Self::bare(name)
            .provider_id(&format!("aws:///{region}a/i-{name}"))
            .label("topology.kubernetes.io/region", region)
            .label("topology.kubernetes.io/zone", &format!("{region}a"))
    }

    /// A node that does not say where it is.
    pub fn bare(name: &str) -> Self {
        Self { name: name.to_owned(), provider_id: None, labels: BTreeMap::new(), taints: Vec::new() }
            .label("kubernetes.io/hostname", name)
            .label("kubernetes.io/os", "linux")
            .label("kubernetes.io/arch", "amd64")
    }

    /// The same node with this `spec.providerID`.
    #[must_use]
    pub fn provider_id(mut self, id: &str) -> Self {
        self.provider_id = Some(id.to_owned());
        self
    }

    /// The same node with one more label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same node with one more taint.
    #[must_use]
    pub fn taint(mut self, key: &str, value: &str, effect: &str) -> Self {
        self.taints.push(Taint {
            key: key.to_owned(),
            value: Some(value.to_owned()),
            effect: effect.to_owned(),
            time_added: None,
        });
        self
    }

    /// The node as an object, marked for kwok.
    pub(super) fn node(&self) -> Node {
        let annotations = BTreeMap::from([("kwok.x-k8s.io/node".to_owned(), "fake".to_owned())]);
        Node {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(self.labels.clone()),
                annotations: Some(annotations),
                ..ObjectMeta::default()
            },
            spec: Some(NodeSpec {
                provider_id: self.provider_id.clone(),
                taints: (!self.taints.is_empty()).then(|| self.taints.clone()),
                ..NodeSpec::default()
            }),
            status: None,
        }
    }

    /// Creates the node and waits until Pods can be scheduled to it.
    pub(crate) async fn create(&self, client: Client) -> Result<(), TestbedError> {
        let nodes: Api<Node> = Api::all(client);
        let attempt = TestbedError::api(format!("create the node {}", self.name));
        nodes.create(&PostParams::default(), &self.node()).await.map_err(attempt)?;
        wait_for(&format!("the node {}", self.name), Duration::from_secs(30), &mut [], async || {
            let node = nodes.get(&self.name).await.map_err(|error| error.to_string())?;
            if is_schedulable(&node) {
                Ok(())
            } else {
                Err(format!("{:?}", node.spec.and_then(|spec| spec.taints)))
            }
        })
        .await
    }
}

/// Ready, and no longer kept free of Pods for not having been so.
pub(crate) fn is_schedulable(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready =
        conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let mut taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    ready && !taints.any(|taint| taint.key.starts_with("node.kubernetes.io/"))
}

/// The program that plays the nodes.
pub(crate) fn program(
    executable: &Path,
    dir: &Path,
    logs: &Path,
    kubeconfig: &Path,
    complete_jobs: bool,
) -> Result<Program, TestbedError> {
    let config = dir.join("kwok.yaml");
    write(&config, if complete_jobs { format!("{STAGES}---\n{COMPLETE_JOBS}") } else { STAGES.to_owned() })?;
    Ok(Program::new("kwok", executable, logs)
        .args(["--kubeconfig".as_ref(), kubeconfig.as_os_str()])
        .args(["--config".as_ref(), config.as_os_str()])
        .args(["--manage-all-nodes=false", "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake"])
        // Leases as a kubelet renews them: without, the controller manager takes a node for lost after fifty seconds.
        .args(["--node-lease-duration-seconds=40"])
        // kwok keeps settings in its user's home unless told of another place.
        .env("KWOK_WORKDIR", dir.join("kwok")))
}
