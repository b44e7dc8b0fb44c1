//! Uncovered flows, brought together where a person would read the same twice.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Flow, NearMiss, Outcome, Remedy, Verdict, Way},
    and,
};
use crate::core::{
    ids::{ObjectKey, PartyName, RegimeId},
    store::Place,
};

/// Flows of a group, each by its regime and dataset.
pub(super) type Flows<'a> = BTreeSet<(&'a RegimeId, &'a str)>;

/// The uncovered flows of one store on one way to one place.
pub(super) struct Group<'a> {
    pub(super) store: &'a ObjectKey,
    pub(super) home: &'a Place,
    pub(super) to: &'a Place,
    pub(super) way: &'a Way,
    pub(super) exporter: &'a PartyName,
    pub(super) importer: Option<&'a PartyName>,
    pub(super) flows: Flows<'a>,
    /// What came near, each reason once, and for which flows.
    pub(super) near: Vec<(&'a NearMiss, Flows<'a>)>,
    /// What would help, with the flows for which it is asked.
    pub(super) remedies: BTreeMap<&'a Remedy, Flows<'a>>,
}

pub(super) fn uncovered(verdict: &Verdict) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = vec![];
    for f in &verdict.flows {
        let Outcome::Uncovered { near, remedies } = &f.outcome else { continue };
        let flow = &f.flow;
        let at = groups.iter().position(|g| g.is_of(flow));
        let at = at.unwrap_or_else(|| {
            groups.push(Group {
                store: &flow.store,
                home: &flow.home,
                to: &flow.to,
                way: &flow.way,
                exporter: &flow.exporter,
                importer: flow.importer.as_ref(),
                flows: Flows::new(),
                near: vec![],
                remedies: BTreeMap::new(),
            });
            groups.len() - 1
        });
        let group = &mut groups[at];
        let this = (&flow.regime, &*flow.dataset);
        group.flows.insert(this);
        for miss in near {
            match group.near.iter_mut().find(|(m, _)| *m == miss) {
                Some((_, flows)) => drop(flows.insert(this)),
                None => group.near.push((miss, [this].into())),
            }
        }
        for remedy in remedies {
            group.remedies.entry(remedy).or_default().insert(this);
        }
    }
    groups
}

impl<'a> Group<'a> {
    /// Whether it is the same hop, whatever the dataset, the regime and the place of the workload.
    fn is_of(&self, flow: &Flow) -> bool {
        let Flow { store, dataset: _, regime: _, exporter, importer, home: _, place: _, way, to } = flow;
        self.store == store
            && self.to == to
            && self.way == way
            && self.exporter == exporter
            && self.importer == importer.as_ref()
    }

    pub(super) fn regimes(&self) -> BTreeSet<&'a RegimeId> {
        regimes(&self.flows)
    }

    pub(super) fn datasets(&self) -> BTreeSet<&'a str> {
        datasets(&self.flows)
    }

    /// Which flows these are, in words; none where they are all: saying so would add nothing.
    pub(super) fn only(&self, some: &Flows<'_>) -> Option<String> {
        if *some == self.flows {
            return None;
        }
        let (of, sets) = (regimes(some), datasets(some));
        let every_regime = of == self.regimes();
        let every_dataset = sets == self.datasets();
        let whole = some.len() == of.len() * sets.len();
        Some(match (whole, every_regime, every_dataset) {
            (true, false, true) => regime_names(&of),
            (true, true, false) => dataset_names(&sets),
            (true, _, _) => format!("{} data of {}", regime_names(&of), dataset_names(&sets)),
            (false, _, _) => {
                let part = |regime: &&RegimeId| {
                    let sets = some.iter().filter(|(r, _)| r == regime).map(|(_, d)| *d).collect();
                    format!("{regime} data of {}", dataset_names(&sets))
                };
                of.iter().map(part).collect::<Vec<_>>().join("; ")
            }
        })
    }
}

fn regimes<'a>(flows: &Flows<'a>) -> BTreeSet<&'a RegimeId> {
    flows.iter().map(|(r, _)| *r).collect()
}

fn datasets<'a>(flows: &Flows<'a>) -> BTreeSet<&'a str> {
    flows.iter().map(|(_, d)| *d).collect()
}

pub(super) fn regime_names(regimes: &BTreeSet<&RegimeId>) -> String {
    and(regimes.iter().map(ToString::to_string))
}

fn dataset_names(datasets: &BTreeSet<&str>) -> String {
    let names = and(datasets.iter().map(|d| (*d).to_owned()));
    if datasets.len() == 1 { format!("dataset {names}") } else { format!("datasets {names}") }
}
