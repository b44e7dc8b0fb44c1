//! Standard contractual clauses.

use jiff::Timestamp;

use super::{Crossing, Trial, assessed, bound};
use crate::core::{
    law::{ClausesNeed, Form, FormOf},
    safeguard::{Annex, Assessment, ClauseParties, Clauses},
    store::Role,
};

pub(super) fn attempt(
    trial: &mut Trial,
    clauses: &Clauses,
    assessments: &[Assessment],
    crossing: &Crossing<'_>,
) {
    if !bound(trial, crossing) {
        return;
    }
    let Crossing { exporter, importer, now, .. } = *crossing;
    let named = || {
        clauses.parties.iter().filter(|p| p.exporters.contains(exporter) && p.importers.contains(importer))
    };
    if trial
        .require(named().next().is_some(), || format!("does not name {exporter} as exporter to {importer}"))
    {
        let role = &crossing.dataset.role;
        let fitting = || named().filter(|p| p.module.fits(role, importer));
        match fitting().find(|p| is_complete(clauses, p, crossing)).or_else(|| fitting().next()) {
            Some(entry) => complete(trial, clauses, entry, crossing),
            None => drop(trial.require(false, || no_module(role, crossing))),
        }
    }
    let signed = clauses.executed_on;
    trial.require(signed <= now, || format!("is executed only on {signed}"));
    let mut forms = crossing.snapshot.law.forms(FormOf::Clauses).peekable();
    let existed = forms.peek().is_none() || forms.any(|form| form.signing.contains(signed));
    trial.require(existed, || {
        format!("is executed on {signed}, on a day on which these clauses could not be signed")
    });
    additions(trial, clauses, crossing);
    assessed::attempt(trial, assessments, crossing);
}

fn no_module(role: &Role, crossing: &Crossing<'_>) -> String {
    match role {
        Role::Controller => "has no module under which a Controller exports".into(),
        Role::Processor(controller) if controller == crossing.importer => {
            format!("has no module under which a Processor gives data back to {controller}, its controller")
        }
        Role::Processor(controller) => format!(
            "has no module under which a Processor exports to {}, who is not the controller ({controller})",
            crossing.importer
        ),
    }
}

/// Annexes that the entry's module asks for and that are said not to be there.
fn missing<'a>(clauses: &'a Clauses, entry: &ClauseParties) -> impl Iterator<Item = Annex> + 'a {
    let asked = entry.module.annexes().iter().copied();
    asked.filter(|annex| clauses.annexes.as_ref().is_some_and(|there| !there.contains(annex)))
}

/// Whether the law that is named may govern the entry's module: one of the regime whose clauses these are, or of the regime
/// whose additions put its own law in its place.
fn is_governed(clauses: &Clauses, entry: &ClauseParties, crossing: &Crossing<'_>) -> bool {
    let Some(country) = clauses.governing_law else { return true };
    let law = &crossing.snapshot.law;
    let homes = law.forms(FormOf::Clauses).map(|form| &form.regime).chain([crossing.regime]);
    entry.module.takes_any_law()
        || homes.filter_map(|id| law.regimes.get(id)).any(|r| r.territory.contains(&country))
}

fn is_complete(clauses: &Clauses, entry: &ClauseParties, crossing: &Crossing<'_>) -> bool {
    missing(clauses, entry).next().is_none() && is_governed(clauses, entry, crossing)
}

fn complete(trial: &mut Trial, clauses: &Clauses, entry: &ClauseParties, crossing: &Crossing<'_>) {
    for annex in missing(clauses, entry) {
        trial.require(false, || format!("has no annex {}, which its module needs", annex.as_str()));
    }
    trial.require(is_governed(clauses, entry, crossing), || {
        let country = clauses.governing_law.map(|c| c.to_string()).unwrap_or_default();
        format!("names the law of {country}, under which these clauses cannot stand")
    });
}

fn additions(trial: &mut Trial, clauses: &Clauses, crossing: &Crossing<'_>) {
    let regime = crossing.snapshot.law.regimes.get(crossing.regime);
    // A regime that the pack does not know cannot say what it needs.
    if !trial.require(regime.is_some(), || format!("cannot serve the unknown regime {}", crossing.regime)) {
        return;
    }
    let (what, executed) = match regime.map(|r| r.clauses_need) {
        None | Some(ClausesNeed::Nothing) => return,
        Some(ClausesNeed::UkAddendum) => {
            let addendum = clauses.uk_addendum.as_ref();
            if let Some(addendum) = addendum {
                on_a_form(trial, &addendum.version, addendum.executed_on, crossing);
            }
            ("UK Addendum", addendum.map(|a| a.executed_on))
        }
        Some(ClausesNeed::SwissAmendments) => ("Swiss amendments", clauses.swiss_amendments),
    };
    match executed {
        None => drop(trial.require(false, || format!("has no {what}"))),
        Some(day) => {
            trial.require(day <= crossing.now, || format!("has {what} executed only on {day}"));
        }
    }
}

/// Of a version that the pack does not know, the days of those that it knows count: the version was free text at first.
fn on_a_form(trial: &mut Trial, version: &str, signed: Timestamp, crossing: &Crossing<'_>) {
    let law = &crossing.snapshot.law;
    let could = |form: &Form| form.signing.contains(signed);
    let existed = match law.form(FormOf::UkAddendum, version) {
        Some(form) => could(form),
        None => law.forms(FormOf::UkAddendum).next().is_none() || law.forms(FormOf::UkAddendum).any(could),
    };
    trial.require(existed, || {
        format!("has UK Addendum executed on {signed}, on a day on which its form could not be signed")
    });
}
