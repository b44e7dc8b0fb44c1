//! Every write of the controller, each between two failpoints.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
};
use serde_json::json;

use super::step::is_over;
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
    /// The name is taken by a Job that is not the run's.
    #[error("creating Job {namespace}/{name}: another object has the name: delete it")]
    Taken {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
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
        if phase == RunPhase::Erasing {
            failpoint("begun-before");
        } else if is_over(phase) {
            failpoint("ended-before");
        } else {
            failpoint("run-status-before");
        }
        let patch = json!({
            "metadata": { "resourceVersion": run.metadata.resource_version, "uid": run.metadata.uid },
            "status": status,
        });
        let params = PatchParams { field_manager: Some(manager("retention")), ..PatchParams::default() };
        match api.patch_status(&name, &params, &Patch::Merge(&patch)).await {
            Ok(_) => {
                if phase == RunPhase::Erasing {
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
    pub async fn create_job(&self, job: &Job, step: Step, run_uid: &str) -> Result<(), WriteError> {
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
                Ok(())
            }
            Err(e) if code(&e) == Some(409) => {
                let there = api.get_opt(&name).await;
                let there =
                    there.map_err(|e| api_error("reading", "Job", namespace.clone(), name.clone(), e))?;
                let uid = there.as_ref().and_then(|j| j.metadata.annotations.as_ref()?.get(labels::RUN_UID));
                if there.is_none() || uid.is_some_and(|u| u == run_uid) {
                    Ok(())
                } else {
                    Err(WriteError::Taken { namespace, name })
                }
            }
            Err(e) => Err(api_error("creating", "Job", namespace, name, e)),
        }
    }

    /// Every hold as it stands now, read from the quorum. One that cannot be read holds everything.
    pub async fn live_holds(&self) -> Result<Vec<Hold>, WriteError> {
        let api: Api<kube::core::DeserializeGuard<LegalHold>> = Api::all(self.client.clone());
        let list = api
            .list(&kube::api::ListParams::default())
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
        let jobs: Api<Job> = Api::namespaced(self.client.clone(), &namespace);
        let background = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        failpoint("job-delete-before");
        match jobs.delete(job, &background).await {
            Ok(_) => failpoint("job-delete-after"),
            Err(e) if code(&e) == Some(404) => {}
            Err(e) => return Err(api_error("deleting", "Job", namespace, job.into(), e)),
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

fn names(meta: &kube::core::ObjectMeta) -> (String, String) {
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
