//! Why no Pod of a Job runs yet.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};

/// A Pod takes this long to start without anybody being told.
const PATIENCE: SignedDuration = SignedDuration::from_secs(20);

/// What there is to tell about a Job that works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Starting {
    /// Why it does not begin, and what to do.
    pub why: Option<String>,
    /// When to look again.
    pub look_again: Option<Timestamp>,
}

/// What keeps a Job's Pod from running.
pub fn of(job: &Job, pods: &[&Pod], now: Timestamp) -> Starting {
    let namespace = job.metadata.namespace.as_deref().unwrap_or_default();
    let created = |meta: &kube::core::ObjectMeta| meta.creation_timestamp.as_ref().map_or(now, |t| t.0);
    let newest = pods.iter().max_by_key(|p| created(&p.metadata));
    let (since, why) = match newest {
        None => {
            let name = job.metadata.name.as_deref().unwrap_or_default();
            (
                created(&job.metadata),
                format!("its Job has no Pod: `kubectl -n {namespace} describe job {name}` says why"),
            )
        }
        Some(pod) if phase(pod) == "Pending" => {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let reason = reason(pod).unwrap_or_else(|| "does the store's Secret exist?".into());
            let what =
                format!("its Pod does not start ({reason}): `kubectl -n {namespace} describe pod {name}`");
            (created(&pod.metadata), what)
        }
        Some(_) => return Starting::default(),
    };
    let told_at = since.saturating_add(PATIENCE).unwrap_or(now);
    if now < told_at {
        return Starting { why: None, look_again: Some(told_at) };
    }
    Starting { why: Some(why), look_again: None }
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("Pending")
}

/// One word of what the scheduler or the kubelet says.
fn reason(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let unscheduled = status.conditions.iter().flatten().find(|c| {
        c.type_ == "PodScheduled" && c.status == "False" && c.reason.as_deref() == Some("Unschedulable")
    });
    if unscheduled.is_some() {
        return Some("no node can take it".into());
    }
    let waiting = status.container_statuses.iter().flatten().find_map(|c| c.state.as_ref()?.waiting.as_ref());
    waiting.and_then(|w| w.reason.clone()).filter(|r| r != "ContainerCreating" && r != "PodInitializing")
}
