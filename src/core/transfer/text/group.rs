//! Uncovered flows, brought together where a person would read the same twice.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{NearMiss, Outcome, Remedy, Verdict};
use crate::core::{
    ids::{ObjectKey, PartyName, RegimeId},
    store::Place,
};

/// The uncovered flows of one store to one place.
pub(super) struct Group<'a> {
    pub(super) store: &'a ObjectKey,
    pub(super) home: &'a Place,
    pub(super) place: &'a Place,
    pub(super) exporter: &'a PartyName,
    pub(super) importer: Option<&'a PartyName>,
    pub(super) datasets: BTreeSet<&'a str>,
    pub(super) regimes: BTreeSet<&'a RegimeId>,
    /// What came near, each reason once, and for which regimes.
    pub(super) near: Vec<(&'a NearMiss, BTreeSet<&'a RegimeId>)>,
    /// What would help, with the regimes for which it is asked.
    pub(super) remedies: BTreeMap<&'a Remedy, BTreeSet<&'a RegimeId>>,
}

pub(super) fn uncovered(verdict: &Verdict) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = vec![];
    for f in &verdict.flows {
        let Outcome::Uncovered { near, remedies } = &f.outcome else { continue };
        let flow = &f.flow;
        let at = groups.iter().position(|g| *g.store == flow.store && *g.place == flow.place);
        let at = at.unwrap_or_else(|| {
            groups.push(Group {
                store: &flow.store,
                home: &flow.home,
                place: &flow.place,
                exporter: &flow.exporter,
                importer: flow.importer.as_ref(),
                datasets: BTreeSet::new(),
                regimes: BTreeSet::new(),
                near: vec![],
                remedies: BTreeMap::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        group.datasets.insert(&flow.dataset);
        group.regimes.insert(&flow.regime);
        for miss in near {
            match group.near.iter_mut().find(|(m, _)| *m == miss) {
                Some((_, regimes)) => drop(regimes.insert(&flow.regime)),
                None => group.near.push((miss, [&flow.regime].into())),
            }
        }
        for remedy in remedies {
            group.remedies.entry(remedy).or_default().insert(&flow.regime);
        }
    }
    groups
}
