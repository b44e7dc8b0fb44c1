//! The operator's Deployment and Pods.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

use super::{Facts, Found};
use crate::cli::facts::DEPLOYMENT;

pub fn check(facts: &Facts, found: &mut Found) {
    let namespace = &facts.namespace;
    if let Some(None) = found.known(&facts.deployment) {
        found.broken(
            "OperatorMissing",
            format!("there is no Deployment {namespace}/{DEPLOYMENT}: nothing is judged anew and nothing is deleted"),
            "install Carnet, or say where it is: --operator-namespace",
        );
        return;
    }
    let Some(pods) = found.known(&facts.pods) else { return };
    let alive: Vec<&Pod> = pods.iter().filter(|p| p.metadata.deletion_timestamp.is_none()).collect();
    let ready = alive.iter().filter(|pod| is_ready(pod)).count();
    for pod in alive.iter().filter(|pod| !is_ready(pod)) {
        let name = pod.name_any();
        let what = format!("Pod {namespace}/{name} is not ready: {}", why(pod));
        let next = format!(
            "read `kubectl -n {namespace} describe pod {name}` and `kubectl -n {namespace} logs {name}`"
        );
        if ready == 0 {
            found.broken("OperatorNotReady", what, next);
        } else {
            found.warning("OperatorNotReady", what, next);
        }
    }
    if alive.is_empty() {
        let replicas = facts.deployment.as_ref().ok().and_then(Option::as_ref).and_then(|d| d.spec.replicas);
        let (what, next) = if replicas == Some(0) {
            (
                format!("Deployment {namespace}/{DEPLOYMENT} is scaled to 0"),
                format!("`kubectl -n {namespace} scale deployment {DEPLOYMENT} --replicas=2`"),
            )
        } else {
            (
                format!("Deployment {namespace}/{DEPLOYMENT} has no Pod"),
                format!("read `kubectl -n {namespace} describe deployment {DEPLOYMENT}` and its ReplicaSets"),
            )
        };
        found.broken("OperatorNotRunning", what, next);
    }
}

pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// The most telling reason that the Pod's status gives.
fn why(pod: &Pod) -> String {
    let Some(status) = &pod.status else { return "it has no status yet".into() };
    if let Some(unscheduled) =
        status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled" && c.status == "False")
    {
        return unscheduled.message.clone().unwrap_or_else(|| "no node takes it".into());
    }
    let mut containers = status.container_statuses.iter().chain(&status.init_container_statuses).flatten();
    if let Some(reason) = containers.find_map(of_container) {
        return reason;
    }
    match (&status.reason, &status.message, status.phase.as_deref()) {
        (Some(reason), Some(message), _) => format!("{reason}: {message}"),
        (Some(reason), None, _) => reason.clone(),
        (None, _, Some("Running")) => "it runs and says that it is not ready yet".into(),
        (None, _, phase) => format!("it is {}", phase.unwrap_or("Unknown")),
    }
}

fn of_container(container: &ContainerStatus) -> Option<String> {
    let last = container
        .last_state
        .as_ref()
        .and_then(|state| state.terminated.as_ref())
        .map(|ended| {
            let message = ended.message.as_deref().unwrap_or_default().trim().to_owned();
            let message = if message.is_empty() { String::new() } else { format!(": {message}") };
            format!("; it last ended with {}{message}", ended.exit_code)
        })
        .unwrap_or_default();
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        let message = waiting.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
        return Some(format!("{}{message}{last}", waiting.reason.as_deref().unwrap_or("waiting")));
    }
    state.terminated.as_ref().map(|ended| format!("it ended with {}", ended.exit_code))
}
