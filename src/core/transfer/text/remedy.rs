//! What would make a blocked flow lawful, in words.

use std::collections::BTreeSet;

use super::{
    super::{Remedy, Request},
    and,
    group::Group,
};
use crate::core::{ids::RegimeId, law::ClausesNeed};

/// What every way needs.
pub(super) fn needed(request: &Request<'_>, group: &Group<'_>) -> Vec<String> {
    let namespace = request.workload.namespace;
    let line = |remedy: &&Remedy| match remedy {
        Remedy::DeclareStore => Some(format!("a DataStore {} that says what it holds", group.store)),
        Remedy::DeclareExporter => {
            Some(format!("a Party {} that says where it is established", group.exporter))
        }
        Remedy::NameImporter => Some(format!(
            "exactly one Party that names {namespace} in runs.namespaces, so that its safeguards count"
        )),
        Remedy::KnowPlace => Some("a node whose region the law pack knows, or --default-location".into()),
        Remedy::Clauses { .. } | Remedy::Certification(_) | Remedy::Claim(_) | Remedy::RunIn(_) => None,
    };
    group.remedies.keys().filter_map(line).collect()
}

/// One line for each way.
pub(super) fn ways(group: &Group<'_>) -> Vec<String> {
    let mut lines: Vec<String> = group.remedies.keys().filter_map(|r| plain(group, r)).collect();
    lines.extend(clauses(group, false));
    lines.extend(clauses(group, true));
    lines.extend(certification(group));
    lines
}

/// Ways that are one line each.
fn plain(group: &Group<'_>, remedy: &Remedy) -> Option<String> {
    match remedy {
        Remedy::Claim(row) => Some(format!(
            "for {}, a TransferSafeguard that claims {row} for {}, if it is among the recipients covered",
            regimes(group, remedy),
            importer(group)
        )),
        Remedy::RunIn(country) => {
            let serves = group.remedies.get(remedy).is_some_and(|r| r.len() == group.regimes.len());
            serves.then(|| format!("running it in {country}, where the data is"))
        }
        Remedy::DeclareStore
        | Remedy::DeclareExporter
        | Remedy::NameImporter
        | Remedy::KnowPlace
        | Remedy::Clauses { .. }
        | Remedy::Certification(_) => None,
    }
}

fn clauses(group: &Group<'_>, processor: bool) -> Option<String> {
    let mut served: BTreeSet<&RegimeId> = BTreeSet::new();
    let mut needs = BTreeSet::new();
    for (remedy, regimes) in &group.remedies {
        if let Remedy::Clauses { as_processor, needs: need } = remedy
            && *as_processor == processor
        {
            served.extend(regimes);
            needs.insert(*need);
        }
    }
    let country = group.place.country?;
    if served.is_empty() {
        return None;
    }
    let module = if processor {
        "ProcessorToProcessor or ProcessorToController"
    } else {
        "ControllerToController or ControllerToProcessor"
    };
    let mut parts =
        vec![format!("standardContractualClauses from {} to {} ({module})", group.exporter, importer(group))];
    for need in needs {
        match need {
            ClausesNeed::Nothing => {}
            ClausesNeed::UkAddendum => parts.push("ukAddendum".into()),
            ClausesNeed::SwissAmendments => parts.push("swissAmendments".into()),
        }
    }
    let served = and(served.into_iter().map(ToString::to_string));
    parts.push(format!("an effective assessment of {country} for {served}"));
    Some(format!("a TransferSafeguard with {}", and(parts)))
}

fn certification(group: &Group<'_>) -> Option<String> {
    let names: Vec<String> = group
        .remedies
        .keys()
        .filter_map(|r| match r {
            Remedy::Certification(name) => Some(name.as_str().to_owned()),
            _ => None,
        })
        .collect();
    let importer = importer(group);
    let frameworks = (!names.is_empty()).then(|| and(names))?;
    Some(format!(
        "a TransferSafeguard with {importer}'s active dataPrivacyFramework certification for {frameworks}"
    ))
}

fn regimes(group: &Group<'_>, remedy: &Remedy) -> String {
    and(group.remedies.get(remedy).into_iter().flatten().map(ToString::to_string))
}

fn importer(group: &Group<'_>) -> String {
    group.importer.map_or_else(|| "the importer".into(), ToString::to_string)
}
