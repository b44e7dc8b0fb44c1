//! What would make a blocked flow lawful, in words.

use super::{
    super::{Modules, Remedy, Request},
    and,
    group::{Flows, Group, regime_names},
};
use crate::core::law::ClausesNeed;

/// One way, in words.
pub(super) struct Way {
    pub(super) text: String,
    /// Whether it alone makes every flow of the group lawful.
    pub(super) serves_all: bool,
}

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
        Remedy::DeclareImporter(party) => {
            Some(format!("a Party {party} that says where it is established, so that its safeguards count"))
        }
        Remedy::OnwardContract => Some(format!(
            "spec.onwardTo of Party {} to {}, with a contract: reference, limitedPurposes, samePrinciples and notice",
            group.exporter,
            importer(group)
        )),
        Remedy::KnowPlace => Some("a node whose region the law pack knows, or --default-location".into()),
        Remedy::Clauses { .. }
        | Remedy::Agreement
        | Remedy::GroupRules(_)
        | Remedy::Certification(_)
        | Remedy::SameEntity
        | Remedy::Claim(_)
        | Remedy::Derogation
        | Remedy::RunIn(_) => None,
    };
    group.remedies.keys().filter_map(line).collect()
}

/// One line for each way.
pub(super) fn ways(group: &Group<'_>) -> Vec<Way> {
    let mut ways: Vec<Way> = group.remedies.iter().filter_map(|(r, flows)| plain(group, r, flows)).collect();
    ways.extend(Modules::ALL.into_iter().filter_map(|modules| clauses(group, modules)));
    ways.extend(certification(group));
    ways
}

fn way(group: &Group<'_>, flows: &Flows<'_>, what: &str) -> Way {
    let only = group.only(flows);
    let text = only.as_ref().map_or_else(|| what.to_owned(), |part| format!("for {part}: {what}"));
    Way { text, serves_all: only.is_none() }
}

/// Ways that are one line each.
fn plain(group: &Group<'_>, remedy: &Remedy, flows: &Flows<'_>) -> Option<Way> {
    let what = match remedy {
        Remedy::Agreement => format!(
            "a TransferSafeguard with internationalDataTransferAgreement from {} to {} and {}",
            group.exporter,
            importer(group),
            assessment(group, flows)?
        ),
        Remedy::GroupRules(rules) => format!(
            "a TransferSafeguard with bindingCorporateRules of group {rules}, if they are approved and bind both, and {}",
            assessment(group, flows)?
        ),
        Remedy::Derogation => {
            "a TransferSafeguard with a derogation, if a ground of it fits this one transfer".into()
        }
        Remedy::Claim(row) => format!(
            "a TransferSafeguard that claims {row} for {}, if it is among the recipients covered",
            importer(group)
        ),
        Remedy::RunIn(country) => format!("running it in {country}, where the data is"),
        Remedy::SameEntity => format!(
            "the operator's --same-entity=Report, where it is held that {0} makes no transfer to {0}",
            group.exporter
        ),
        Remedy::DeclareStore
        | Remedy::DeclareExporter
        | Remedy::NameImporter
        | Remedy::DeclareImporter(_)
        | Remedy::OnwardContract
        | Remedy::KnowPlace
        | Remedy::Clauses { .. }
        | Remedy::Certification(_) => return None,
    };
    Some(way(group, flows, &what))
}

fn clauses(group: &Group<'_>, of: Modules) -> Option<Way> {
    let mut served = Flows::new();
    let mut needs = std::collections::BTreeSet::new();
    for (remedy, flows) in &group.remedies {
        if let Remedy::Clauses { modules, needs: need } = remedy
            && *modules == of
        {
            served.extend(flows);
            needs.insert(*need);
        }
    }
    if served.is_empty() {
        return None;
    }
    let (from, to, modules) = (group.exporter, importer(group), of.as_str());
    let mut parts = vec![format!("standardContractualClauses from {from} to {to} ({modules})")];
    for need in needs {
        match need {
            ClausesNeed::Nothing => {}
            ClausesNeed::UkAddendum => parts.push("ukAddendum".into()),
            ClausesNeed::SwissAmendments => parts.push("swissAmendments".into()),
        }
    }
    parts.push(assessment(group, &served)?);
    Some(way(group, &served, &format!("a TransferSafeguard with {}", and(parts))))
}

fn assessment(group: &Group<'_>, flows: &Flows<'_>) -> Option<String> {
    let country = group.to.country?;
    let regimes = flows.iter().map(|(r, _)| *r).collect();
    Some(format!("an effective assessment of {country} for {}", regime_names(&regimes)))
}

fn certification(group: &Group<'_>) -> Option<Way> {
    let mut served = Flows::new();
    let mut names = vec![];
    for (remedy, flows) in &group.remedies {
        if let Remedy::Certification(name) = remedy {
            served.extend(flows);
            names.push(name.as_str().to_owned());
        }
    }
    let importer = importer(group);
    let frameworks = (!names.is_empty()).then(|| and(names))?;
    let what = format!(
        "a TransferSafeguard with {importer}'s active dataPrivacyFramework certification for {frameworks}"
    );
    Some(way(group, &served, &what))
}

fn importer(group: &Group<'_>) -> String {
    group.importer.map_or_else(|| "the importer".into(), ToString::to_string)
}
