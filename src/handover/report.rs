//! The reports.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// The two steps of a run.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Step {
    /// Counts and pins, in a read-only transaction.
    Plan,
    /// Carries out that very plan.
    Erase,
}

/// What a runner has to say when it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "lowercase")]
pub enum Report {
    /// The plan was made.
    Plan(PlanReport),
    /// The erase step began to delete, and ended.
    Erase(EraseReport),
    /// Nothing was deleted by this attempt, and nothing was planned.
    Refused(Refusal),
}

impl Report {
    /// Uid of the run that the report speaks of.
    pub fn run_uid(&self) -> &str {
        match self {
            Self::Plan(r) => &r.run_uid,
            Self::Erase(r) => &r.run_uid,
            Self::Refused(r) => &r.run_uid,
        }
    }

    /// The step that made it.
    pub fn step(&self) -> Step {
        match self {
            Self::Plan(_) => Step::Plan,
            Self::Erase(_) => Step::Erase,
            Self::Refused(r) => r.step,
        }
    }
}

/// What the plan step counted and pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// Uid of the run.
    pub run_uid: String,
    /// Hash of order and facts, see [`super::plan_hash`].
    pub plan_hash: String,
    /// Identity of the server, as the server says it.
    pub server: String,
    /// When it was counted, by the server's clock (RFC 3339).
    pub counted_at: String,
    /// Facts of each target, in the order of the run's targets.
    pub datasets: Vec<DatasetFacts>,
}

/// Facts of one target. Written as a list, for room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct DatasetFacts {
    /// Object id of the table.
    pub object_id: i64,
    /// Hash of the predicate and of the columns that it reads.
    pub predicate_hash: String,
    /// All items.
    pub total: i64,
    /// Due at the cut-offs.
    pub due: i64,
    /// Without an anchor, or with an implausible one.
    pub undated: i64,
    /// The hold that covers it.
    pub held_by: Option<String>,
    /// The oldest anchor that is not due (RFC 3339).
    pub oldest_remaining: Option<String>,
}

/// Object id, predicate, total, due, undated, oldest remaining, hold.
type Row = (i64, String, i64, i64, i64, Option<String>, Option<String>);

impl From<Row> for DatasetFacts {
    fn from((object_id, predicate_hash, total, due, undated, oldest_remaining, held_by): Row) -> Self {
        Self { object_id, predicate_hash, total, due, undated, held_by, oldest_remaining }
    }
}

impl From<DatasetFacts> for Row {
    fn from(f: DatasetFacts) -> Self {
        (f.object_id, f.predicate_hash, f.total, f.due, f.undated, f.oldest_remaining, f.held_by)
    }
}

/// How the erase step ended once it had begun to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
pub enum EraseEnd {
    /// Everything due was gone through.
    Done,
    /// A hold stopped it.
    Held,
    /// It was asked to end, and did so after a whole batch. Another attempt goes on.
    Interrupted,
    /// It broke off, for instance because holds could not be read; the message says why.
    Broken,
}

/// What the erase step did. Counts are of this attempt alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EraseReport {
    /// Uid of the run.
    pub run_uid: String,
    /// The plan that was carried out.
    pub plan_hash: String,
    /// How it ended.
    pub end: EraseEnd,
    /// One sentence for people.
    pub message: String,
    /// Items that were surely deleted.
    pub deleted_at_least: i64,
    /// Items that can have been deleted: more than the least after a commit whose reply was lost.
    pub deleted_at_most: i64,
    /// Planned items that were no longer due when this attempt began: what an earlier attempt without a report can have
    /// deleted at the most.
    pub gone_before: i64,
    /// Items due but kept by a hold that the plan knew.
    pub held: i64,
    /// Items due at the cut-offs, held ones apart, that an independent count found; none = it did not count.
    pub remaining: Option<i64>,
    /// Whether the independent count found none.
    pub verified: bool,
    /// Everything due up to this instant is gone (RFC 3339); only when verified.
    pub watermark: Option<String>,
}

/// Why a runner did not begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Uid of the run.
    pub run_uid: String,
    /// The step.
    pub step: Step,
    /// The plan that was to be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// Why, for programs.
    pub reason: Reason,
    /// Why and what to do, for people.
    pub message: String,
}

/// Why a runner did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
pub enum Reason {
    /// The run is not the one that the Job was made for.
    RunChanged,
    /// Policy or store is not what the run was decided on.
    StateChanged,
    /// The plan is not the one that was approved.
    PlanChanged,
    /// More is due than was planned.
    PlanExceeded,
    /// A hold covers a dataset of the plan.
    Held,
    /// The cluster could not be read.
    ClusterUnreadable,
    /// The store could not be reached.
    StoreUnreachable,
    /// The server is not the one of the plan.
    ServerChanged,
    /// Clocks of database, runner and cluster lie apart.
    ClocksDiffer,
    /// A table cannot be deleted from cleanly.
    TableUnfit,
    /// A right is missing.
    NotPermitted,
    /// Another runner works on the store.
    Busy,
    /// Asked to end before the first delete.
    Interrupted,
    /// The report does not fit its bound.
    TooLarge,
    /// Something else; the message says what.
    Failed,
}
