//! Leader election. Advisory: safety comes from deterministic names, preconditions and the runner's own live check.

use kube::Client;
use kube_lease_manager::LeaseManagerBuilder;
use tokio::{sync::watch, task::JoinHandle};

use super::PlatformError;

/// Name of the Lease.
const NAME: &str = "carnet-operator";
/// How long a dead leader is waited for.
const SECONDS: u64 = 15;
/// How far ahead of its end the lease is renewed.
const GRACE: u64 = 5;

/// The state of leadership, for as long as it is kept.
pub struct Leadership {
    state: watch::Receiver<bool>,
    task: Option<JoinHandle<()>>,
}

/// Takes part in the election of the leader.
pub async fn lead(client: Client, namespace: &str, identity: &str) -> Result<Leadership, PlatformError> {
    let failed = |source| PlatformError::Lease {
        namespace: namespace.into(),
        name: NAME.into(),
        source: Box::new(source),
    };
    let manager = LeaseManagerBuilder::new(client, NAME)
        .with_namespace(namespace)
        .with_identity(identity)
        .with_duration(SECONDS)
        .with_grace(GRACE)
        .with_field_manager(super::manager("lease"))
        .build()
        .await
        .map_err(failed)?;
    let (state, task) = manager.watch().await;
    let task = tokio::spawn(async move {
        match task.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "leader election"),
            Err(error) => tracing::error!(%error, "leader election"),
        }
    });
    Ok(Leadership { state, task: Some(task) })
}

impl Leadership {
    /// Leadership without an election: for one replica.
    pub fn always() -> Self {
        let (keep, state) = watch::channel(true);
        // The sender must live as long as the process, or the state reads as lost.
        let task = tokio::spawn(async move {
            keep.closed().await;
        });
        Self { state, task: Some(task) }
    }

    /// Waits until this process leads; false = it never will.
    pub async fn gained(&mut self) -> bool {
        self.state.wait_for(|leads| *leads).await.is_ok()
    }

    /// Waits until this process leads no more.
    pub async fn lost(&mut self) {
        let _ = self.state.wait_for(|leads| !*leads).await;
    }

    /// Gives leadership up, so that another replica need not wait.
    pub async fn release(mut self) {
        let task = self.task.take();
        drop(self);
        if let Some(task) = task {
            let _ = tokio::time::timeout(std::time::Duration::from_secs(3), task).await;
        }
    }
}
