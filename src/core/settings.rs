//! What the cluster's operator decided: one value for each flag that a decision reads.

use std::collections::BTreeSet;

use super::store::Place;

/// How strictly transfers are judged; ordered, the strictest counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Report only.
    Audit,
    /// Admit with a warning.
    #[default]
    Warn,
    /// Refuse.
    Enforce,
}

/// What is done with a Pod that may run both where it is lawful and where it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mixed {
    /// It is refused, with the affinity to paste.
    #[default]
    Refuse,
    /// It waits for its binding; so does one for which there is no node yet.
    Bind,
    /// A Pod that somebody's controller made is given the affinity; any other is refused.
    Steer,
}

/// Settings that decisions read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one value for each flag of the command line")]
pub struct Settings {
    /// `--transfers`.
    pub mode: Mode,
    /// `--claims-from`: namespaces whose stores' `access` reaches other namespaces.
    pub claims_from: ClaimsFrom,
    /// `--exempt-namespaces` and our own.
    pub exempt: BTreeSet<String>,
    /// Our own namespace.
    pub own_namespace: String,
    /// `--same-entity Report`: the same entity abroad is noted, not judged.
    pub same_entity_reported: bool,
    /// `--derogations Jobs`: derogations carry one-off Jobs; else nothing.
    pub derogations_for_jobs: bool,
    /// `--assessment-grace` in days.
    pub assessment_grace_days: i32,
    /// `--max-exception` in days.
    pub max_exception_days: i32,
    /// `--default-location`: place of nodes without a label.
    pub default_location: Option<Place>,
    /// `--region-label`: the label that says in which region a node is.
    pub region_label: String,
    /// `--mixed-placement`.
    pub mixed: Mixed,
    /// `--read-configmaps`.
    pub read_config_maps: bool,
    /// `--dry-run-verdicts Deny`.
    pub dry_run_denies: bool,
    /// `--backstop-unpinned Admit`: the backstop admits a Pod that names no region where every node is lawful.
    pub backstop_admits_unpinned: bool,
}

/// Whose claims reach other namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimsFrom {
    /// Everybody's (`*`).
    All,
    /// Those of these namespaces.
    Namespaces(BTreeSet<String>),
}

impl Settings {
    /// Whether uses in this namespace are findings, and nothing is refused there.
    pub fn is_exempt(&self, namespace: &str) -> bool {
        self.exempt.contains(namespace) || namespace == self.own_namespace
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            claims_from: ClaimsFrom::Namespaces(BTreeSet::new()),
            exempt: ["kube-system", "kube-node-lease", "kube-public", "carnet-system"]
                .map(String::from)
                .into(),
            own_namespace: "carnet-system".into(),
            same_entity_reported: false,
            derogations_for_jobs: false,
            assessment_grace_days: 90,
            max_exception_days: 7,
            default_location: None,
            region_label: "topology.kubernetes.io/region".into(),
            mixed: Mixed::default(),
            read_config_maps: false,
            dry_run_denies: false,
            backstop_admits_unpinned: false,
        }
    }
}
