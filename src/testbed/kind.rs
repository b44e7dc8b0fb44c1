//! A cluster made by kind, where that is installed and its containers can run.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use super::{
    access::Access,
    error::{TestbedError, write},
    process::run,
    real_node::RealNode,
};

/// A cluster of kind; dropping it deletes it.
#[derive(Debug)]
pub(crate) struct Kind {
    name: String,
    pub(crate) access: Access,
}

/// Whether kind is installed and the Docker daemon answers.
pub(crate) fn is_usable() -> bool {
    let answers = |program: &str, argument: &str| {
        Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
    };
    answers("kind", "version") && answers("docker", "info")
}

// === impl Kind ===

impl Kind {
    /// Makes a cluster with one worker for each node.
    pub(crate) async fn start(id: &str, dir: &Path, nodes: &[RealNode]) -> Result<Self, TestbedError> {
        let name = format!("carnet-{id}");
        let workers = nodes.iter().map(|node| {
            let RealNode { name, region } = node;
            json!({"role": "worker", "labels": {
                "topology.kubernetes.io/region": region,
                "topology.kubernetes.io/zone": format!("{region}a"),
                "carnet.dev/testbed-node": name,
            }})
        });
        let nodes: Vec<_> = std::iter::once(json!({"role": "control-plane"})).chain(workers).collect();
        let config = dir.join("kind.json");
        let cluster = json!({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes});
        write(&config, cluster.to_string())?;
        let kubeconfig = dir.join("admin.kubeconfig");

        let mut create = Command::new("kind");
        create
            .args(["create", "cluster", "--name", &name, "--wait", "180s"])
            .args(["--config".as_ref(), config.as_os_str()])
            .args(["--kubeconfig".as_ref(), kubeconfig.as_os_str()]);
        // From here on the guard deletes whatever there is of the cluster.
        let mut kind = Self { access: Access::new(dir, kubeconfig.clone(), [127, 0, 0, 1].into()), name };
        run("make a cluster with kind", &mut create)?;
        kind.access = Access::new(dir, kubeconfig, gateway()?);
        kind.access.mark().await?;
        Ok(kind)
    }

    /// Loads an image from its archive into every node.
    pub(crate) fn load(&self, archive: &Path) -> Result<(), TestbedError> {
        let mut load = Command::new("kind");
        load.args(["load", "image-archive", "--name", &self.name]).arg(archive);
        run(&format!("load {} with kind", archive.display()), &mut load).map(drop)
    }

    pub(crate) fn load_all(&self, archives: &[PathBuf]) -> Result<(), TestbedError> {
        archives.iter().try_for_each(|archive| self.load(archive))
    }
}

impl Drop for Kind {
    fn drop(&mut self) {
        if let Err(error) = run(
            "delete the cluster of kind",
            Command::new("kind").args(["delete", "cluster", "--name", &self.name]),
        ) {
            tracing::warn!(%error, name = %self.name, "a cluster of kind stays behind");
        }
    }
}

/// This machine's address on the network of kind's containers.
fn gateway() -> Result<IpAddr, TestbedError> {
    let format = "{{range .IPAM.Config}}{{.Gateway}} {{end}}";
    let mut inspect = Command::new("docker");
    inspect.args(["network", "inspect", "kind", "--format", format]);
    let answer = run("ask Docker for kind's network", &mut inspect)?;
    answer
        .split_whitespace()
        .filter_map(|address| address.parse().ok())
        .find(IpAddr::is_ipv4)
        .ok_or_else(|| TestbedError::Unsuitable(format!("kind's network has no IPv4 gateway: {answer}")))
}
