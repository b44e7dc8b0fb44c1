//! Stores by place, with what carries each. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    cli::said::{self, FlowSaid, PlaceSaid, Stands},
    core::{
        ids::ObjectKey,
        snapshot::Snapshot,
        store::Place,
        transfer::{Flow, Outcome},
    },
    picture::{FlowStanding, Who},
};

/// What is shown of the flows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Flows from a store or to a workload of this namespace.
    pub namespace: Option<String>,
    /// Flows of this store: `NAME`, or `NAMESPACE/NAME`.
    pub store: Option<String>,
    /// Flows that nothing covers.
    pub violations: bool,
}

/// Stores by place.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Rows: store and dataset, with where the store is.
    pub rows: BTreeMap<Row, Place>,
    /// Columns: where data gets to: places of running workloads and of copies, and of whoever receives from there.
    pub places: BTreeSet<Place>,
    /// What goes from a row to a place.
    pub cells: BTreeMap<(Row, Place), Vec<Line>>,
}

/// A dataset of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Store.
    pub store: ObjectKey,
    /// Dataset; empty where the store cannot be read.
    pub dataset: String,
}

/// A flow of a cell: one regime, one outcome, everybody who carries it so.
#[derive(Clone, Debug)]
pub struct Line {
    /// The flow, as one of them makes it.
    pub flow: Flow,
    /// Its outcome.
    pub outcome: Outcome,
    /// Who carries it, with the number of Pods.
    pub who: BTreeMap<Who, usize>,
    /// Whether all of them are where nothing is refused.
    pub is_exempt: bool,
}

impl Filter {
    fn takes(&self, who: Option<&Who>, store: &ObjectKey) -> bool {
        let here = self.namespace.as_deref().is_none_or(|namespace| {
            *store.namespace == *namespace || who.is_some_and(|who| who.namespace() == namespace)
        });
        let named = self.store.as_deref().is_none_or(|asked| match asked.split_once('/') {
            Some((namespace, name)) => *store.namespace == *namespace && *store.name == *name,
            None => *store.name == *asked,
        });
        here && named
    }
}

impl Matrix {
    /// From how every flow stands.
    pub fn new(
        snapshot: &Snapshot,
        standings: &BTreeMap<(Who, Flow), FlowStanding>,
        filter: &Filter,
    ) -> Self {
        let mut matrix = Self::default();
        if !filter.violations {
            for store in snapshot.stores.values().filter(|store| filter.takes(None, &store.key)) {
                for dataset in &store.datasets {
                    let row = Row { store: store.key.clone(), dataset: dataset.name.to_string() };
                    matrix.rows.insert(row, store.place.clone());
                }
            }
        }
        for ((who, flow), standing) in standings {
            let broken = matches!(standing.outcome, Outcome::Uncovered { .. });
            if filter.takes(Some(who), &flow.store) && (broken || !filter.violations) {
                matrix.add(who, flow, standing);
            }
        }
        for lines in matrix.cells.values_mut() {
            lines.sort_by_key(|line| (std::cmp::Reverse(rank(&line.outcome)), line.flow.regime.clone()));
        }
        matrix
    }

    fn add(&mut self, who: &Who, flow: &Flow, standing: &FlowStanding) {
        let row = Row { store: flow.store.clone(), dataset: flow.dataset.to_string() };
        self.rows.entry(row.clone()).or_insert_with(|| flow.home.clone());
        self.places.insert(flow.to.clone());
        let lines = self.cells.entry((row, flow.to.clone())).or_default();
        let said = Stands::new(&standing.outcome);
        let alike = |line: &Line| {
            line.flow.regime == flow.regime
                && line.flow.importer == flow.importer
                && line.flow.way == flow.way
                && Stands::new(&line.outcome) == said
        };
        let at = lines.iter().position(alike).unwrap_or_else(|| {
            lines.push(Line {
                flow: flow.clone(),
                outcome: standing.outcome.clone(),
                who: BTreeMap::new(),
                is_exempt: true,
            });
            lines.len() - 1
        });
        let line = &mut lines[at];
        line.who.insert(who.clone(), standing.pods);
        line.is_exempt &= standing.is_exempt;
    }

    /// Everything, line by line.
    pub fn lines(&self) -> Vec<LineSaid> {
        let mut all = vec![];
        for line in self.cells.values().flatten() {
            all.push(LineSaid {
                flow: FlowSaid::new(&line.flow, &line.outcome),
                workloads: line
                    .who
                    .iter()
                    .map(|(who, pods)| CarrierSaid { name: who.to_string(), pods: *pods })
                    .collect(),
                exempt: line.is_exempt,
            });
        }
        all
    }

    /// How many flows stand in each way, and how many of them on one leg.
    pub fn count(&self) -> (BTreeMap<&'static str, usize>, usize) {
        let mut states: BTreeMap<&'static str, usize> = BTreeMap::new();
        let mut single = 0;
        for line in self.cells.values().flatten() {
            *states.entry(line.outcome.state()).or_default() += 1;
            single += usize::from(line.outcome.last_leg().is_some());
        }
        (states, single)
    }
}

/// A line of the matrix, for machines.
#[derive(Clone, Debug, Serialize)]
pub struct LineSaid {
    /// The flow.
    #[serde(flatten)]
    pub flow: FlowSaid,
    /// Who carries it.
    pub workloads: Vec<CarrierSaid>,
    /// Whether all of them are in namespaces where nothing is refused.
    pub exempt: bool,
}

/// Who carries a flow, for machines.
#[derive(Clone, Debug, Serialize)]
pub struct CarrierSaid {
    /// `Deployment analytics/web`, or `copy backup of identity/accounts`.
    pub name: String,
    /// Running Pods; none for a copy.
    pub pods: usize,
}

/// A row without a flow, for machines.
#[derive(Clone, Debug, Serialize)]
pub struct RowSaid {
    /// Store.
    pub store: String,
    /// Dataset.
    pub dataset: String,
    /// Where the store is.
    pub home: PlaceSaid,
}

impl Matrix {
    /// The rows, for machines.
    pub fn rows_said(&self) -> Vec<RowSaid> {
        let said = |(row, home): (&Row, &Place)| RowSaid {
            store: row.store.to_string(),
            dataset: row.dataset.clone(),
            home: PlaceSaid::new(home),
        };
        self.rows.iter().map(said).collect()
    }
}

/// How bad an outcome is: the later of [`Outcome::STATES`], the worse.
pub fn rank(outcome: &Outcome) -> usize {
    Outcome::STATES.iter().position(|state| *state == outcome.state()).unwrap_or_default()
}

/// The letter by which a state is marked, so that colour is never all there is.
pub fn letter(outcome: &Outcome) -> char {
    match outcome {
        Outcome::NoBorder => 'N',
        Outcome::Adequate(_) => 'A',
        Outcome::Carried { .. } if outcome.last_leg().is_some() => 'L',
        Outcome::Carried { .. } => 'C',
        Outcome::SameEntity => 'S',
        Outcome::CollectedDirectly => 'D',
        Outcome::Waived { .. } => 'W',
        Outcome::Uncovered { .. } => 'X',
    }
}

/// What the letters mean.
pub const LEGEND: &[(char, &str)] = &[
    ('N', "no border is crossed"),
    ('A', "an adequacy decision holds"),
    ('C', "carried, with a fallback"),
    ('L', "carried by one safeguard alone (last leg)"),
    ('S', "same entity, noted"),
    ('D', "collected directly from the people themselves"),
    ('W', "waived(fail)"),
    ('X', "nothing covers it"),
];

/// What a cell says: each outcome with its regimes, the worst first.
pub fn cell(lines: &[Line]) -> String {
    let mut by: Vec<(String, Vec<String>)> = vec![];
    for line in lines {
        let said = short(&line.outcome);
        let regime = line.flow.regime.to_string();
        match by.iter_mut().find(|(other, _)| *other == said) {
            Some((_, regimes)) if regimes.contains(&regime) => {}
            Some((_, regimes)) => regimes.push(regime),
            None => by.push((said, vec![regime])),
        }
    }
    let parts = by.into_iter().map(|(said, regimes)| format!("{said} [{}]", regimes.join(" ")));
    parts.collect::<Vec<_>>().join("; ")
}

fn short(outcome: &Outcome) -> String {
    let letter = letter(outcome);
    match outcome {
        Outcome::Carried { by, also, .. } if !also.is_empty() => format!("{letter} {by} +{}", also.len()),
        Outcome::Adequate(by) | Outcome::Carried { by, .. } => format!("{letter} {by}"),
        Outcome::Waived { exception, .. } => format!("{letter} exception/{exception}"),
        Outcome::NoBorder | Outcome::SameEntity | Outcome::CollectedDirectly | Outcome::Uncovered { .. } => {
            letter.to_string()
        }
    }
}

/// A place, as a heading.
pub fn heading(place: &Place) -> String {
    said::place(place)
}
