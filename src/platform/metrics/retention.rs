//! What is said of retention. The leader alone carries it out, so that all of it is absent elsewhere.
//!
//! Five series at most are there for each RetentionPolicy, by namespace and name: who may declare policies may make series,
//! and nobody else. Beyond [`REPORTED`] policies the rest is only counted, in `carnet_retention_policies_unreported`.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

use super::{
    book::{Book, Label, Values},
    known::{Known, Rows, seconds},
};

/// Policies that have series of their own, the first by namespace and name.
pub const REPORTED: usize = 1000;

/// Phases of a run.
pub const RUN_PHASES: [&str; 10] = [
    "Planning",
    "AwaitingApproval",
    "Approved",
    "Erasing",
    "Succeeded",
    "Previewed",
    "NothingDue",
    "Stopped",
    "Failed",
    "Cancelled",
];

/// Those of them that end it.
pub const RUN_RESULTS: [&str; 6] = ["Succeeded", "Previewed", "NothingDue", "Stopped", "Failed", "Cancelled"];

/// Phase of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct RunPhaseLabel {
    /// One of [`RUN_PHASES`].
    pub phase: &'static str,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct RunResultLabel {
    /// One of [`RUN_RESULTS`].
    pub result: &'static str,
}

/// A RetentionPolicy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct PolicyLabel {
    /// Its namespace. A label `namespace` would be taken for that of the scraped Pod, and renamed.
    pub policy_namespace: String,
    /// Its name.
    pub policy: String,
}

/// A RetentionPolicy and what it does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct PolicyActionLabel {
    /// Its namespace.
    pub policy_namespace: String,
    /// Its name.
    pub policy: String,
    /// One of [`POLICY_ACTIONS`]: what is due under a Preview is not meant to go.
    pub action: &'static str,
}

/// What a policy can do.
pub const POLICY_ACTIONS: [&str; 2] = ["Apply", "Preview"];

/// What is known of a policy and all its stores.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRow {
    /// The policy.
    pub of: PolicyLabel,
    /// Everything due up to this instant is verified to be gone from every store; none = not of every store yet.
    pub watermark: Option<jiff::Timestamp>,
    /// Whether it deletes, or only counts.
    pub applies: bool,
    /// Items that were due and not held when they were counted last, and were not deleted since.
    pub due: i64,
    /// When the next run is to be planned; none = not before something changes.
    pub next_run: Option<jiff::Timestamp>,
    /// Since when a run waits for a person: the oldest; none = none does.
    pub waits_since: Option<jiff::Timestamp>,
    /// Since when a run is at work: the oldest; none = none is.
    pub works_since: Option<jiff::Timestamp>,
}

/// What is said of retention.
#[derive(Clone, Debug, Default)]
pub struct RetentionMetrics {
    /// Deletion runs that are there, by phase.
    pub runs: Rows<RunPhaseLabel>,
    /// Deletion runs that ended since this replica leads, by result.
    pub ended: Family<RunResultLabel, Counter>,
    watermark: Rows<PolicyLabel>,
    due: Rows<PolicyActionLabel>,
    next_run: Rows<PolicyLabel>,
    waits_since: Rows<PolicyLabel>,
    works_since: Rows<PolicyLabel>,
    unreported: Known,
}

const NAMESPACE: Label =
    Label { name: "policy_namespace", values: Values::Declared("namespaces with a RetentionPolicy") };
const NAME: Label = Label { name: "policy", values: Values::Declared("RetentionPolicies, the first 1000") };
const POLICY: &[Label] = &[NAMESPACE, NAME];
const POLICY_ACTION: &[Label] =
    &[NAMESPACE, NAME, Label { name: "action", values: Values::Words(&POLICY_ACTIONS) }];

impl RetentionMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self::default();
        book.add(
            "deletion_runs",
            &[Label { name: "phase", values: Values::Words(&RUN_PHASES) }],
            "DeletionRuns that are there; those that deleted nothing are pruned after a while",
            all.runs.clone(),
        );
        book.add(
            "deletion_runs_ended",
            &[Label { name: "result", values: Values::Words(&RUN_RESULTS) }],
            "DeletionRuns that ended since this replica leads",
            all.ended.clone(),
        );
        book.add(
            "retention_watermark_timestamp_seconds",
            POLICY,
            "Everything due up to this instant is verified to be gone from every store of the policy; absent while a \
             store has no verified run",
            all.watermark.clone(),
        );
        book.add(
            "retention_due_items",
            POLICY_ACTION,
            "The backlog: items that were due and not held when they were last counted, and were not deleted since",
            all.due.clone(),
        );
        book.add(
            "retention_next_run_timestamp_seconds",
            POLICY,
            "When the next run of the policy is to be planned; absent while one is under way, or nothing is to be planned",
            all.next_run.clone(),
        );
        book.add(
            "retention_waiting_timestamp_seconds",
            POLICY,
            "Since when a plan of the policy waits for a person's approval; absent while none does",
            all.waits_since.clone(),
        );
        book.add(
            "retention_working_timestamp_seconds",
            POLICY,
            "Since when a run of the policy is under way and waits for no person; absent while none is",
            all.works_since.clone(),
        );
        book.add(
            "retention_policies_unreported",
            &[],
            "RetentionPolicies beyond the first 1000, which have no series of their own",
            all.unreported.clone(),
        );
        all
    }

    /// This is what is known of every policy from now on.
    pub fn policies(&self, mut rows: Vec<PolicyRow>) {
        rows.sort_by(|a, b| a.of.cmp(&b.of));
        self.unreported.count(rows.len().saturating_sub(REPORTED));
        rows.truncate(REPORTED);
        let instants = |of: fn(&PolicyRow) -> Option<jiff::Timestamp>| {
            let of = rows.iter().filter_map(move |row| Some((row.of.clone(), seconds(Some(of(row)?)))));
            of.collect::<Vec<_>>()
        };
        self.watermark.replace(instants(|row| row.watermark));
        self.next_run.replace(instants(|row| row.next_run));
        self.waits_since.replace(instants(|row| row.waits_since));
        self.works_since.replace(instants(|row| row.works_since));
        let due = |row: &PolicyRow| {
            let PolicyLabel { policy_namespace, policy } = row.of.clone();
            let action = POLICY_ACTIONS[usize::from(!row.applies)];
            (
                PolicyActionLabel { policy_namespace, policy, action },
                usize::try_from(row.due).unwrap_or_default(),
            )
        };
        self.due.counts(rows.iter().map(due));
    }

    /// The leader starts: each result counts from nought, so that the first one is seen as an increase.
    pub fn begin(&self) {
        for result in RUN_RESULTS {
            drop(self.ended.get_or_create(&RunResultLabel { result }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize) -> PolicyRow {
        PolicyRow {
            of: PolicyLabel { policy_namespace: "shop".into(), policy: format!("p{n:05}") },
            watermark: Some(jiff::Timestamp::from_second(7).unwrap()),
            applies: true,
            due: 3,
            next_run: None,
            waits_since: None,
            works_since: None,
        }
    }

    #[test]
    fn policies_without_number_do_not_make_series_without_number() {
        let mut book = Book::new();
        let all = RetentionMetrics::register(&mut book);
        all.policies((0..REPORTED + 5).rev().map(row).collect());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &book.registry).unwrap();
        let lines = |start: &str| text.lines().filter(|l| l.starts_with(start)).count();
        assert_eq!(lines("carnet_retention_due_items{"), REPORTED);
        assert_eq!(lines("carnet_retention_watermark_timestamp_seconds{"), REPORTED);
        assert_eq!(lines("carnet_retention_next_run_timestamp_seconds"), 0, "what is not known is absent");
        assert!(text.contains("policy=\"p00999\"") && !text.contains("policy=\"p01000\""));
        assert!(text.contains("carnet_retention_policies_unreported 5"), "{text}");
    }

    #[test]
    fn a_policy_that_is_gone_leaves_no_series_behind() {
        let mut book = Book::new();
        let all = RetentionMetrics::register(&mut book);
        all.policies(vec![row(1), row(2)]);
        all.policies(vec![row(2)]);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &book.registry).unwrap();
        assert!(!text.contains("p00001") && text.contains("p00002"), "{text}");
    }
}
