//! Binding corporate rules.

use super::{Crossing, Trial, assessed, bound};
use crate::core::safeguard::{Assessment, GroupRules, RulesKind};

pub(super) fn attempt(
    trial: &mut Trial,
    rules: &GroupRules,
    assessments: &[Assessment],
    crossing: &Crossing<'_>,
) {
    if !bound(trial, crossing) {
        return;
    }
    let Crossing { exporter, importer, regime, now, .. } = *crossing;
    for party in [exporter, importer] {
        trial.require(rules.members.contains(party), || format!("does not bind {party}"));
        let known = crossing.snapshot.parties.get(party);
        let inside = known.is_some_and(|p| p.group.as_ref() == Some(&rules.group));
        trial.require(inside, || format!("is for group {}, to which {party} does not belong", rules.group));
    }
    let kind = match rules.kind {
        RulesKind::Controller => "a Controller",
        RulesKind::Processor => "a Processor",
    };
    trial.require(rules.kind.fits(&crossing.dataset.role), || format!("is for data of {kind} alone"));
    match rules.approvals.get(regime) {
        None => drop(trial.require(false, || format!("has no approval for {regime}"))),
        Some(day) => drop(trial.require(*day <= now, || format!("is approved for {regime} only on {day}"))),
    }
    assessed::attempt(trial, assessments, crossing);
}
