//! A Data Privacy Framework entry.

use super::{Crossing, Trial, established, listed};
use crate::core::{
    safeguard::{DataPrivacyFramework, Framework, FrameworkName},
    store::Employment,
    validity::days_after,
};

/// Days after which a check of the public list is stale.
pub(in crate::core::transfer) const WARNS_DAYS: i32 = 30;
/// Days after which nothing is carried on it.
pub(in crate::core::transfer) const CARRIES_DAYS: i32 = 90;
/// Days by which a check may lie ahead: a day begins earlier east of UTC.
pub(in crate::core::transfer) const FORWARD_DAYS: i32 = 1;

pub(super) fn attempt(trial: &mut Trial, entry: &DataPrivacyFramework, crossing: &Crossing<'_>) {
    let law = &crossing.snapshot.law;
    let serving = entry
        .frameworks
        .iter()
        .find(|f| law.frameworks.get(&f.name).is_some_and(|l| l.regime == *crossing.regime));
    match serving {
        None => drop(trial.require(false, || format!("has no framework for {}", crossing.regime))),
        Some(framework) => {
            in_force(trial, entry, framework, crossing);
            flagged(trial, entry, framework, crossing);
            if framework.name == FrameworkName::UkExtension {
                extended(trial, entry, crossing);
            }
            let country = law.frameworks.get(&framework.name).map(|l| l.country);
            let there = country.is_some() && crossing.place.country == country;
            trial.require(there, || {
                let only = country.map_or_else(String::new, |c| format!(" in {c}"));
                format!("speaks of processing{only} only")
            });
            let home = established(crossing);
            trial.require(home.is_some() && home == country, || match home {
                Some(home) => format!("is of {}, which is established in {home}", crossing.importer),
                None => format!("is of {}, of whom there is no Party", crossing.importer),
            });
        }
    }
    let importer = crossing.importer;
    let listed = *importer == entry.participant || entry.covered.contains(importer);
    trial.require(listed, || format!("does not list {importer} among the entities covered"));
    covered(trial, entry, crossing.dataset.employment);
    // Recourse, Enforcement and Liability Principle: without it nobody is certified.
    trial.require(entry.recourse.is_some(), || "has no recourse on file".into());
    fresh(trial, entry, crossing);
}

fn in_force(trial: &mut Trial, entry: &DataPrivacyFramework, framework: &Framework, crossing: &Crossing<'_>) {
    let name = framework.name.as_str();
    trial.require(framework.status_carries, || format!("is {} for {name}", framework.status));
    listed::attempt(trial, entry, framework, crossing);
    trial.within(&framework.validity, crossing.now, &format!("{name} certification "));
    if let Some(law) = crossing.snapshot.law.frameworks.get(&framework.name) {
        trial.within(&law.validity, crossing.now, &format!("{name} as law "));
    }
}

/// What the framework's own list of sensitive data does not name must be marked for the importer.
fn flagged(trial: &mut Trial, entry: &DataPrivacyFramework, framework: &Framework, crossing: &Crossing<'_>) {
    let law = crossing.snapshot.law.frameworks.get(&framework.name);
    let Some(law) = law.filter(|_| !entry.sensitive_flagged) else { return };
    for category in &crossing.dataset.categories {
        let sensitive = law.flagged.iter().any(|pattern| pattern.matches(category));
        trial.require(!sensitive, || format!("does not flag {category} to the importer as sensitive"));
    }
}

/// The extension stands on the entry that it extends.
fn extended(trial: &mut Trial, entry: &DataPrivacyFramework, crossing: &Crossing<'_>) {
    match entry.frameworks.iter().find(|f| f.name == FrameworkName::EuUs) {
        None => drop(trial.require(false, || "extends no EU-US certification".into())),
        Some(base) => {
            let known = crossing.snapshot.law.frameworks.contains_key(&base.name);
            trial.require(known, || "extends a framework that the law pack does not know".into());
            in_force(trial, entry, base, crossing);
        }
    }
}

fn covered(trial: &mut Trial, entry: &DataPrivacyFramework, data: Employment) {
    let needs_hr = matches!(data, Employment::Hr | Employment::Unknown);
    let needs_other = matches!(data, Employment::NonHr | Employment::Unknown);
    let because = if data == Employment::Unknown { " (the dataset names no subjects)" } else { "" };
    trial.require(!needs_hr || entry.covers_hr, || format!("does not cover HR data{because}"));
    trial.require(!needs_other || entry.covers_non_hr, || format!("does not cover NonHR data{because}"));
}

fn fresh(trial: &mut Trial, entry: &DataPrivacyFramework, crossing: &Crossing<'_>) {
    let (checked, now) = (entry.checked_on, crossing.now);
    trial.require(days_after(checked, -FORWARD_DAYS) <= now, || {
        format!("was checked in the future, {checked}")
    });
    let carries = now < days_after(checked, CARRIES_DAYS);
    trial.require(carries, || format!("was last checked on {checked}, {CARRIES_DAYS} days ago or more"));
    if now >= days_after(checked, WARNS_DAYS) {
        trial.warnings.push(format!("list last checked on {checked}, {WARNS_DAYS} days ago or more"));
    }
}
