//! The instrument of a safeguard.

mod contract;

use std::collections::BTreeSet;

use crate::{
    api::v1alpha1 as api,
    core::{
        law::LawPack,
        safeguard::{
            Annex, ClaimedAdequacy, ClauseParties, Clauses, DataPrivacyFramework, Framework, FrameworkName,
            Instrument, Module, UkAddendum,
        },
        validity::{Validity, end_of, start_of},
    },
    parse::{Errors, day, value},
};

const PATH: &str = "spec.instrument";

/// Every instrument, as manifests name it.
const NAMES: &str = "standardContractualClauses, internationalDataTransferAgreement, bindingCorporateRules, \
                     dataPrivacyFramework, adequacy or derogation";

pub(super) fn read(errors: &mut Errors, from: &api::Instrument, law: &LawPack) -> Option<Instrument> {
    let api::Instrument {
        standard_contractual_clauses,
        international_data_transfer_agreement,
        binding_corporate_rules,
        data_privacy_framework,
        adequacy: claim,
        derogation,
    } = from;
    let mut found = vec![];
    if let Some(c) = standard_contractual_clauses {
        found.push(clauses(errors, c, law).map(Instrument::Clauses));
    }
    if let Some(a) = international_data_transfer_agreement {
        found.push(contract::agreement(errors, a).map(Instrument::Agreement));
    }
    if let Some(r) = binding_corporate_rules {
        found.push(Some(Instrument::GroupRules(contract::group_rules(errors, r, law))));
    }
    if let Some(d) = data_privacy_framework {
        found.push(framework_entry(errors, d).map(Instrument::DataPrivacyFramework));
    }
    if let Some(a) = claim {
        found.push(Some(Instrument::Adequacy(adequacy(errors, a, law))));
    }
    if let Some(d) = derogation {
        found.push(contract::derogation(errors, d, law).map(Instrument::Derogation));
    }
    match found.len() {
        0 => errors.add(PATH, "names no instrument", format!("write {NAMES}")),
        1 => return found.pop().flatten(),
        _ => errors.add(PATH, "names more than one instrument", "write one safeguard for each"),
    }
    None
}

fn clauses(errors: &mut Errors, from: &api::StandardContractualClauses, law: &LawPack) -> Option<Clauses> {
    let path = format!("{PATH}.standardContractualClauses");
    let executed = errors.take(day(&format!("{path}.executedOn"), &from.executed_on));
    if from.parties.is_empty() {
        errors.add(format!("{path}.parties"), "is empty", "name exporters, importers and module");
    }
    let parties = from
        .parties
        .iter()
        .enumerate()
        .map(|(i, p)| clause_parties(errors, &format!("{path}.parties[{i}]"), p))
        .collect();
    if from.annexes.as_ref().is_some_and(Vec::is_empty) {
        errors.add(format!("{path}.annexes"), "is empty", "name the annexes on file, or leave it out");
    }
    let annexes = from.annexes.as_ref().map(|all| all.iter().copied().map(annex).collect());
    let governing_law = from
        .governing_law
        .as_ref()
        .and_then(|c| errors.take(value::country(&format!("{path}.governingLaw"), c, law)));
    let uk_addendum = from.uk_addendum.as_ref().and_then(|a| {
        let executed = errors.take(day(&format!("{path}.ukAddendum.executedOn"), &a.executed_on))?;
        Some(UkAddendum { version: a.version.clone(), executed_on: start_of(executed) })
    });
    let swiss_amendments = from
        .swiss_amendments
        .as_ref()
        .and_then(|a| errors.take(day(&format!("{path}.swissAmendments.executedOn"), &a.executed_on)));
    Some(Clauses {
        executed_on: start_of(executed?),
        parties,
        annexes,
        governing_law,
        uk_addendum,
        swiss_amendments: swiss_amendments.map(start_of),
    })
}

fn annex(from: api::Annex) -> Annex {
    match from {
        api::Annex::I => Annex::I,
        api::Annex::Ii => Annex::Ii,
        api::Annex::Iii => Annex::Iii,
    }
}

fn clause_parties(errors: &mut Errors, path: &str, from: &api::ClauseParties) -> ClauseParties {
    for (field, list) in [("exporters", &from.exporters), ("importers", &from.importers)] {
        if list.is_empty() {
            errors.add(format!("{path}.{field}"), "is empty", "name the Parties");
        }
    }
    ClauseParties {
        exporters: value::names(errors, &format!("{path}.exporters"), &from.exporters),
        importers: value::names(errors, &format!("{path}.importers"), &from.importers),
        module: match from.module {
            api::ClauseModule::ControllerToController => Module::ControllerToController,
            api::ClauseModule::ControllerToProcessor => Module::ControllerToProcessor,
            api::ClauseModule::ProcessorToProcessor => Module::ProcessorToProcessor,
            api::ClauseModule::ProcessorToController => Module::ProcessorToController,
        },
    }
}

fn framework_entry(errors: &mut Errors, from: &api::DataPrivacyFramework) -> Option<DataPrivacyFramework> {
    let path = format!("{PATH}.dataPrivacyFramework");
    let checked = errors.take(day(&format!("{path}.checkedOn"), &from.checked_on));
    if from.participant_ref.name.is_empty() {
        errors.add(format!("{path}.participantRef.name"), "is empty", "name the certified Party");
    }
    if from.frameworks.is_empty() {
        errors.add(format!("{path}.frameworks"), "is empty", "name the frameworks of the entry");
    }
    if from.covered_data.is_empty() {
        errors.add(format!("{path}.coveredData"), "is empty", "write HR, NonHR or both, as on the list");
    }
    let mut seen = BTreeSet::new();
    let mut frameworks = vec![];
    for (i, f) in from.frameworks.iter().enumerate() {
        let path = format!("{path}.frameworks[{i}]");
        if !seen.insert(f.name) {
            errors.add(format!("{path}.name"), "names a framework a second time", "write each once");
        }
        frameworks.extend(framework(errors, &path, f));
    }
    if seen.contains(&api::FrameworkName::UKExtension) && !seen.contains(&api::FrameworkName::EuUs) {
        errors.add(
            format!("{path}.frameworks"),
            "has a UKExtension without an EU-US entry",
            "add the EU-US entry that it extends, or remove it",
        );
    }
    let recourse = from.recourse.as_ref().map(|r| r.provider.trim().to_owned());
    if recourse.as_ref().is_some_and(String::is_empty) {
        errors.add(format!("{path}.recourse.provider"), "is empty", "name who hears complaints");
    }
    Some(DataPrivacyFramework {
        participant: from.participant_ref.name.as_str().into(),
        listed_as: from.listed_as.clone(),
        covered: value::names(errors, &format!("{path}.coveredEntities"), &from.covered_entities),
        frameworks,
        covers_hr: from.covered_data.contains(&api::CoveredData::Hr),
        covers_non_hr: from.covered_data.contains(&api::CoveredData::NonHr),
        sensitive_flagged: from.sensitive_flagged == Some(true),
        recourse,
        regulator: from.regulator.map(|r| match r {
            api::Regulator::Ftc => "FTC",
            api::Regulator::Dot => "DoT",
        }),
        checked_on: start_of(checked?),
    })
}

fn framework(errors: &mut Errors, path: &str, from: &api::Framework) -> Option<Framework> {
    let since = errors.take(day(&format!("{path}.since"), &from.since));
    let recertify = errors.take(day(&format!("{path}.recertifyBy"), &from.recertify_by));
    let (since, recertify) = (since?, recertify?);
    if recertify < since {
        errors.add(format!("{path}.recertifyBy"), "lies before since", "name a later day");
    }
    let (status, status_carries) = framework_status(from.status);
    Some(Framework {
        name: framework_name(from.name),
        status_carries,
        status: status.into(),
        validity: Validity { from: Some(start_of(since)), until: Some(end_of(recertify)) },
    })
}

/// A status as on the list, and whether it lets the certification carry.
pub fn framework_status(from: api::FrameworkStatus) -> (&'static str, bool) {
    match from {
        api::FrameworkStatus::Active => ("Active", true),
        api::FrameworkStatus::RecertificationUnderReview => ("RecertificationUnderReview", true),
        api::FrameworkStatus::Inactive => ("Inactive", false),
        api::FrameworkStatus::Withdrawn => ("Withdrawn", false),
        api::FrameworkStatus::Removed => ("Removed", false),
    }
}

/// Which framework.
pub fn framework_name(from: api::FrameworkName) -> FrameworkName {
    match from {
        api::FrameworkName::EuUs => FrameworkName::EuUs,
        api::FrameworkName::UKExtension => FrameworkName::UkExtension,
        api::FrameworkName::SwissUs => FrameworkName::SwissUs,
    }
}

fn adequacy(errors: &mut Errors, from: &api::ClaimedAdequacy, law: &LawPack) -> ClaimedAdequacy {
    let path = format!("{PATH}.adequacy");
    match law.adequacy.get(from.row.as_str()) {
        None => errors.add(
            format!("{path}.row"),
            format!("law pack {} has no row `{}`", law.version, from.row),
            "name a row of the pack whose scope is claimed",
        ),
        Some(row) if row.holds_by_itself => errors.add(
            format!("{path}.row"),
            format!("`{}` holds by itself in law pack {}", from.row, law.version),
            "remove the safeguard; the row needs no claim",
        ),
        Some(_) => {}
    }
    if from.importers.is_empty() {
        errors.add(format!("{path}.importers"), "is empty", "name the Parties for which it is claimed");
    }
    if from.assertion.trim().is_empty() {
        errors.add(format!("{path}.assertion"), "is empty", "say why these recipients are covered");
    }
    ClaimedAdequacy {
        row: from.row.clone(),
        importers: value::names(errors, &format!("{path}.importers"), &from.importers),
    }
}
