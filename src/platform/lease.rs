//! Leader election. Advisory: safety comes from deterministic names, preconditions and the runner's own live check.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_lease_manager::LeaseManagerBuilder;
use tokio::{sync::watch, task::JoinHandle};

use super::PlatformError;

/// Name of the Lease.
const NAME: &str = "carnet-operator";
/// How long a dead leader is waited for.
const SECONDS: u64 = 15;
/// How far ahead of its end the lease is renewed.
const GRACE: u64 = 5;
/// How often a lease that another replica holds is looked at: it leads so long after that one gave it up, at most.
const LOOK: Duration = Duration::from_secs(2);
/// How long taking a free lease may take.
const TRY: Duration = Duration::from_secs(5);

/// The state of leadership, for as long as it is kept.
pub struct Leadership {
    state: watch::Receiver<bool>,
    task: Option<JoinHandle<()>>,
}

/// Takes part in the election of the leader; returns once this process leads.
///
/// The lease manager sleeps until another leader's lease runs out, also when that one gives it up at once. So it is
/// started only while nobody leads, which is looked for here.
pub async fn lead(client: Client, namespace: &str, identity: &str) -> Result<Leadership, PlatformError> {
    let failed = |source| PlatformError::Lease {
        namespace: namespace.into(),
        name: NAME.into(),
        source: Box::new(source),
    };
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace);
    loop {
        while let Some(lease) = leases.get_opt(NAME).await.map_err(|error| failed(error.into()))?
            && held(&lease, Timestamp::now())
        {
            tokio::time::sleep(LOOK).await;
        }
        let manager = LeaseManagerBuilder::new(client.clone(), NAME)
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
        let mut leadership = Leadership { state, task: Some(task) };
        if let Ok(true) = tokio::time::timeout(TRY, leadership.gained()).await {
            return Ok(leadership);
        }
        // Another replica was faster.
        leadership.release().await;
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether somebody leads by this lease.
fn held(lease: &Lease, now: Timestamp) -> bool {
    let Some(spec) = &lease.spec else { return false };
    let lasts = SignedDuration::from_secs(spec.lease_duration_seconds.unwrap_or_default().into());
    let until = spec.renew_time.as_ref().and_then(|renewed| renewed.0.checked_add(lasts).ok());
    spec.holder_identity.as_deref().is_some_and(|holder| !holder.is_empty()) && until.is_some_and(|u| u > now)
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
            let _ = tokio::time::timeout(Duration::from_secs(3), task).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_held_by_somebody_until_it_runs_out() {
        let lease = |holder: Option<&str>| -> Lease {
            let spec = serde_json::json!({"holderIdentity": holder, "leaseDurationSeconds": 15,
                "renewTime": "2026-11-01T12:00:00.000000Z"});
            serde_json::from_value(serde_json::json!({"metadata": {"name": NAME}, "spec": spec})).unwrap()
        };
        let at = |second: i64| {
            "2026-11-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
        };
        assert!(held(&lease(Some("a")), at(14)));
        assert!(!held(&lease(Some("a")), at(15)));
        assert!(!held(&lease(None), at(1)) && !held(&lease(Some("")), at(1)));
        assert!(!held(&Lease::default(), at(1)));
    }
}
