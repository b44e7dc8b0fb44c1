//! Transfer impact assessments: what they found, whether it is still fresh, and whether the measures that they rest on help.

use super::{Crossing, Trial};
use crate::core::{
    ids::{Country, PartyName},
    safeguard::{Assessment, AssessmentResult, Measure},
    validity::days_after,
};

pub(super) fn attempt(trial: &mut Trial, all: &[Assessment], crossing: &Crossing<'_>) {
    match crossing.place.country {
        Some(country) => assessed(trial, all, country, crossing),
        None => drop(trial.require(false, || "has no assessment of an unknown country".into())),
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
            (a.completed_on, !holds(a, country, crossing), std::cmp::Reverse(review))
        });
    let Some(latest) = latest else {
        trial.require(false, || format!("has no completed assessment of {country} for {regime}"));
        return;
    };
    trial.require(holds(latest, country, crossing), || match &latest.result {
        AssessmentResult::HoldsWith(measures) if measures.is_empty() => {
            format!(
                "was assessed as effective in {country} for {regime} with measures of which none is named"
            )
        }
        AssessmentResult::HoldsWith(measures) => {
            let why: Vec<_> = measures.iter().filter_map(|m| helps(*m, country, crossing).err()).collect();
            format!("rests on measures that do not help in {country} for {regime}: {}", why.join("; "))
        }
        AssessmentResult::Holds | AssessmentResult::Fails => {
            format!("was assessed as ineffective in {country} for {regime}")
        }
    });
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

fn holds(assessment: &Assessment, country: Country, crossing: &Crossing<'_>) -> bool {
    match &assessment.result {
        AssessmentResult::Holds => true,
        AssessmentResult::HoldsWith(measures) => {
            measures.iter().any(|measure| helps(*measure, country, crossing).is_ok())
        }
        AssessmentResult::Fails => false,
    }
}

/// Whether a measure keeps clear text from whoever is bound by the law of `country`; if not, why.
///
/// EDPB Recommendations 01/2020, Annex 2: storage encrypted with keys that the exporter alone holds (use case 1) and
/// pseudonymised data (2) are kept from an authority there; what is only encrypted on the way, or read in the clear by a
/// workload (6, 7), is not. Promises and policies bind no authority.
fn helps(measure: Measure, country: Country, crossing: &Crossing<'_>) -> Result<(), String> {
    let name = measure.as_str();
    match measure {
        Measure::Encryption => match crossing.keys_held_by {
            None => Err(format!("{name}: the data is read in the clear there")),
            Some(holder) => alone(name, holder, country, crossing),
        },
        Measure::Pseudonymisation => match &crossing.dataset.attributed_by {
            None => Err(format!("{name}: dataset {} is not pseudonymised", crossing.dataset.name)),
            Some(holder) => alone(name, holder, country, crossing),
        },
        Measure::TransitEncryption => Err(format!("{name}: it protects on the way alone")),
        Measure::Contractual | Measure::Organisational => Err(format!("{name}: it binds no authority")),
    }
}

/// Keys help where the exporter alone holds them, beyond the reach of the law that was assessed.
fn alone(name: &str, holder: &PartyName, country: Country, crossing: &Crossing<'_>) -> Result<(), String> {
    if holder != crossing.exporter || holder == crossing.importer {
        return Err(format!("{name}: {holder} holds the keys, not the exporter alone"));
    }
    match crossing.snapshot.parties.get(holder) {
        None => Err(format!("{name}: {holder} holds the keys, and there is no such Party")),
        Some(party) if party.country == country => {
            Err(format!("{name}: {holder} holds the keys and is established in {country}"))
        }
        Some(_) => Ok(()),
    }
}
