//! Both replicas are dead: what is settled is still refused, and the cluster goes on.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::testbed::accounts::{Accounts, until};

use crate::{
    cases,
    world::{NAMESPACE, World},
};

cases![
    with_both_replicas_killed_settled_violations_are_refused_and_the_cluster_goes_on,
    with_no_replica_wanted_it_is_the_same,
];

/// Killed, and not startable: their image is gone from the nodes.
async fn with_both_replicas_killed_settled_violations_are_refused_and_the_cluster_goes_on(
    w: Arc<World>,
) -> Result<()> {
    w.declared().await?;
    w.settled().await?;
    let image = w.operator_image().await?;
    for runtime in w.cluster.runtimes() {
        runtime.remove_image(&image)?;
    }
    for replica in w.replicas().await? {
        w.signal(&replica, "SIGKILL")?;
    }
    until("no replica to run", 30, || async {
        Ok(w.replicas().await.is_ok_and(|all| all.is_empty()).then_some(()))
    })
    .await?;
    let survived = w.survives().await;
    w.load_images_again()?;
    survived?;
    // The kubelet asks for a missing image ever more rarely; a new Pod is asked for at once.
    w.tools.kubectl(&["delete", "pods", "-n", NAMESPACE, "--all", "--wait=false"]).await?;
    w.rolled_out().await.context("Carnet itself starts again")
}

async fn with_no_replica_wanted_it_is_the_same(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    w.settled().await?;
    w.scaled(0).await?;
    let survived = w.survives().await;
    w.scaled(2).await.context("Carnet itself starts again")?;
    survived
}

impl World {
    /// What must hold without the operator.
    async fn survives(&self) -> Result<()> {
        let message = Accounts::try_pod(&self.admin).await?.err().context("a violation was admitted")?;
        ensure!(message.contains("identity/accounts"), "it does not say which store: {message}");
        // At the same time: a lease is renewed every ten seconds.
        tokio::try_join!(
            self.an_unrelated_pod_runs("unrelated-eu", "eu1"),
            self.an_unrelated_pod_runs("unrelated-us", "us1"),
            self.a_nodes_lease_is_renewed("eu1"),
            self.a_nodes_lease_is_renewed("us1"),
        )?;
        Ok(())
    }
}
