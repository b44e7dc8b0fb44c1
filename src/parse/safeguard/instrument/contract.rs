//! Instruments that name both sides: the UK's agreement, binding corporate rules, derogations.

use std::collections::BTreeMap;

use super::PATH;
use crate::{
    api::v1alpha1 as api,
    core::{
        ids::PartyName,
        law::LawPack,
        safeguard::{Agreement, AgreementParties, Derogation, GroupRules, RulesKind},
        validity::start_of,
    },
    parse::{Errors, day, value},
};

/// Reads the UK's agreement.
pub(super) fn agreement(
    errors: &mut Errors,
    from: &api::InternationalDataTransferAgreement,
) -> Option<Agreement> {
    let path = format!("{PATH}.internationalDataTransferAgreement");
    let executed = errors.take(day(&format!("{path}.executedOn"), &from.executed_on));
    if from.parties.is_empty() {
        errors.add(format!("{path}.parties"), "is empty", "name exporters and importers");
    }
    let mut parties = vec![];
    for (i, p) in from.parties.iter().enumerate() {
        let path = format!("{path}.parties[{i}]");
        parties.push(AgreementParties {
            exporters: parties_of(errors, &format!("{path}.exporters"), &p.exporters),
            importers: parties_of(errors, &format!("{path}.importers"), &p.importers),
        });
    }
    Some(Agreement { version: from.version.clone(), executed_on: start_of(executed?), parties })
}

/// Reads binding corporate rules.
pub(super) fn group_rules(
    errors: &mut Errors,
    from: &api::BindingCorporateRules,
    law: &LawPack,
) -> GroupRules {
    let path = format!("{PATH}.bindingCorporateRules");
    if from.group.trim().is_empty() {
        errors.add(format!("{path}.group"), "is empty", "name the group as its Parties do");
    }
    let mut approvals = BTreeMap::new();
    for (i, approval) in from.approvals.iter().enumerate() {
        let path = format!("{path}.approvals[{i}]");
        let regime = errors.take(value::regime(&format!("{path}.regime"), &approval.regime, law));
        let approved = errors.take(day(&format!("{path}.approvedOn"), &approval.approved_on));
        if let (Some(regime), Some(approved)) = (regime, approved)
            && approvals.insert(regime, start_of(approved)).is_some()
        {
            errors.add(format!("{path}.regime"), "names a regime a second time", "write each once");
        }
    }
    GroupRules {
        group: from.group.clone(),
        members: parties_of(errors, &format!("{path}.members"), &from.members),
        kind: match from.kind {
            api::RulesKind::Controller => RulesKind::Controller,
            api::RulesKind::Processor => RulesKind::Processor,
        },
        approvals,
    }
}

/// Reads a derogation.
pub(super) fn derogation(errors: &mut Errors, from: &api::Derogation, law: &LawPack) -> Option<Derogation> {
    let path = format!("{PATH}.derogation");
    let regime = errors.take(value::regime(&format!("{path}.regime"), &from.regime, law));
    if from.record.trim().is_empty() {
        errors.add(format!("{path}.record"), "is empty", "say where this transfer is recorded");
    }
    let mut informed = |field: &str, text: &Option<String>| {
        let path = format!("{path}.{field}");
        match (text, from.ground) {
            (None, api::DerogationGround::CompellingLegitimateInterests) => {
                errors.add(path, "is missing", "inform them, and name the day");
                None
            }
            (None, _) => None,
            (Some(text), _) => errors.take(day(&path, text)).map(start_of),
        }
    };
    let authority_informed = informed("authorityInformedOn", &from.authority_informed_on);
    let subjects_informed = informed("subjectsInformedOn", &from.subjects_informed_on);
    Some(Derogation {
        exporters: parties_of(errors, &format!("{path}.exporters"), &from.exporters),
        importers: parties_of(errors, &format!("{path}.importers"), &from.importers),
        regime: regime?,
        authority_informed,
        subjects_informed,
    })
}

fn parties_of<C: FromIterator<PartyName>>(errors: &mut Errors, path: &str, list: &[String]) -> C {
    if list.is_empty() {
        errors.add(path, "is empty", "name the Parties");
    }
    value::names(errors, path, list)
}
