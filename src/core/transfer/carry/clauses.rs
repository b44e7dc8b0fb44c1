//! Standard contractual clauses.

use super::{Crossing, Trial};
use crate::core::{
    ids::Country,
    law::ClausesNeed,
    safeguard::{Assessment, Clauses},
    store::Role,
    validity::days_after,
};

pub(super) fn attempt(
    trial: &mut Trial,
    clauses: &Clauses,
    assessments: &[Assessment],
    crossing: &Crossing<'_>,
) {
    let Crossing { exporter, importer, now, .. } = *crossing;
    if !trial.require(exporter != importer, || format!("cannot bind {exporter} to itself")) {
        return;
    }
    let known = crossing.snapshot.parties.contains_key(exporter);
    trial.require(known, || format!("names the exporter {exporter}, of whom there is no Party"));
    let named = || {
        clauses.parties.iter().filter(|p| p.exporters.contains(exporter) && p.importers.contains(importer))
    };
    if trial
        .require(named().next().is_some(), || format!("does not name {exporter} as exporter to {importer}"))
    {
        let role = &crossing.dataset.role;
        let fits = named().any(|p| p.module.fits(role));
        trial.require(fits, || {
            let role = if *role == Role::Controller { "a Controller" } else { "a Processor" };
            format!("has no module under which {role} exports")
        });
    }
    trial.require(clauses.executed_on <= now, || format!("is executed only on {}", clauses.executed_on));
    additions(trial, clauses, crossing);
    match crossing.place.country {
        Some(country) => assessed(trial, assessments, country, crossing),
        None => drop(trial.require(false, || "has no assessment of an unknown country".into())),
    }
}

fn additions(trial: &mut Trial, clauses: &Clauses, crossing: &Crossing<'_>) {
    let regime = crossing.snapshot.law.regimes.get(crossing.regime);
    // A regime that the pack does not know cannot say what it needs.
    if !trial.require(regime.is_some(), || format!("cannot serve the unknown regime {}", crossing.regime)) {
        return;
    }
    let (what, executed) = match regime.map(|r| r.clauses_need) {
        None | Some(ClausesNeed::Nothing) => return,
        Some(ClausesNeed::UkAddendum) => ("UK Addendum", clauses.uk_addendum),
        Some(ClausesNeed::SwissAmendments) => ("Swiss amendments", clauses.swiss_amendments),
    };
    match executed {
        None => drop(trial.require(false, || format!("has no {what}"))),
        Some(day) => {
            trial.require(day <= crossing.now, || format!("has {what} executed only on {day}"));
        }
    }
}

/// The latest completed assessment counts; of several of one day the worst, then the one to be reviewed first.
fn assessed(trial: &mut Trial, all: &[Assessment], country: Country, crossing: &Crossing<'_>) {
    let Crossing { regime, now, .. } = *crossing;
    let latest = all
        .iter()
        .filter(|a| a.country == country && a.regimes.contains(regime) && a.completed_on <= now)
        .max_by_key(|a| {
            let review = a.review_until.unwrap_or(jiff::Timestamp::MAX);
            (a.completed_on, !a.effective, std::cmp::Reverse(review))
        });
    let Some(latest) = latest else {
        trial.require(false, || format!("has no completed assessment of {country} for {regime}"));
        return;
    };
    trial.require(latest.effective, || format!("was assessed as ineffective in {country} for {regime}"));
    let Some(due) = latest.review_until.filter(|due| *due <= now) else { return };
    let grace = crossing.snapshot.settings.assessment_grace_days;
    let carries = now < days_after(due, grace);
    trial.require(carries, || {
        format!(
            "has an assessment of {country} for {regime} overdue since {due}, {grace} days of grace used up"
        )
    });
    trial.warnings.push(format!("assessment of {country} for {regime} overdue since {due}"));
}
