//! The Job of a step: pure.

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{place::Lawful, step::CONTAINER};
use crate::{
    api::{labels, v1alpha1::DeletionRun},
    core::store::{Engine, Store},
    handover::{ExitKind, Step},
};

/// What is the same for all Jobs.
#[derive(Clone, Debug)]
pub struct Image {
    /// Image of the runner.
    pub name: String,
    /// When it is pulled.
    pub pull_policy: String,
}

/// Why a Job cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The engine has no credentials of its own.
    #[error("DataStore {0}: its engine is not erased by a Job")]
    Engine(String),
    /// There is nowhere to run.
    #[error("DataStore {0}: no node lies in a region where its exporter may read it")]
    Nowhere(String),
    /// It cannot be put into words.
    #[error("serialising a Job: {0}")]
    Serialise(#[from] serde_json::Error),
}

/// Name of the Job of a step.
pub fn name(run: &str, step: Step) -> String {
    format!("{run}-{step}")
}

/// The Job. Nothing of it is inherited from the run, the policy or the store but their names.
pub fn job(
    run: &DeletionRun,
    step: Step,
    store: &Store,
    place: &Lawful,
    image: &Image,
) -> Result<Job, JobError> {
    let secret = match &store.engine {
        Engine::Postgres(sql) | Engine::Mysql(sql) => &sql.secret,
        Engine::ObjectStore { secret, .. } => secret,
        Engine::Volume { .. } | Engine::External => return Err(JobError::Engine(store.key.to_string())),
    };
    if place.is_nowhere() {
        return Err(JobError::Nowhere(store.key.to_string()));
    }
    let name_of_run = run.metadata.name.clone().unwrap_or_default();
    let namespace = run.metadata.namespace.clone().unwrap_or_default();
    let uid = run.metadata.uid.clone().unwrap_or_default();
    let step_name = step.to_string();
    let mut args = vec![
        step_name.clone(),
        "--namespace".into(),
        namespace.clone(),
        "--run".into(),
        name_of_run.clone(),
        "--run-uid".into(),
        uid.clone(),
    ];
    if step == Step::Erase {
        let hash = run.status.as_ref().and_then(|s| s.plan.as_ref()).map(|p| p.hash.clone());
        args.extend(["--plan-hash".into(), hash.unwrap_or_default()]);
    }
    args.extend(
        ["--credentials-dir", "/credentials", "--termination-log", "/dev/termination-log"].map(String::from),
    );
    let own = json!({
        labels::RUN: label(&name_of_run),
        labels::STEP: step_name,
        labels::MANAGED_BY: labels::MANAGER,
    });
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name(&name_of_run, step),
            "namespace": namespace,
            "labels": own,
            "annotations": { labels::RUN_UID: uid },
        },
        "spec": {
            "backoffLimit": if step == Step::Plan { 3 } else { 6 },
            // A hold or a refusal is an answer: to ask again would only delay it, by ten minutes in all.
            "podFailurePolicy": { "rules": [{
                "action": "FailJob",
                "onExitCodes": {
                    "containerName": CONTAINER, "operator": "In", "values": ExitKind::FINAL.map(ExitKind::code),
                },
            }]},
            "template": {
                "metadata": { "labels": own, "annotations": { labels::RUN_UID: uid } },
                "spec": pod(secret, place, image, &args),
            },
        },
    });
    Ok(serde_json::from_value(job)?)
}

fn pod(secret: &str, place: &Lawful, image: &Image, args: &[String]) -> Value {
    json!({
        "serviceAccountName": labels::ERASER_SERVICE_ACCOUNT,
        "restartPolicy": "Never",
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "affinity": { "nodeAffinity": affinity(place) },
        "containers": [{
            "name": CONTAINER,
            "image": image.name,
            "imagePullPolicy": image.pull_policy,
            "args": args,
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
            "resources": {
                "requests": { "cpu": "10m", "memory": "32Mi" },
                "limits": { "memory": "256Mi" },
            },
            "volumeMounts": [{ "name": "credentials", "mountPath": "/credentials", "readOnly": true }],
        }],
        "volumes": [{
            "name": "credentials",
            "secret": { "secretName": secret, "defaultMode": 0o440 },
        }],
    })
}

fn affinity(place: &Lawful) -> Value {
    let mut terms = vec![];
    if !place.regions.is_empty() {
        terms.push(json!({ "matchExpressions": [
            { "key": place.label, "operator": "In", "values": place.regions },
        ]}));
    }
    if place.unlabelled {
        terms.push(json!({ "matchExpressions": [
            { "key": place.label, "operator": "DoesNotExist" },
        ]}));
    }
    let preferred: Vec<Value> = place
        .preferred
        .iter()
        .map(|region| {
            json!({ "weight": 100, "preference": { "matchExpressions": [
                { "key": place.label, "operator": "In", "values": [region] },
            ]}})
        })
        .collect();
    json!({
        "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms },
        "preferredDuringSchedulingIgnoredDuringExecution": preferred,
    })
}

/// A name as a label's value, which is shorter; the uid beside it tells runs apart.
fn label(name: &str) -> String {
    let mut text: String = name.chars().take(63).collect();
    while text.ends_with(['-', '.', '_']) {
        text.pop();
    }
    text
}
