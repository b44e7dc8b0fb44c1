//! TransferSafeguard.

mod instrument;

pub(super) use instrument::{framework_name, framework_status};

use kube::ResourceExt;

use super::{Errors, day, value};
use crate::{
    api::v1alpha1 as api,
    core::{
        ids::RegimeId,
        law::LawPack,
        safeguard::{Assessment, AssessmentResult, Instrument, Measure, Safeguard},
        validity::{Validity, end_of, start_of},
    },
};

/// Preference of a safeguard that names none.
const DEFAULT_PREFERENCE: i32 = 100;

/// Reads a TransferSafeguard.
pub fn safeguard(object: &api::TransferSafeguard, law: &LawPack) -> Result<Safeguard, Errors> {
    let mut errors = Errors::default();
    let spec = &object.spec;
    let instrument = instrument::read(&mut errors, &spec.instrument, law);
    let assessments =
        spec.assessments.iter().enumerate().filter_map(|(i, a)| assessment(&mut errors, i, a, law)).collect();
    scope_is_said(&mut errors, &spec.scope);
    let namespaces =
        spec.scope.namespaces.as_ref().map(|n| value::names(&mut errors, "spec.scope.namespaces", n));
    let categories = spec.scope.categories.as_ref().map(|list| {
        list.iter()
            .enumerate()
            .filter_map(|(i, c)| {
                errors.take(value::category_pattern(&format!("spec.scope.categories[{i}]"), c))
            })
            .collect()
    });
    let validity = validity(&mut errors, spec);
    if matches!(instrument, Some(Instrument::Derogation(_))) && validity.until.is_none() {
        errors.add("spec.validThrough", "is missing", "a derogation is for one transfer: name its last day");
    }
    let safeguard = instrument.map(|instrument| Safeguard {
        name: object.name_any().into(),
        instrument,
        assessments,
        namespaces,
        categories,
        validity,
        preference: spec.preference.unwrap_or(DEFAULT_PREFERENCE),
    });
    errors.finish(safeguard)
}

fn scope_is_said(errors: &mut Errors, scope: &api::SafeguardScope) {
    let lists = scope.namespaces.is_some() || scope.categories.is_some();
    match (scope.any, lists) {
        (Some(true), false) | (None, true) => {}
        (Some(true), true) => {
            errors.add("spec.scope.any", "stands beside lists that narrow it", "remove it, or the lists");
        }
        (Some(false), _) => errors.add("spec.scope.any", "is false", "remove it and name what is covered"),
        (None, false) => errors.add(
            "spec.scope",
            "says nothing",
            "name namespaces or categories, or write {any: true} to cover everything",
        ),
    }
    for (path, list) in
        [("spec.scope.namespaces", &scope.namespaces), ("spec.scope.categories", &scope.categories)]
    {
        if list.as_ref().is_some_and(Vec::is_empty) {
            errors.add(path, "is empty", "name at least one, or leave it out");
        }
    }
}

fn validity(errors: &mut Errors, spec: &api::TransferSafeguardSpec) -> Validity {
    let mut read = |path: &str, text: &Option<String>| text.as_ref().and_then(|t| errors.take(day(path, t)));
    let from = read("spec.validFrom", &spec.valid_from).map(start_of);
    let through = read("spec.validThrough", &spec.valid_through).map(end_of);
    if spec.valid_through.is_some() && spec.valid_until.is_some() {
        errors.add("spec.validUntil", "stands beside validThrough", "write one of the two ends");
    }
    let validity = Validity { from, until: through.or(spec.valid_until.as_ref().map(|t| t.0)) };
    if validity.is_empty() {
        let end = if through.is_some() { "spec.validThrough" } else { "spec.validUntil" };
        errors.add(end, "lies before validFrom", "end it after it begins");
    }
    validity
}

fn assessment(errors: &mut Errors, i: usize, from: &api::Assessment, law: &LawPack) -> Option<Assessment> {
    let path = format!("spec.assessments[{i}]");
    if from.regimes.is_empty() {
        errors.add(format!("{path}.regimes"), "is empty", "name the regimes for which it was made");
    }
    let regimes = from
        .regimes
        .iter()
        .enumerate()
        .filter_map(|(j, id)| errors.take(value::regime(&format!("{path}.regimes[{j}]"), id, law)))
        .collect::<std::collections::BTreeSet<RegimeId>>();
    let country = errors.take(value::country(&format!("{path}.country"), &from.country, law));
    let completed = errors.take(day(&format!("{path}.completedOn"), &from.completed_on));
    let review = from.review_by.as_ref().and_then(|d| errors.take(day(&format!("{path}.reviewBy"), d)));
    if let (Some(completed), Some(review)) = (completed, review)
        && review < completed
    {
        errors.add(format!("{path}.reviewBy"), "lies before completedOn", "name a later day");
    }
    Some(Assessment {
        regimes,
        country: country?,
        completed_on: start_of(completed?),
        result: result(errors, &path, from),
        review_until: review.map(end_of),
    })
}

fn result(errors: &mut Errors, path: &str, from: &api::Assessment) -> AssessmentResult {
    let measures = from.measures.iter().map(|measure| match measure {
        api::Measure::Encryption => Measure::Encryption,
        api::Measure::TransitEncryption => Measure::TransitEncryption,
        api::Measure::Pseudonymisation => Measure::Pseudonymisation,
        api::Measure::Contractual => Measure::Contractual,
        api::Measure::Organisational => Measure::Organisational,
    });
    match from.outcome {
        api::AssessmentOutcome::EffectiveWithMeasures => AssessmentResult::HoldsWith(measures.collect()),
        api::AssessmentOutcome::Effective
        | api::AssessmentOutcome::NotNeeded
        | api::AssessmentOutcome::Ineffective
            if !from.measures.is_empty() =>
        {
            let fix = "write outcome: EffectiveWithMeasures, or leave the measures out";
            errors.add(format!("{path}.measures"), "stand beside an outcome that rests on none", fix);
            AssessmentResult::Fails
        }
        api::AssessmentOutcome::Effective | api::AssessmentOutcome::NotNeeded => AssessmentResult::Holds,
        api::AssessmentOutcome::Ineffective => AssessmentResult::Fails,
    }
}
