//! Whether one safeguard carries one crossing.

mod agreement;
mod assessed;
mod claim;
mod clauses;
mod control;
mod derogation;
pub(super) mod framework;
mod group_rules;
pub(super) mod listed;

use jiff::Timestamp;

use crate::core::{
    ids::{Country, PartyName, RegimeId},
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
    /// Of a copy that is encrypted: who has the keys. Whatever else crosses is read in the clear.
    pub(super) keys_held_by: Option<&'a PartyName>,
    /// It is carried once: by a Job that nothing repeats.
    pub(super) one_off: bool,
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

/// Where the importer is established; none = there is no such Party.
pub(super) fn established(crossing: &Crossing<'_>) -> Option<Country> {
    crossing.snapshot.parties.get(crossing.importer).map(|p| p.country)
}

/// Whether exporter and importer can be bound to each other by what they agree on; notes why not.
fn bound(trial: &mut Trial, crossing: &Crossing<'_>) -> bool {
    let Crossing { exporter, importer, .. } = *crossing;
    if !trial.require(exporter != importer, || format!("cannot bind {exporter} to itself")) {
        return false;
    }
    let known = crossing.snapshot.parties.contains_key(exporter);
    trial.require(known, || format!("names the exporter {exporter}, of whom there is no Party"));
    true
}

/// What trying a safeguard found.
pub(super) struct Tried {
    /// Why it does not carry; empty = it does.
    pub(super) why: Vec<String>,
    /// What a person should look after, whether it carries or not.
    pub(super) warnings: Vec<String>,
}

/// Tries a safeguard for somebody who wants to know all about it.
pub(super) fn tried(safeguard: &Safeguard, crossing: &Crossing<'_>) -> Tried {
    let Trial { explain: _, failed: _, why, warnings } = attempt(safeguard, crossing, true);
    Tried { why, warnings }
}

/// The warnings with which the safeguard carries the crossing; none where it does not carry it.
pub(super) fn carries(safeguard: &Safeguard, crossing: &Crossing<'_>) -> Option<Vec<String>> {
    let trial = attempt(safeguard, crossing, false);
    (!trial.failed).then_some(trial.warnings)
}

/// Why the safeguard does not carry the crossing.
pub(super) fn why_not(safeguard: &Safeguard, crossing: &Crossing<'_>) -> String {
    tried(safeguard, crossing).why.join(", ")
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
        Instrument::Agreement(agreement) => {
            agreement::attempt(&mut trial, agreement, &safeguard.assessments, crossing);
        }
        Instrument::GroupRules(rules) => {
            group_rules::attempt(&mut trial, rules, &safeguard.assessments, crossing);
        }
        Instrument::DataPrivacyFramework(entry) => framework::attempt(&mut trial, entry, crossing),
        Instrument::Adequacy(claim) => claim::attempt(&mut trial, claim, crossing),
        Instrument::Derogation(derogation) => derogation::attempt(&mut trial, derogation, crossing),
    }
    control::review(&mut trial, safeguard, crossing);
    trial
}
