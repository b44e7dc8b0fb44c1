//! The decision.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Flow, FlowVerdict, NearMiss, Outcome, Remedy, Request, Sending, UseAccess, Verdict, Way, Workload,
    clock::Clock, near,
};
use crate::core::{
    exception::Exception,
    ids::{Country, ObjectKey, PartyName, RegimeId},
    snapshot::Snapshot,
    store::{Dataset, Origins, Place, Store},
};

/// A place of which nothing is known.
const NOWHERE: Place = Place { provider: None, region: None, country: None };

/// Judges a workload: every dataset of every store it uses, under every regime, in every place. The importer is the party
/// that runs the workload's namespace.
pub fn decide(snapshot: &Snapshot, request: &Request<'_>) -> Verdict {
    decide_as(snapshot, request, snapshot.runs.get(request.workload.namespace))
}

/// Judges a workload of this party, whoever runs its namespace: a deletion Job works for its store's exporter.
pub fn decide_as(snapshot: &Snapshot, request: &Request<'_>, importer: Option<&PartyName>) -> Verdict {
    let mut judge = Judge::new(snapshot, request.now, importer, request.workload.namespace);
    judge.workload = Some(&request.workload);
    let mut places: Vec<&Place> = request.places.iter().collect();
    places.sort();
    places.dedup();
    if places.is_empty() {
        places.push(&NOWHERE);
    }
    judge.sends = request.sends;
    let mut uses: BTreeMap<&ObjectKey, UseAccess> = BTreeMap::new();
    for used in request.uses {
        uses.entry(&used.store).and_modify(|a| *a = a.and(used.access)).or_insert(used.access);
    }
    let written = uses.iter().filter(|(_, access)| access.writes());
    judge.written = written.filter_map(|(key, _)| snapshot.judged_store(key)).map(AsRef::as_ref).collect();
    let party = importer.and_then(|name| snapshot.parties.get(name));
    judge.spreads = !judge.sends.is_empty()
        || !judge.written.is_empty()
        || party.is_some_and(|party| !party.keeps_to_itself());
    for (key, access) in uses {
        match snapshot.judged_store(key) {
            Some(store) => judge.each(store, &places, |judge, data| judge.processed(data, access)),
            None => judge.unknown_store(key, &places),
        }
    }
    judge.verdict()
}

/// Judges a copy. Exceptions speak of workloads, so none waives it.
pub(super) fn copy(snapshot: &Snapshot, key: &ObjectKey, name: &str, now: Timestamp) -> Verdict {
    let store = snapshot.stores.get(key);
    let copy = store.and_then(|s| s.copies.iter().find(|c| c.name == name).map(|c| (s, c)));
    let mut judge = Judge::new(snapshot, now, None, &key.namespace);
    match copy {
        Some((store, copy)) => {
            judge.each(store, &[&copy.place], |judge, data| {
                judge.copied(data, store, copy);
            });
        }
        None => judge.unknown_store(key, &[&NOWHERE]),
    }
    judge.verdict()
}

/// Judges what the exporter does with its data wherever it is.
pub(super) fn at_rest(snapshot: &Snapshot, key: &ObjectKey, now: Timestamp) -> Verdict {
    let mut judge = Judge::new(snapshot, now, None, &key.namespace);
    let store = snapshot.stores.get(key);
    // Most exporters keep to themselves: then there is no flow.
    let leaves = |store: &&Arc<Store>| {
        snapshot.parties.get(&store.exporter).is_some_and(|party| !party.keeps_to_itself())
    };
    if let Some(store) = store.filter(leaves) {
        judge.each(store, &[&store.place], Judge::held_by_exporter);
    }
    judge.verdict()
}

/// What is judged now.
pub(super) struct Judge<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Timestamp,
    /// Who runs the workload.
    pub(super) importer: Option<&'a PartyName>,
    /// Namespace of the workload, or of the store where none is concerned.
    pub(super) namespace: &'a str,
    pub(super) sends: &'a [Sending],
    /// Stores to which the workload writes what it reads from others.
    pub(super) written: Vec<&'a Store>,
    /// Whether data can get anywhere beside the place in which the workload runs.
    pub(super) spreads: bool,
    pub(super) workload: Option<&'a Workload<'a>>,
    clock: Clock,
    /// Parties whose safeguards the clock knows.
    noted: Vec<&'a PartyName>,
    pub(super) flows: Vec<FlowVerdict>,
}

/// One dataset under one regime, for a workload in one place.
pub(super) struct Data<'a> {
    pub(super) store: &'a Store,
    pub(super) dataset: &'a Dataset,
    pub(super) regime: &'a RegimeId,
    pub(super) place: &'a Place,
    pub(super) exception: Option<&'a Exception>,
}

impl<'a> Judge<'a> {
    fn new(
        snapshot: &'a Snapshot,
        now: Timestamp,
        importer: Option<&'a PartyName>,
        namespace: &'a str,
    ) -> Self {
        let clock = Clock::new(now);
        Self {
            snapshot,
            now,
            importer,
            namespace,
            sends: &[],
            written: vec![],
            spreads: false,
            workload: None,
            clock,
            noted: vec![],
            flows: vec![],
        }
    }

    fn verdict(mut self) -> Verdict {
        self.flows.sort_by(|a, b| a.flow.cmp(&b.flow));
        Verdict {
            flows: self.flows,
            law: self.snapshot.law.version.clone(),
            at: self.now,
            next_change: self.clock.next(),
        }
    }

    /// Every dataset under every regime, for each place.
    fn each(&mut self, store: &'a Store, places: &[&'a Place], mut judged: impl FnMut(&mut Self, &Data<'a>)) {
        let regimes = regimes(self.snapshot, store);
        let exception = self.exception(&store.key);
        for place in places {
            for regime in &regimes {
                for dataset in &store.datasets {
                    judged(self, &Data { store, dataset, regime, place, exception });
                }
            }
        }
    }

    /// A use of what is not there is a use of anything.
    fn unknown_store(&mut self, key: &ObjectKey, places: &[&Place]) {
        let what: Arc<str> = format!("store {key}").into();
        let why = match self.snapshot.unreadable_stores.get(key) {
            Some(store) => {
                format!("is declared, but cannot be read: {}", store.why.lines().next().unwrap_or_default())
            }
            None => "is not declared".into(),
        };
        for place in places {
            for regime in self.snapshot.law.regimes.keys() {
                let near = vec![NearMiss { what: what.clone(), why: why.clone() }];
                let flow = Flow {
                    store: key.clone(),
                    dataset: "*".into(),
                    regime: regime.clone(),
                    exporter: "unknown".into(),
                    importer: self.importer.cloned(),
                    home: NOWHERE,
                    place: (*place).clone(),
                    way: Way::Processing,
                    to: (*place).clone(),
                };
                let outcome = Outcome::Uncovered { near, remedies: vec![Remedy::DeclareStore] };
                self.flows.push(FlowVerdict { flow, outcome });
            }
        }
    }

    /// What the country alone answers: no border, or a decision that holds by itself.
    pub(super) fn by_place(&mut self, regime: &RegimeId, country: Option<Country>) -> Option<Outcome> {
        let country = country?;
        if inside(self.snapshot, regime, country) {
            return Some(Outcome::NoBorder);
        }
        for row in self.snapshot.law.adequacy_rows(regime, country) {
            self.clock.note_validity(&row.validity);
        }
        near::adequate_row(self.snapshot, regime, country, self.now)
            .map(|id| Outcome::Adequate(format!("law/{id}").into()))
    }

    /// The exception that speaks of this workload and store: one in force before one that has ended.
    fn exception(&mut self, store: &ObjectKey) -> Option<&'a Exception> {
        let workload = self.workload?;
        let mut found: Option<&'a Exception> = None;
        for e in self.snapshot.exceptions_in.get(workload.namespace).into_iter().flatten() {
            if e.stores.contains(store) && e.pods.matches(workload.labels) {
                self.clock.note(e.until);
                if found.is_none_or(|f| f.until <= self.now && self.now < e.until) {
                    found = Some(e);
                }
            }
        }
        found
    }

    /// The instants of a party and of its safeguards, once, and only where a border is crossed.
    pub(super) fn note_safeguards(&mut self, importer: &'a PartyName) {
        if self.noted.contains(&importer) {
            return;
        }
        self.noted.push(importer);
        let grace = self.snapshot.settings.assessment_grace_days;
        for safeguard in self.snapshot.by_importer.get(importer).into_iter().flatten() {
            self.clock.note_safeguard(safeguard, &self.snapshot.law, grace);
        }
        self.note_control(importer);
    }

    /// When a party changes hands.
    pub(super) fn note_control(&mut self, party: &PartyName) {
        let change = self.snapshot.parties.get(party).and_then(|p| p.change_of_control.as_ref());
        if let Some(change) = change {
            self.clock.note(change.on);
        }
    }
}

/// Regimes judged: the origins, the exporter's establishment, the country of the store. What is unknown may be any.
fn regimes<'a>(snapshot: &'a Snapshot, store: &'a Store) -> BTreeSet<&'a RegimeId> {
    let every = || snapshot.law.regimes.keys().collect();
    let (Some(exporter), Some(country)) = (snapshot.parties.get(&store.exporter), store.place.country) else {
        return every();
    };
    let mut regimes: BTreeSet<&RegimeId> = match &store.origins {
        Origins::Unknown => return every(),
        Origins::Unrestricted => BTreeSet::new(),
        Origins::Regimes(origins) => origins.iter().collect(),
    };
    regimes.extend(&exporter.regime);
    regimes.extend(snapshot.law.regime_of(country).map(|r| &r.id));
    regimes
}

fn inside(snapshot: &Snapshot, regime: &RegimeId, country: Country) -> bool {
    snapshot.law.regimes.get(regime).is_some_and(|r| r.territory.contains(&country))
}

/// Regimes that are judged for a store, for its status.
pub fn judged_regimes(snapshot: &Snapshot, store: &Store) -> Vec<RegimeId> {
    regimes(snapshot, store).into_iter().cloned().collect()
}
