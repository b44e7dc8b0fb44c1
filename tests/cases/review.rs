//! The first door: what the API server would send to the webhook, and what the webhook answers.

use std::sync::Arc;

use carnet::{
    admission::{ReviewState, review},
    core::ids::ObjectKey,
    index::Sight,
};
use serde_json::{Value, json};

use crate::{
    table::{Case, Expected},
    world::{Judged, World},
};

/// Whether the webhook's code answers every operation on every judged object as expected, or why it cannot be asked.
pub fn answered(case: &Case) -> Result<bool, String> {
    let world = World::of(case)?;
    if world.judged.is_empty() {
        return Err("nothing is judged in it".into());
    }
    let admitted = case.expected != Expected::Block;
    let mut right = true;
    for operation in operations(case) {
        let operation = operation?;
        for judged in &world.judged {
            right &= is_allowed(case, &world, &operation.request(case, judged)?)? == admitted;
        }
    }
    Ok(right)
}

fn is_allowed(case: &Case, world: &World, request: &Value) -> Result<bool, String> {
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let maps = |key: &ObjectKey| world.config_maps.get(key).cloned();
    let state = ReviewState {
        snapshot: Arc::new(world.state.snapshot()),
        sight: Sight::Clear,
        pods: &world.pods,
        config_maps: world.settings.read_config_maps.then_some(&maps),
    };
    let reviewed = review(&state, body.to_string().as_bytes(), case.at()).map_err(|e| e.to_string())?;
    if reviewed.decision.fails_the_call() {
        return Err(format!("not judged: {:?}", reviewed.decision.not_ready));
    }
    if let Some(why) = reviewed.decision.not_ready {
        return Err(format!("not judged: {why:?}"));
    }
    Ok(reviewed.decision.allowed)
}

/// Writes an object, where the webhook lets it be written; whether it is there then.
pub fn is_written(case: &Case, world: &mut World, object: Value) -> Result<bool, String> {
    let judged = Judged { object, before: None };
    let create = Operation::Create { dry_run: false };
    // Nobody asks the webhook about a kind that it does not judge.
    let allowed = match create.request(case, &judged) {
        Ok(request) => is_allowed(case, world, &request)?,
        Err(_) => true,
    };
    Ok(allowed && world.add(judged.object)?)
}

/// What is asked of the API server.
#[derive(Clone, Copy)]
enum Operation {
    Create { dry_run: bool },
    Update,
    Delete,
    EphemeralContainers,
    PodBinding,
    Binding,
}

fn operations(case: &Case) -> impl Iterator<Item = Result<Operation, String>> {
    let words = if case.operation.is_empty() { "CREATE" } else { &case.operation };
    words.split_whitespace().map(|word| {
        Ok(match word {
            "CREATE" => Operation::Create { dry_run: false },
            "dry-run" => Operation::Create { dry_run: true },
            "UPDATE" => Operation::Update,
            "DELETE" => Operation::Delete,
            "pods/ephemeralcontainers" => Operation::EphemeralContainers,
            "pods/binding" => Operation::PodBinding,
            "bindings" => Operation::Binding,
            other => return Err(format!("operation {other}")),
        })
    })
}

impl Operation {
    /// The request of the review, as the API server writes it.
    fn request(self, case: &Case, judged: &Judged) -> Result<Value, String> {
        let object = &judged.object;
        let kind = object["kind"].as_str().unwrap_or_default();
        let (group, version) = match object["apiVersion"].as_str().unwrap_or_default().split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", object["apiVersion"].as_str().unwrap_or_default()),
        };
        let (resource, subresource) = match self {
            Self::EphemeralContainers => ("pods", "ephemeralcontainers"),
            Self::PodBinding => ("pods", "binding"),
            Self::Create { .. } | Self::Update | Self::Delete | Self::Binding => (resource(kind)?, ""),
        };
        let before = || judged.before.clone().ok_or("no object as it was before");
        let (word, object, old, options) = match self {
            Self::Create { .. } | Self::PodBinding | Self::Binding => {
                ("CREATE", object.clone(), Value::Null, "CreateOptions")
            }
            Self::Update | Self::EphemeralContainers => {
                ("UPDATE", object.clone(), before()?, "UpdateOptions")
            }
            // What is deleted is in oldObject alone.
            Self::Delete => ("DELETE", Value::Null, object.clone(), "DeleteOptions"),
        };
        let user = if case.user.is_empty() { "somebody" } else { &case.user };
        let groups: &[&str] = if user.starts_with("system:serviceaccount:") {
            &["system:authenticated", "system:serviceaccounts"]
        } else {
            &["system:authenticated"]
        };
        let gvk = json!({"group": group, "version": version, "kind": kind});
        let gvr = json!({"group": group, "version": version, "resource": resource});
        let mut request = json!({
            "uid": case.id, "kind": gvk, "resource": gvr, "requestKind": gvk, "requestResource": gvr,
            "operation": word, "userInfo": {"username": user, "groups": groups},
            "object": object, "oldObject": old, "dryRun": matches!(self, Self::Create { dry_run: true }),
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": options}});
        // What is empty is left out.
        for (field, value) in [
            ("name", &judged.object["metadata"]["name"]),
            ("namespace", &judged.object["metadata"]["namespace"]),
        ] {
            if value.as_str().is_some_and(|text| !text.is_empty()) {
                request[field] = value.clone();
            }
        }
        if !subresource.is_empty() {
            request["subResource"] = subresource.into();
            request["requestSubResource"] = subresource.into();
        }
        Ok(request)
    }
}

fn resource(kind: &str) -> Result<&'static str, String> {
    Ok(match kind {
        "Pod" => "pods",
        "Binding" => "bindings",
        "PodTemplate" => "podtemplates",
        "Deployment" => "deployments",
        "StatefulSet" => "statefulsets",
        "DaemonSet" => "daemonsets",
        "ReplicaSet" => "replicasets",
        "ReplicationController" => "replicationcontrollers",
        "Job" => "jobs",
        "CronJob" => "cronjobs",
        "Party" => "parties",
        "DataStore" => "datastores",
        "TransferSafeguard" => "transfersafeguards",
        "TransferException" => "transferexceptions",
        "RetentionPolicy" => "retentionpolicies",
        other => return Err(format!("kind {other}")),
    })
}
