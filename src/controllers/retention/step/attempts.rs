//! What is seen of a Job and its Pods.

use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};

use super::starting;
use crate::{
    api::{
        labels,
        v1alpha1::{RunAttempt, RunJob},
    },
    handover::{self, Report},
};

/// Name of the container whose termination message is the report.
pub const CONTAINER: &str = "eraser";

/// One Pod of a Job that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Uid of the Pod.
    pub pod: String,
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
    /// Another Job has the name.
    Taken,
    /// It works, or will try again.
    Working {
        /// The Job.
        job: RunJob,
        /// Pods that ended so far, in order.
        attempts: Vec<Attempt>,
        /// Why none of its Pods runs yet, for people; and when to look again.
        starting: starting::Starting,
    },
    /// It will not try again.
    Ended {
        /// The Job.
        job: RunJob,
        /// Whether it completed.
        complete: bool,
        /// Pods that ended, in order.
        attempts: Vec<Attempt>,
        /// Pods that the Job counts as ended.
        counted: i64,
        /// What the Job says about its end.
        message: Option<String>,
    },
}

impl JobSeen {
    /// What is seen of a Job. It counts only when it bears the run's uid and the label that an admission policy reserves
    /// for the operator's Jobs; of its Pods count those that it controls and that bear the label, too.
    pub fn of(run_uid: &str, job: Option<&Job>, pods: &[&Pod], now: Timestamp) -> Self {
        let Some(job) = job else { return Self::Absent };
        let uid = job.metadata.uid.clone().unwrap_or_default();
        if !is_ours(run_uid, job) {
            return Self::Taken;
        }
        let pods: Vec<_> = pods.iter().copied().filter(|p| is_of(&uid, p)).collect();
        let mut attempts: Vec<_> = pods.iter().filter_map(|p| attempt(run_uid, p)).collect();
        attempts.sort_by(|a, b| (a.ended, &a.pod).cmp(&(b.ended, &b.pod)));
        let status = job.status.clone().unwrap_or_default();
        let ended = status
            .conditions
            .iter()
            .flatten()
            .find(|c| c.status == "True" && (c.type_ == "Complete" || c.type_ == "Failed"));
        let pinned = RunJob { name: job.metadata.name.clone().unwrap_or_default(), uid };
        let Some(ended) = ended else {
            return Self::Working { job: pinned, attempts, starting: starting::of(job, &pods, now) };
        };
        Self::Ended {
            job: pinned,
            complete: ended.type_ == "Complete",
            attempts,
            counted: i64::from(status.failed.unwrap_or(0)) + i64::from(status.succeeded.unwrap_or(0)),
            message: ended.message.clone().filter(|m| !m.is_empty()),
        }
    }

    /// The Job, where it is the run's.
    pub fn job(&self) -> Option<&RunJob> {
        match self {
            Self::Absent | Self::Taken => None,
            Self::Working { job, .. } | Self::Ended { job, .. } => Some(job),
        }
    }
}

/// Whether a Job is the run's: an admission policy keeps the label from everybody else's.
pub fn is_ours(run_uid: &str, job: &Job) -> bool {
    let annotated = job.metadata.annotations.as_ref().and_then(|a| a.get(labels::RUN_UID));
    let labelled = job.metadata.labels.as_ref().is_some_and(|l| l.contains_key(labels::RUN));
    labelled && annotated.map(String::as_str) == Some(run_uid)
}

/// Whether a Pod is a Job's own runner.
fn is_of(job_uid: &str, pod: &Pod) -> bool {
    let labelled = pod.metadata.labels.as_ref().is_some_and(|l| l.contains_key(labels::RUN));
    let mut owners = pod.metadata.owner_references.iter().flatten();
    labelled && owners.any(|o| o.controller == Some(true) && o.kind == "Job" && o.uid == job_uid)
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
    Some(Attempt { pod: pod.metadata.uid.clone().unwrap_or_default(), ended, report })
}

/// What is written down of erase attempts: those that were, and those that are seen now.
pub fn written_down(before: &[RunAttempt], seen: &[Attempt], plan_hash: &str) -> Vec<RunAttempt> {
    let mut all = before.to_vec();
    for attempt in seen.iter().filter(|a| !before.iter().any(|b| b.pod == a.pod)) {
        all.push(match &attempt.report {
            Some(Report::Erase(r)) if r.plan_hash == plan_hash => RunAttempt {
                pod: attempt.pod.clone(),
                reported: true,
                deleted_at_least: r.deleted_at_least.max(0),
                deleted_at_most: r.deleted_at_most.max(r.deleted_at_least).max(0),
            },
            // It says that it deleted nothing.
            Some(Report::Refused(_)) => {
                RunAttempt { pod: attempt.pod.clone(), reported: true, ..RunAttempt::default() }
            }
            Some(Report::Erase(_) | Report::Plan(_)) | None => {
                RunAttempt { pod: attempt.pod.clone(), reported: false, ..RunAttempt::default() }
            }
        });
    }
    all
}
