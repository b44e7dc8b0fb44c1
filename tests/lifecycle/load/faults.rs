//! What happens while Pods are sent.

use std::time::Duration;

use anyhow::{Context, Result};
use carnet::testbed::accounts::until;
use tokio::time::Instant;

use super::report::Away;
use crate::world::{NAMESPACE, World};

/// Before anything happens, so that connections are open.
const CALM: Duration = Duration::from_secs(2);
/// Longer than replicas take to look, with the short-lived authority that the tests install.
const CHANGE_OVER: Duration = Duration::from_secs(65);

pub async fn rolling_restart(w: &World) -> Result<Away> {
    tokio::time::sleep(CALM).await;
    w.tools.kubectl(&["rollout", "restart", "deployment/carnet-operator", "-n", NAMESPACE]).await?;
    w.rolled_out().await?;
    // The old ones serve until the API servers have gone from them.
    until("the old replicas to be gone", 60, || async {
        Ok(w.operator_pods().await.is_ok_and(|n| n == 2).then_some(()))
    })
    .await?;
    Ok(None)
}

/// The container's process, as a lost machine would end it.
pub async fn leader_killed(w: &World) -> Result<Away> {
    tokio::time::sleep(CALM).await;
    let leader = w.leader().await?;
    w.signal(&leader, "SIGKILL")?;
    until("another container in its place", 60, || async {
        let replicas = w.replicas().await.unwrap_or_default();
        let anew = replicas.iter().any(|r| r.pod == leader.pod && r.container != leader.container);
        Ok(anew.then_some(()))
    })
    .await?;
    w.rolled_out().await?;
    w.leader().await.context("somebody leads again").map(|_| None)
}

pub async fn certificates_rotated(w: &World) -> Result<Away> {
    tokio::time::sleep(CALM).await;
    w.rotate_certificates().await?;
    tokio::time::sleep(CALM).await;
    Ok(None)
}

/// One replica, the leader, stands still, and goes on afterwards.
pub async fn frozen(w: &World, long: Duration) -> Result<Away> {
    tokio::time::sleep(CALM).await;
    let leader = w.leader().await?;
    w.signal(&leader, "SIGSTOP")?;
    tokio::time::sleep(long).await;
    w.signal(&leader, "SIGCONT")?;
    w.rolled_out().await?;
    Ok(None)
}

pub async fn api_server_restarted(w: &World) -> Result<Away> {
    let away = api_server_alone_restarted(w).await?;
    w.rolled_out().await?;
    Ok(away)
}

pub async fn api_server_alone_restarted(w: &World) -> Result<Away> {
    tokio::time::sleep(CALM).await;
    let from = Instant::now();
    w.cluster.restart_api_server().await?;
    let to = Instant::now();
    tokio::time::sleep(3 * CALM).await;
    Ok(Some((from, to)))
}

impl World {
    /// Asks the operator for another authority, as the documents say it, and waits until it signs and every replica has
    /// changed over.
    async fn rotate_certificates(&self) -> Result<()> {
        let before = self.authority().await?;
        self.tools
            .kubectl(&["annotate", "secret", "carnet-webhook-ca", "-n", NAMESPACE, "carnet.dev/rotate=now"])
            .await?;
        until("another authority to sign", 200, || async {
            Ok(self.authority().await.is_ok_and(|now| now != before).then_some(()))
        })
        .await?;
        tokio::time::sleep(CHANGE_OVER).await;
        Ok(())
    }

    /// The certificate of the authority that signs.
    async fn authority(&self) -> Result<String> {
        let certificate = "jsonpath={.data.ca\\.crt}";
        self.tools.kubectl(&["get", "secret", "carnet-webhook-ca", "-n", NAMESPACE, "-o", certificate]).await
    }
}
