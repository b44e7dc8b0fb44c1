//! Asks `decide` for each kind of store and each kind of namespace, until when which region is covered.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use super::{End, Rule, regions::Regions};
use crate::core::{
    ids::{Country, ObjectKey, PartyName, RegimeId},
    selector::Labels,
    settings::{Mixed, Mode},
    snapshot::Snapshot,
    store::Place,
    transfer::{Outcome, Request, Use, UseAccess, Workload, decide, judged_regimes},
};

/// Changes that are looked at ahead. Beyond them a region counts as ended until somebody looks again: in doubt, refuse.
pub(super) const LOOKS_AHEAD: usize = 32;

/// What tells namespaces apart: those that agree in it are judged alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Class {
    importer: Option<PartyName>,
    /// Safeguards of the importer that are for this namespace among others.
    scoped: Vec<Arc<str>>,
    mode: Mode,
    /// The namespace itself, where an exception speaks of it.
    itself: Option<String>,
}

/// Judges, each question once.
pub(super) struct Judge<'a> {
    snapshot: &'a Snapshot,
    now: Timestamp,
    regions: &'a Regions,
    next: Option<Timestamp>,
    /// What tells stores apart, written out; by number.
    kinds: HashMap<String, usize>,
    kind_of: HashMap<ObjectKey, usize>,
    rules: HashMap<(Class, usize), Option<Arc<Rule>>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, now: Timestamp, regions: &'a Regions) -> Self {
        Self {
            snapshot,
            now,
            regions,
            next: None,
            kinds: HashMap::new(),
            kind_of: HashMap::new(),
            rules: HashMap::new(),
        }
    }

    pub(super) fn next_change(&self) -> Option<Timestamp> {
        self.next
    }

    /// What `decide` reads of a namespace.
    pub(super) fn class(&self, namespace: &str) -> Class {
        let importer = self.snapshot.runs.get(namespace);
        let safeguards = importer.and_then(|i| self.snapshot.by_importer.get(i)).into_iter().flatten();
        let scoped = safeguards
            .filter(|s| s.namespaces.as_ref().is_some_and(|all| all.contains(namespace)))
            .map(|s| s.name.clone());
        Class {
            importer: importer.cloned(),
            scoped: scoped.collect(),
            mode: self.mode(namespace),
            itself: self.snapshot.exceptions_in.contains_key(namespace).then(|| namespace.into()),
        }
    }

    /// The rule for a store as Pods of `namespace` use it; none where it is not enforced there.
    pub(super) fn rule(&mut self, namespace: &str, store: &ObjectKey) -> Option<Arc<Rule>> {
        let key = (self.class(namespace), self.kind(store));
        if let Some(rule) = self.rules.get(&key) {
            return rule.clone();
        }
        let enforced = self.mode(namespace).max(self.mode(&store.namespace)) == Mode::Enforce;
        let rule = enforced.then(|| Arc::new(self.judge(namespace, store)));
        self.rules.insert(key, rule.clone());
        rule
    }

    fn mode(&self, namespace: &str) -> Mode {
        let own = self.snapshot.namespaces.get(namespace).and_then(|n| n.mode);
        own.unwrap_or_default().max(self.snapshot.settings.mode)
    }

    /// What `decide` reads of a store, by number.
    fn kind(&mut self, key: &ObjectKey) -> usize {
        if let Some(kind) = self.kind_of.get(key) {
            return *kind;
        }
        let snapshot = self.snapshot;
        let excepted = snapshot.exceptions.values().any(|e| e.stores.contains(key)).then_some(key);
        let store = snapshot.judged_store(key).map(|s| {
            let datasets: Vec<_> =
                s.datasets.iter().map(|d| (&d.categories, &d.role, d.employment, &d.attributed_by)).collect();
            (&s.exporter, s.place.country, &s.origins, datasets)
        });
        let written = format!("{:?} {excepted:?} {store:?}", self.mode(&key.namespace));
        let next = self.kinds.len();
        let kind = *self.kinds.entry(written).or_insert(next);
        self.kind_of.insert(key.clone(), kind);
        kind
    }

    fn judge(&mut self, namespace: &str, store: &ObjectKey) -> Rule {
        let ends = self.ends(namespace, store, false);
        let jobs_until = self.jobs_until(namespace, store, &ends);
        let regions = self.regions.countries.iter().filter_map(|(region, countries)| {
            let all: Option<Vec<End>> = countries.iter().map(|c| ends.get(c).copied()).collect();
            Some((region.clone(), all?.into_iter().fold(None, first)))
        });
        let nodes: Vec<Option<End>> = self.regions.nodes.iter().map(|c| ends.get(c).copied()).collect();
        let anywhere = if !self.snapshot.settings.backstop_admits_unpinned {
            // A node that joins unseen may be anywhere.
            None
        } else if self.snapshot.settings.mixed == Mixed::Bind {
            // The binding is judged, as long as one node would do; and so are nodes that come.
            let lasting = nodes.iter().flatten().copied().reduce(last);
            if nodes.is_empty() { Some(None) } else { lasting }
        } else {
            let all: Option<Vec<End>> = nodes.into_iter().collect();
            all.filter(|all| !all.is_empty()).map(|all| all.into_iter().fold(None, first))
        };
        let exceptions = self.snapshot.exceptions_in.get(namespace).into_iter().flatten();
        let waivers: Vec<Timestamp> =
            exceptions.filter(|e| self.now < e.until && e.stores.contains(store)).map(|e| e.until).collect();
        for end in &waivers {
            self.note(*end);
        }
        Rule {
            regions: regions.collect(),
            anywhere,
            waived_until: waivers.into_iter().max(),
            jobs_until,
            inhabited: self.regions.inhabited.clone(),
            regimes: self.regimes(store),
        }
    }

    /// Whose law follows the data; of what cannot be read, any.
    fn regimes(&self, store: &ObjectKey) -> BTreeSet<RegimeId> {
        match self.snapshot.judged_store(store) {
            Some(store) => judged_regimes(self.snapshot, store).into_iter().collect(),
            None => self.snapshot.law.regimes.keys().cloned().collect(),
        }
    }

    /// Until when something is covered for a Job that nothing repeats and for nobody else. Which Jobs those are the API server
    /// cannot see.
    fn jobs_until(
        &mut self,
        namespace: &str,
        store: &ObjectKey,
        for_all: &BTreeMap<Option<Country>, End>,
    ) -> Option<End> {
        if !self.snapshot.settings.derogations_for_jobs {
            return None;
        }
        let for_jobs = self.ends(namespace, store, true);
        let longer = for_jobs.into_iter().filter(|(country, end)| for_all.get(country) != Some(end));
        longer.map(|(_, end)| end).reduce(last)
    }

    /// The countries in which everything is covered, with the instant at which that ends.
    fn ends(&mut self, namespace: &str, store: &ObjectKey, one_off: bool) -> BTreeMap<Option<Country>, End> {
        let nothing = Labels::new();
        let uses = [Use { store: store.clone(), via: vec![], access: UseAccess::Read }];
        let mut open = self.regions.all();
        let mut ends = BTreeMap::new();
        let mut at = self.now;
        for look in 0..=LOOKS_AHEAD {
            let places: Vec<Place> = open
                .iter()
                .map(|country| Place { provider: None, region: None, country: *country })
                .collect();
            if places.is_empty() {
                return ends;
            }
            let workload = Workload { kind: "Pod", namespace, name: "", labels: &nothing, one_off };
            let verdict = decide(
                self.snapshot,
                &Request { workload, uses: &uses, sends: &[], places: &places, now: at },
            );
            let lost: BTreeSet<Option<Country>> = verdict
                .flows
                .iter()
                // An exception is no cover: what it waives is told apart.
                .filter(|f| matches!(f.outcome, Outcome::Uncovered { .. } | Outcome::Waived { .. }))
                .map(|f| f.flow.place.country)
                .collect();
            open.retain(|country| !lost.contains(country));
            if look == 0 {
                verdict.next_change.into_iter().for_each(|next| self.note(next));
            } else {
                ends.extend(lost.into_iter().map(|country| (country, Some(at))));
            }
            match verdict.next_change {
                None => {
                    ends.extend(open.into_iter().map(|country| (country, None)));
                    return ends;
                }
                Some(next) => at = next,
            }
        }
        ends.extend(open.into_iter().map(|country| (country, Some(at))));
        ends
    }

    fn note(&mut self, instant: Timestamp) {
        if self.next.is_none_or(|next| instant < next) {
            self.next = Some(instant);
        }
    }
}

/// The earlier end.
fn first(a: End, b: End) -> End {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The later end.
fn last(a: End, b: End) -> End {
    a.zip(b).map(|(a, b)| a.max(b))
}
