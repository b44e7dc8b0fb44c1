//! A claimed adequacy decision.

use super::{Crossing, Trial};
use crate::core::safeguard::ClaimedAdequacy;

pub(super) fn attempt(trial: &mut Trial, claim: &ClaimedAdequacy, crossing: &Crossing<'_>) {
    let law = &crossing.snapshot.law;
    let Some(row) = law.adequacy.get(claim.row.as_str()) else {
        trial.require(false, || format!("claims row {}, which law pack {} has not", claim.row, law.version));
        return;
    };
    let id = &row.id;
    trial.require(row.regime == *crossing.regime, || format!("claims {id}, a decision of {}", row.regime));
    let there = crossing.place.country.is_some_and(|c| row.countries.contains(&c));
    trial.require(there, || format!("claims {id}, which speaks of another country"));
    trial.require(row.verified, || format!("claims {id}, which is not verified"));
    let named = claim.importers.contains(crossing.importer);
    trial.require(named, || format!("does not claim it for {}", crossing.importer));
    trial.within(&row.validity, crossing.now, "claims a decision that ");
}
