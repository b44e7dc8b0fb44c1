//! The UK's International Data Transfer Agreement.

use super::{Crossing, Trial, assessed, bound};
use crate::core::{
    law::FormOf,
    safeguard::{Agreement, Assessment},
};

pub(super) fn attempt(
    trial: &mut Trial,
    agreement: &Agreement,
    assessments: &[Assessment],
    crossing: &Crossing<'_>,
) {
    if !bound(trial, crossing) {
        return;
    }
    let Crossing { exporter, importer, regime, now, .. } = *crossing;
    let mut parties = agreement.parties.iter();
    let named = parties.any(|p| p.exporters.contains(exporter) && p.importers.contains(importer));
    trial.require(named, || format!("does not name {exporter} as exporter to {importer}"));
    let law = &crossing.snapshot.law;
    let (version, executed) = (&agreement.version, agreement.executed_on);
    match law.form(FormOf::Agreement, version) {
        None => {
            trial.require(false, || {
                format!("is on form {version}, which law pack {} does not know", law.version)
            });
        }
        Some(form) => {
            trial.require(form.regime == *regime, || format!("is an instrument of {}", form.regime));
            trial.within(&form.signing, executed, &format!("is executed on {executed}, but form {version} "));
        }
    }
    trial.require(executed <= now, || format!("is executed only on {executed}"));
    assessed::attempt(trial, assessments, crossing);
}
