//! What is said of transfers. The leader alone judges what runs, so that all of it is absent elsewhere.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

use super::{
    book::{Book, Label, Values},
    known::{Countdown, Known, Rows},
};
use crate::core::transfer::Outcome;

/// How a flow can stand.
pub const FLOW_STATES: [&str; 7] = Outcome::STATES;

/// State of a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct FlowState {
    /// One of [`FLOW_STATES`].
    pub state: &'static str,
}

/// What is told of Pods beside the verdicts on their flows.
pub const FINDINGS: [&str; 8] = [
    "claim-not-reaching",
    "config-map-unread",
    "endpoint-of-store",
    "erasure-secret",
    "exempt-namespace",
    "misdeclared",
    "no-such-store",
    "undeclared-host",
];

/// What is told of Pods beside the verdicts on their flows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct FindingLabel {
    /// One of [`FINDINGS`].
    pub finding: &'static str,
}

/// What can come of an eviction.
pub const EVICTIONS: [&str; 6] = ["evicted", "gone", "lawful", "put-off", "blocked", "failed"];

/// What came of an eviction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EvictionLabel {
    /// One of [`EVICTIONS`].
    pub result: &'static str,
}

/// What is said of transfers.
#[derive(Clone, Debug, Default)]
pub struct TransferMetrics {
    /// Flows of running workloads by state.
    pub flows: Rows<FlowState>,
    /// Flows that one safeguard alone carries.
    pub single_legged: Known,
    /// Running Pods with a flow that nothing covers.
    pub violating_pods: Known,
    /// Running Pods by what is told of them beside the verdicts on their flows.
    pub findings: Rows<FindingLabel>,
    /// Nodes that say two things of their region.
    pub contradicted_nodes: Known,
    /// When an answer changes next by time alone; infinity = never.
    pub next_lapse: Known,
    /// When everything that runs was judged last.
    pub judged: Known,
    /// Reports that could not be written, with `--open-reports`.
    pub reports_unwritten: Known,
    /// Pods that were to be evicted, by what came of it.
    pub evictions: Family<EvictionLabel, Counter>,
    /// Pods that are to be evicted.
    pub evictions_waiting: Known,
    /// Of these, Pods that wait for a person.
    pub evictions_held: Known,
    /// Events that were dropped because there were too many.
    pub events_dropped: Counter,
}

impl TransferMetrics {
    /// Registers them.
    pub(super) fn register(book: &mut Book) -> Self {
        let all = Self::default();
        book.add(
            "transfers_flows",
            &[Label { name: "state", values: Values::Words(&FLOW_STATES) }],
            "Flows of personal data to running workloads; uncovered ones break a declared rule",
            all.flows.clone(),
        );
        book.add(
            "transfers_single_legged",
            &[],
            "Flows of running workloads and copies that one safeguard alone carries: with it the last leg is gone",
            all.single_legged.clone(),
        );
        book.add(
            "transfers_violating_pods",
            &[],
            "Running Pods with a flow that nothing covers; alert on any",
            all.violating_pods.clone(),
        );
        book.add(
            "transfers_findings",
            &[Label { name: "finding", values: Values::Words(&FINDINGS) }],
            "Running Pods of which something is told beside the verdicts on their flows; conditions of DataStores name them",
            all.findings.clone(),
        );
        book.add(
            "transfers_contradicted_nodes",
            &[],
            "Nodes that say two things of their region, so that none is believed: what runs there is judged as if it ran anywhere",
            all.contradicted_nodes.clone(),
        );
        book.add(
            "transfers_judged_timestamp_seconds",
            &[],
            "When everything that runs was last judged; absent where this replica does not lead",
            all.judged.clone(),
        );
        book.add(
            "transfers_reports_unwritten",
            &[],
            "OpenReports objects that could not be written, all of them where their definitions are not installed; absent without --open-reports",
            all.reports_unwritten.clone(),
        );
        book.add(
            "next_lapse_timestamp_seconds",
            &[],
            "When an answer about what runs changes next by time alone; +Inf = never, absent = not known here",
            all.next_lapse.clone(),
        );
        book.add(
            "next_lapse_seconds",
            &[],
            "Seconds until then, at the time of the scrape; +Inf = never, absent = not known here",
            Countdown(all.next_lapse.clone()),
        );
        book.add(
            "transfers_evictions",
            &[Label { name: "result", values: Values::Words(&EVICTIONS) }],
            "Tries to evict a Pod whose data nothing covers, by what came of it; blocked is a PodDisruptionBudget",
            all.evictions.clone(),
        );
        book.add(
            "transfers_evictions_waiting",
            &[],
            "Running Pods that are to be evicted; absent without --on-lapse=Evict",
            all.evictions_waiting.clone(),
        );
        book.add(
            "transfers_evictions_held",
            &[],
            "Of these, Pods of a change beyond --evict-at-most, which wait for a person; alert on any",
            all.evictions_held.clone(),
        );
        book.add(
            "events_dropped",
            &[],
            "Events about lapses that were dropped since there were too many; conditions and metrics stay exact",
            all.events_dropped.clone(),
        );
        all
    }
}
