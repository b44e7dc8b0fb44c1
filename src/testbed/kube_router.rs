//! The firewall of kube-router as a plain process in a cluster's network: a network plugin that enforces NetworkPolicies.
//!
//! `hack/networkpolicy/build.sh` builds it; it is not part of the ordinary tests.

use super::{binaries::built_by, error::TestbedError, nodes::Cluster, process::Guard};

/// What builds it.
const BUILD: &str = "hack/networkpolicy/build.sh";

/// A firewall that runs; dropping it ends it, and what it has set stays until the cluster ends.
pub struct KubeRouter {
    guard: Guard,
}

// === impl KubeRouter ===

impl KubeRouter {
    /// Starts it for all real nodes of a cluster, because they share one network. `node` is the name of one of them.
    pub fn start(cluster: &Cluster, node: &str) -> Result<Self, TestbedError> {
        let program = built_by(BUILD)?.join("kube-router");
        if !program.is_file() {
            let remedy = format!("run {BUILD}");
            return Err(TestbedError::Missing { program: "kube-router".to_owned(), remedy });
        }
        let guard = cluster.spawn_inside("kube-router", &program, |program| {
            program
                .arg("--kubeconfig")
                .arg(cluster.kubeconfig_admin())
                .args(["--run-firewall=true", "--run-router=false", "--run-service-proxy=false"])
                .args(["--hostname-override", node, "--iptables-sync-period=5s", "--health-port=0"])
                .env("NODE_NAME", node)
        })?;
        Ok(Self { guard })
    }

    /// The end of its log.
    pub fn log_end(&self) -> String {
        self.guard.log_end()
    }
}
