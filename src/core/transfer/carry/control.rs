//! A party that changed hands: what names it is to be reviewed. No text ends an instrument for that alone, so it warns.

use jiff::Timestamp;

use super::{Crossing, Trial};
use crate::core::{
    ids::PartyName,
    safeguard::{Instrument, Safeguard},
};

pub(super) fn review(trial: &mut Trial, safeguard: &Safeguard, crossing: &Crossing<'_>) {
    let reviewed = reviewed(safeguard, crossing.now);
    let parties: [&PartyName; 2] = [crossing.exporter, crossing.importer];
    let parties = &parties[usize::from(crossing.exporter == crossing.importer)..];
    for party in parties.iter().filter_map(|name| crossing.snapshot.parties.get(*name)) {
        let Some(change) = &party.change_of_control else { continue };
        if change.on <= crossing.now && reviewed < change.on {
            let reference = change.reference.as_ref().map(|r| format!(" ({r})")).unwrap_or_default();
            trial
                .warnings
                .push(format!("not reviewed since {} changed hands on {}{reference}", party.name, change.on));
        }
    }
}

/// When somebody last looked at it.
fn reviewed(safeguard: &Safeguard, now: Timestamp) -> Timestamp {
    let made = match &safeguard.instrument {
        Instrument::Clauses(clauses) => Some(clauses.executed_on),
        Instrument::Agreement(agreement) => Some(agreement.executed_on),
        Instrument::GroupRules(rules) => rules.approvals.values().copied().filter(|day| *day <= now).max(),
        Instrument::DataPrivacyFramework(entry) => Some(entry.checked_on),
        Instrument::Adequacy(_) | Instrument::Derogation(_) => safeguard.validity.from,
    };
    let assessed = safeguard.assessments.iter().map(|a| a.completed_on);
    assessed.chain(made).filter(|day| *day <= now).max().unwrap_or(Timestamp::MIN)
}
