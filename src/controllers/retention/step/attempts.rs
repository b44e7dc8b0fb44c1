//! What is seen of a Job and its Pods.

use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};

use crate::{
    api::labels,
    handover::{self, Report},
};

/// Name of the container whose termination message is the report.
pub const CONTAINER: &str = "eraser";

/// One Pod of a Job that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Its report; none = lost.
    pub report: Option<Report>,
}

/// A Job as a step sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum JobSeen {
    /// There is none.
    Absent,
    /// Another run's Job has the name: this run is a copy of one that was deleted.
    Taken,
    /// It works, or will try again.
    Working,
    /// It will not try again.
    Ended {
        /// Whether it completed.
        complete: bool,
        /// Pods that ended, in order.
        attempts: Vec<Attempt>,
        /// Pods that ended and are gone.
        gone: i64,
        /// What the Job says about its end.
        message: Option<String>,
    },
}

impl JobSeen {
    /// What is seen of a Job. Only Pods that the Job itself controls count, and only when it is the run's.
    pub fn of(run_uid: &str, job: Option<&Job>, pods: &[&Pod]) -> Self {
        let Some(job) = job else { return Self::Absent };
        let annotated = job.metadata.annotations.as_ref().and_then(|a| a.get(labels::RUN_UID));
        if annotated.map(String::as_str) != Some(run_uid) {
            // Neither ours to read, nor a reason to wait for ever.
            return Self::Taken;
        }
        let status = job.status.clone().unwrap_or_default();
        let ended = status
            .conditions
            .iter()
            .flatten()
            .find(|c| c.status == "True" && (c.type_ == "Complete" || c.type_ == "Failed"));
        let Some(ended) = ended else { return Self::Working };
        let uid = job.metadata.uid.as_deref();
        let mut attempts: Vec<_> = pods
            .iter()
            .filter(|p| {
                p.metadata
                    .owner_references
                    .iter()
                    .flatten()
                    .any(|o| o.controller == Some(true) && o.kind == "Job" && Some(o.uid.as_str()) == uid)
            })
            .filter_map(|p| attempt(run_uid, p))
            .collect();
        attempts.sort_by_key(|a| a.ended);
        let counted = i64::from(status.failed.unwrap_or(0)) + i64::from(status.succeeded.unwrap_or(0));
        let seen = i64::try_from(attempts.len()).unwrap_or(i64::MAX);
        Self::Ended {
            complete: ended.type_ == "Complete",
            attempts,
            gone: (counted - seen).max(0),
            message: ended.message.clone().filter(|m| !m.is_empty()),
        }
    }
}

fn attempt(run_uid: &str, pod: &Pod) -> Option<Attempt> {
    let status = pod.status.as_ref()?;
    if !matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return None;
    }
    let terminated = status
        .container_statuses
        .iter()
        .flatten()
        .find(|c| c.name == CONTAINER)
        .and_then(|c| c.state.as_ref())
        .and_then(|s| s.terminated.as_ref());
    let report = terminated
        .and_then(|t| t.message.as_deref())
        .and_then(|m| handover::decode(m).ok())
        .filter(|r| r.run_uid() == run_uid);
    let ended = terminated.and_then(|t| t.finished_at.as_ref()).map(|t| t.0);
    Some(Attempt { ended, report })
}
