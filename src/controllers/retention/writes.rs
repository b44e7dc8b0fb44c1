//! Every write of the controller, each between two failpoints.

use std::{fmt::Debug, sync::Arc};

use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
    core::{NamespaceResourceScope, ObjectMeta},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::step::{is_ours, is_over};
use crate::{
    api::{
        labels,
        v1alpha1::{DeletionRun, DeletionRunStatus, LegalHold, RunPhase},
    },
    core::hold::Hold,
    handover::Step,
    parse,
    platform::{failpoint, manager},
};

/// What was attempted on which object, and why it failed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The API did not take it.
    #[error("{what} {kind} {namespace}/{name}: {source}")]
    Api {
        /// `creating`, ...
        what: &'static str,
        /// Kind.
        kind: &'static str,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Why.
        source: Box<kube::Error>,
    },
}

/// What became of a Job that was to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there.
    Ours,
    /// A Job that is not the run's has its name.
    Taken,
}

/// Writes as the retention controller.
#[derive(Clone)]
pub struct Writes {
    client: Client,
    post: PostParams,
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

impl Writes {
    /// Writes through `client`.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            post: PostParams { field_manager: Some(manager("retention")), ..PostParams::default() },
        }
    }

    /// Creates a run. One that is there already is the same decision.
    pub async fn create_run(&self, run: &DeletionRun) -> Result<(), WriteError> {
        let (namespace, name) = names(&run.metadata);
        let api: Api<DeletionRun> = Api::namespaced(self.client.clone(), &namespace);
        failpoint("run-create-before");
        match api.create(&self.post, run).await {
            Ok(_) => {
                failpoint("run-create-after");
                tracing::info!(namespace, name, "run created");
                Ok(())
            }
            Err(e) if code(&e) == Some(409) => Ok(()),
            Err(e) => Err(api_error("creating", "DeletionRun", namespace, name, e)),
        }
    }

    /// Writes a run's status over the very version that was read. False = somebody else was first.
    pub async fn write_run(&self, run: &DeletionRun, status: &DeletionRunStatus) -> Result<bool, WriteError> {
        let (namespace, name) = names(&run.metadata);
        let api: Api<DeletionRun> = Api::namespaced(self.client.clone(), &namespace);
        let phase = status.phase;
        let begins = phase == RunPhase::Erasing && run.status.as_ref().is_none_or(|s| s.phase != phase);
        if begins {
            failpoint("begun-before");
        } else if is_over(phase) {
            failpoint("ended-before");
        } else {
            failpoint("run-status-before");
        }
        let patch = json!({
            "metadata": { "resourceVersion": run.metadata.resource_version, "uid": run.metadata.uid },
            "status": replacing(run.status.as_ref(), status),
        });
        let params = PatchParams { field_manager: Some(manager("retention")), ..PatchParams::default() };
        match api.patch_status(&name, &params, &Patch::Merge(&patch)).await {
            Ok(_) => {
                if begins {
                    failpoint("begun-after");
                } else if is_over(phase) {
                    failpoint("ended-after");
                } else {
                    failpoint("run-status-after");
                }
                tracing::info!(namespace, name, phase = ?status.phase, "run goes on");
                Ok(true)
            }
            Err(e) if matches!(code(&e), Some(404 | 409)) => Ok(false),
            Err(e) => Err(api_error("writing the status of", "DeletionRun", namespace, name, e)),
        }
    }

    /// Creates the Job of a step. One that is there already is taken when it is the run's.
    pub async fn create_job(&self, job: &Job, step: Step, run_uid: &str) -> Result<Created, WriteError> {
        let (namespace, name) = names(&job.metadata);
        let api: Api<Job> = Api::namespaced(self.client.clone(), &namespace);
        match step {
            Step::Plan => failpoint("plan-job-create-before"),
            Step::Erase => failpoint("erase-job-create-before"),
        }
        match api.create(&self.post, job).await {
            Ok(_) => {
                match step {
                    Step::Plan => failpoint("plan-job-create-after"),
                    Step::Erase => failpoint("erase-job-create-after"),
                }
                tracing::info!(namespace, name, "Job created");
                Ok(Created::Ours)
            }
            Err(e) if code(&e) == Some(409) => {
                let there = self.live_job(&namespace, &name).await?;
                let ours = there.is_none_or(|job| is_ours(run_uid, &job));
                Ok(if ours { Created::Ours } else { Created::Taken })
            }
            Err(e) => Err(api_error("creating", "Job", namespace, name, e)),
        }
    }

    /// A Job as it stands now.
    pub async fn live_job(&self, namespace: &str, name: &str) -> Result<Option<Job>, WriteError> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), namespace);
        api.get_opt(name).await.map_err(|e| api_error("reading", "Job", namespace.into(), name.into(), e))
    }

    /// The Pods of a Job as they stand now.
    pub async fn live_pods(&self, namespace: &str, job: &str) -> Result<Vec<Pod>, WriteError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let of_job = ListParams::default().labels(&format!("{}={job}", labels::JOB_NAME));
        let list = api.list(&of_job).await;
        Ok(list.map_err(|e| api_error("listing the Pods of", "Job", namespace.into(), job.into(), e))?.items)
    }

    /// Whether an object is still the very one that a cache shows: same uid, spec and labels.
    pub async fn is_current<K>(&self, cached: &ObjectMeta) -> Result<bool, WriteError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let (namespace, name) = names(cached);
        let api: Api<K> = Api::namespaced(self.client.clone(), &namespace);
        let live = api.get_metadata_opt(&name).await;
        let live = live.map_err(|e| api_error("reading", "object", namespace, name, e))?;
        Ok(live.is_some_and(|live| {
            let live = live.metadata;
            live.uid == cached.uid
                && live.generation == cached.generation
                && live.labels == cached.labels
                && live.deletion_timestamp.is_none()
        }))
    }

    /// Deletes a Job and its Pods, where it is the very one.
    pub async fn delete_job(&self, namespace: &str, name: &str, uid: &str) -> Result<(), WriteError> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), namespace);
        let this_one = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: Some(Preconditions { uid: Some(uid.into()), resource_version: None }),
            ..DeleteParams::default()
        };
        failpoint("job-delete-before");
        match api.delete(name, &this_one).await {
            Ok(_) => {
                failpoint("job-delete-after");
                Ok(())
            }
            Err(e) if matches!(code(&e), Some(404 | 409)) => Ok(()),
            Err(e) => Err(api_error("deleting", "Job", namespace.into(), name.into(), e)),
        }
    }

    /// Every hold as it stands now, read from the quorum. One that cannot be read holds everything.
    pub async fn live_holds(&self) -> Result<Vec<Hold>, WriteError> {
        let api: Api<kube::core::DeserializeGuard<LegalHold>> = Api::all(self.client.clone());
        let list = api
            .list(&ListParams::default())
            .await
            .map_err(|e| api_error("listing", "LegalHold", String::new(), "*".into(), e))?;
        Ok(list
            .items
            .into_iter()
            .map(|guard| match guard.0 {
                Ok(object) => parse::hold(&object).unwrap_or_else(|_| {
                    Hold::unreadable(
                        object.metadata.name.unwrap_or_default(),
                        object.metadata.uid.unwrap_or_default(),
                    )
                }),
                Err(invalid) => Hold::unreadable(
                    invalid.metadata.name.unwrap_or_default(),
                    invalid.metadata.uid.unwrap_or_default(),
                ),
            })
            .collect())
    }

    /// Deletes a run that deleted nothing, and the Job that planned it.
    pub async fn prune(&self, run: &Arc<DeletionRun>, job: &str) -> Result<(), WriteError> {
        let (namespace, name) = names(&run.metadata);
        let run_uid = run.metadata.uid.as_deref().unwrap_or_default();
        if let Some(there) = self.live_job(&namespace, job).await?
            && is_ours(run_uid, &there)
        {
            self.delete_job(&namespace, job, there.metadata.uid.as_deref().unwrap_or_default()).await?;
        }
        let api: Api<DeletionRun> = Api::namespaced(self.client.clone(), &namespace);
        let this_one = DeleteParams {
            preconditions: Some(Preconditions {
                uid: run.metadata.uid.clone(),
                resource_version: run.metadata.resource_version.clone(),
            }),
            ..DeleteParams::default()
        };
        failpoint("run-delete-before");
        match api.delete(&name, &this_one).await {
            Ok(_) => {
                failpoint("run-delete-after");
                Ok(())
            }
            Err(e) if matches!(code(&e), Some(404 | 409)) => Ok(()),
            Err(e) => Err(api_error("deleting", "DeletionRun", namespace, name, e)),
        }
    }
}

/// A merge patch that leaves nothing of the old status: what the new one does not say is taken away.
fn replacing(old: Option<&DeletionRunStatus>, new: &DeletionRunStatus) -> Value {
    let mut patch = json!(new);
    let old = old.map(|s| json!(s));
    if let (Some(patch), Some(old)) = (patch.as_object_mut(), old.as_ref().and_then(Value::as_object)) {
        for name in old.keys() {
            patch.entry(name.clone()).or_insert(Value::Null);
        }
    }
    patch
}

fn names(meta: &ObjectMeta) -> (String, String) {
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn api_error(
    what: &'static str,
    kind: &'static str,
    namespace: String,
    name: String,
    source: kube::Error,
) -> WriteError {
    WriteError::Api { what, kind, namespace, name, source: Box::new(source) }
}
