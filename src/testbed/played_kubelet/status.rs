//! What a kubelet says of its node and its Pods: pure.

use k8s_openapi::jiff::{Timestamp, Unit};
use serde_json::{Value, json};

/// What the API server keeps of a termination message.
pub(super) const LONGEST_MESSAGE: usize = 4096;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    pub(super) code: i32,
    pub(super) message: String,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
}

/// The Kubernetes API knows whole seconds here.
fn second(at: Timestamp) -> String {
    at.round(Unit::Second).unwrap_or(at).to_string()
}

/// A node that is ready, with room for everything.
pub(super) fn of_node(now: Timestamp) -> Value {
    let room = json!({"cpu": "64", "memory": "256Gi", "pods": "1000"});
    json!({"status": {
        "conditions": [{"type": "Ready", "status": "True", "reason": "Played", "message": "processes are run",
                        "lastHeartbeatTime": second(now), "lastTransitionTime": second(now)}],
        "capacity": room,
        "allocatable": room,
    }})
}

/// A Pod whose process runs.
pub(super) fn running(uid: &str, container: &str, image: &str, started: Timestamp) -> Value {
    let state = json!({"running": {"startedAt": second(started)}});
    of_pod(uid, container, image, "Running", started, true, &state)
}

/// A Pod whose process has ended.
pub(super) fn terminated(uid: &str, container: &str, image: &str, exit: &Exit) -> Value {
    let (phase, reason) = if exit.code == 0 { ("Succeeded", "Completed") } else { ("Failed", "Error") };
    let state = json!({"terminated": {
        "exitCode": exit.code,
        "reason": reason,
        "message": exit.message,
        "startedAt": second(exit.started),
        "finishedAt": second(exit.finished),
    }});
    of_pod(uid, container, image, phase, exit.started, false, &state)
}

fn of_pod(
    uid: &str,
    container: &str,
    image: &str,
    phase: &str,
    started: Timestamp,
    ready: bool,
    state: &Value,
) -> Value {
    let word = if ready { "True" } else { "False" };
    let condition = |name: &str, status: &str| json!({"type": name, "status": status, "lastTransitionTime": second(started)});
    json!({
        // A Pod of the same name that came after it is not meant.
        "metadata": {"uid": uid},
        "status": {
            "phase": phase,
            "startTime": second(started),
            "conditions": [condition("Initialized", "True"), condition("Ready", word), condition("ContainersReady", word)],
            "containerStatuses": [{
                "name": container, "image": image, "imageID": "", "ready": ready, "started": ready, "restartCount": 0,
                "state": state,
            }],
        },
    })
}
