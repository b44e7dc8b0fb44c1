//! Whether one safeguard carries one crossing.

mod claim;
mod clauses;
pub(super) mod framework;

use jiff::Timestamp;

use crate::core::{
    ids::{PartyName, RegimeId},
    safeguard::{Instrument, Safeguard},
    snapshot::Snapshot,
    store::{Dataset, Place},
    validity::Validity,
};

/// One dataset's way across one border to a known importer.
pub(super) struct Crossing<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Timestamp,
    pub(super) exporter: &'a PartyName,
    pub(super) importer: &'a PartyName,
    pub(super) namespace: &'a str,
    pub(super) dataset: &'a Dataset,
    pub(super) regime: &'a RegimeId,
    pub(super) place: &'a Place,
}

/// What has been found while one safeguard was tried. Words are made only where somebody will read them: most trials
/// of a busy cluster end without a reader.
pub(super) struct Trial {
    explain: bool,
    failed: bool,
    why: Vec<String>,
    warnings: Vec<String>,
}

impl Trial {
    /// Notes `why` unless `holds`; gives back whether it holds.
    fn require(&mut self, holds: bool, why: impl FnOnce() -> String) -> bool {
        if !holds {
            self.failed = true;
            if self.explain {
                self.why.push(why());
            }
        }
        holds
    }

    /// Requires that `now` lies within, saying what begins or ended.
    fn within(&mut self, validity: &Validity, now: Timestamp, subject: &str) -> bool {
        self.require(validity.contains(now), || format!("{subject}{}", outside(validity, now)))
    }
}

/// Why `now` lies outside: `begins ...` or `ended ...`.
pub(super) fn outside(validity: &Validity, now: Timestamp) -> String {
    match (validity.from, validity.until) {
        (Some(from), _) if now < from => format!("begins {from}"),
        (_, Some(until)) => format!("ended {until}"),
        _ => "is not in force".into(),
    }
}

/// The warnings with which the safeguard carries the crossing; none where it does not carry it.
pub(super) fn carries(safeguard: &Safeguard, crossing: &Crossing<'_>) -> Option<Vec<String>> {
    let trial = attempt(safeguard, crossing, false);
    (!trial.failed).then_some(trial.warnings)
}

/// Why the safeguard does not carry the crossing.
pub(super) fn why_not(safeguard: &Safeguard, crossing: &Crossing<'_>) -> String {
    attempt(safeguard, crossing, true).why.join(", ")
}

fn attempt(safeguard: &Safeguard, crossing: &Crossing<'_>, explain: bool) -> Trial {
    let mut trial = Trial { explain, failed: false, why: vec![], warnings: vec![] };
    trial.within(&safeguard.validity, crossing.now, "");
    let here = safeguard.namespaces.as_ref().is_none_or(|all| all.contains(crossing.namespace));
    trial.require(here, || format!("is not for namespace {}", crossing.namespace));
    if let Some(patterns) = &safeguard.categories {
        for category in &crossing.dataset.categories {
            let covered = patterns.iter().any(|p| p.matches(category));
            trial.require(covered, || format!("does not cover {category}"));
        }
    }
    match &safeguard.instrument {
        Instrument::Clauses(clauses) => {
            clauses::attempt(&mut trial, clauses, &safeguard.assessments, crossing);
        }
        Instrument::DataPrivacyFramework(entry) => framework::attempt(&mut trial, entry, crossing),
        Instrument::Adequacy(claim) => claim::attempt(&mut trial, claim, crossing),
    }
    trial
}
