//! What a safeguard carries whatever the workload: by the very trials that judge a workload.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    carry::{self, Crossing, tried},
    clock::Clock,
};
use crate::core::{
    ids::{Country, PartyName, RegimeId},
    safeguard::{Instrument, Safeguard},
    snapshot::Snapshot,
    store::{Dataset, Employment, Place, Role},
};

/// What a safeguard carries now, were a flow within its scope to ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Force {
    /// What it carries: `EEA data to US`.
    pub carries: Vec<String>,
    /// What it was made for and does not carry, with the reason: `UK data to US: has no UK Addendum`.
    pub fails: Vec<String>,
    /// What a person should look after.
    pub overdue: Vec<String>,
    /// The next instant at which time alone changes one of these.
    pub next_change: Option<Timestamp>,
}

/// In what a safeguard and the public list of the Data Privacy Framework part; none where it is no certification, or there
/// is no list.
pub fn disagreements(snapshot: &Snapshot, safeguard: &Safeguard) -> Option<Vec<String>> {
    let Instrument::DataPrivacyFramework(entry) = &safeguard.instrument else { return None };
    let list = snapshot.framework_list.as_ref()?;
    Some(carry::listed::disagreements(snapshot, list, entry))
}

/// Tries everything that `safeguard` was made for. Categories are the workload's matter and are left out.
pub fn force(snapshot: &Snapshot, safeguard: &Safeguard, now: Timestamp) -> Force {
    let mut clock = Clock::new(now);
    clock.note_safeguard(safeguard, &snapshot.law, snapshot.settings.assessment_grace_days);
    let mut found = Force { next_change: clock.next(), ..Force::default() };
    let (targets, missing) = targets(snapshot, safeguard);
    found.fails.extend(missing);
    let importers: Vec<&PartyName> =
        safeguard.importers().into_iter().filter(|p| snapshot.parties.contains_key(*p)).collect();
    if importers.is_empty() {
        found.fails.push("no Party that it names as importer exists".into());
        return found;
    }
    let mut overdue = BTreeSet::new();
    for (regime, country) in targets {
        let what = format!("{regime} data to {country}");
        match attempt(snapshot, safeguard, &importers, &regime, country, now, &mut overdue) {
            None => found.carries.push(what),
            Some(why) => found.fails.push(format!("{what}: {why}")),
        }
    }
    found.overdue = overdue.into_iter().collect();
    found
}

/// Regimes and countries that the instrument speaks of, and what it speaks of in vain.
fn targets(snapshot: &Snapshot, safeguard: &Safeguard) -> (BTreeSet<(RegimeId, Country)>, Vec<String>) {
    let law = &snapshot.law;
    let mut missing = vec![];
    let mut targets = BTreeSet::new();
    match &safeguard.instrument {
        Instrument::Clauses(_) | Instrument::Agreement(_) | Instrument::GroupRules(_) => {
            for assessment in &safeguard.assessments {
                targets.extend(assessment.regimes.iter().map(|r| (r.clone(), assessment.country)));
            }
            if targets.is_empty() {
                missing.push("no country has been assessed".into());
            }
        }
        Instrument::DataPrivacyFramework(entry) => {
            for framework in &entry.frameworks {
                match law.frameworks.get(&framework.name) {
                    Some(known) => drop(targets.insert((known.regime.clone(), known.country))),
                    None => missing.push(format!(
                        "{}, which law pack {} does not know",
                        framework.name.as_str(),
                        law.version
                    )),
                }
            }
        }
        // It asks for no country; where its importers are established stands for wherever the Job runs.
        Instrument::Derogation(derogation) => {
            let parties = safeguard.importers().into_iter().filter_map(|p| snapshot.parties.get(p));
            targets.extend(parties.map(|party| (derogation.regime.clone(), party.country)));
        }
        Instrument::Adequacy(claim) => match law.adequacy.get(claim.row.as_str()) {
            Some(row) => targets.extend(row.countries.iter().map(|c| (row.regime.clone(), *c))),
            None => missing.push(format!("row {}, which law pack {} has not", claim.row, law.version)),
        },
    }
    (targets, missing)
}

/// Why nothing of the kind is carried between any two of the parties; none = something is.
fn attempt(
    snapshot: &Snapshot,
    safeguard: &Safeguard,
    importers: &[&PartyName],
    regime: &RegimeId,
    country: Country,
    now: Timestamp,
    overdue: &mut BTreeSet<String>,
) -> Option<String> {
    let anybody: PartyName = "".into();
    let mut exporters = safeguard.exporters();
    if exporters.is_empty() {
        // Frameworks and claims do not ask who exports.
        exporters.insert(&anybody);
    }
    let namespace = safeguard.namespaces.as_ref().and_then(|n| n.first()).map_or("", String::as_str);
    let place = Place { provider: None, region: None, country: Some(country) };
    let mut first = None;
    let in_a_group = matches!(safeguard.instrument, Instrument::GroupRules(_));
    let pairs = exporters.iter().flat_map(|e| importers.iter().map(move |i| (*e, *i)));
    // Each member of a group is on both sides, and nobody agrees with himself.
    for (exporter, importer) in pairs.filter(|(e, i)| !in_a_group || e != i) {
        // Data of our own, data held for somebody else, and data that goes back to whose it is.
        let roles = [Role::Controller, Role::Processor(anybody.clone()), Role::Processor(importer.clone())];
        for dataset in roles.map(|role| dataset(safeguard, role, exporter)) {
            let crossing = Crossing {
                snapshot,
                now,
                exporter,
                importer,
                namespace,
                dataset: &dataset,
                regime,
                place: &place,
                keys_held_by: Some(exporter),
                one_off: true,
            };
            let found = tried(safeguard, &crossing);
            overdue.extend(found.warnings);
            if found.why.is_empty() {
                return None;
            }
            first.get_or_insert_with(|| found.why.join(", "));
        }
    }
    Some(first.unwrap_or_else(|| "names nobody".into()))
}

/// Data of which nothing but the role could stand in the way: every measure is taken.
fn dataset(safeguard: &Safeguard, role: Role, exporter: &PartyName) -> Dataset {
    let hr_only = matches!(&safeguard.instrument, Instrument::DataPrivacyFramework(d) if !d.covers_non_hr);
    Dataset {
        name: Arc::from("any"),
        categories: vec![],
        role,
        employment: if hr_only { Employment::Hr } else { Employment::NonHr },
        collected_directly: false,
        attributed_by: Some(exporter.clone()),
        table: None,
        anchors: vec![],
    }
}
