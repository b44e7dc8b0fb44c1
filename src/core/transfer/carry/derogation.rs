//! A derogation: for one transfer, by a Job that nothing repeats.

use super::{Crossing, Trial};
use crate::core::safeguard::Derogation;

pub(super) fn attempt(trial: &mut Trial, derogation: &Derogation, crossing: &Crossing<'_>) {
    let Crossing { exporter, importer, regime, now, .. } = *crossing;
    trial.require(crossing.snapshot.settings.derogations_for_jobs, || {
        "is a derogation, which --derogations does not let carry".into()
    });
    trial.require(crossing.one_off, || {
        "is a derogation, which carries only a Job that nothing repeats".into()
    });
    let of = &derogation.regime;
    trial.require(of == regime, || format!("derogates from {of} alone"));
    let named = derogation.exporters.contains(exporter) && derogation.importers.contains(importer);
    trial.require(named, || format!("does not name {exporter} as exporter to {importer}"));
    for (who, informed) in
        [("authority", derogation.authority_informed), ("subjects", derogation.subjects_informed)]
    {
        if let Some(day) = informed {
            trial.require(day <= now, || format!("informs the {who} only on {day}"));
        }
    }
}
