//! The decision.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{
    Flow, FlowVerdict, NearMiss, Outcome, Remedy, Request, Verdict, Workload,
    carry::{self, Crossing},
    clock::Clock,
    near::{self, Blocked},
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
    let uses: BTreeSet<&ObjectKey> = request.uses.iter().map(|u| &u.store).collect();
    for key in uses {
        match snapshot.judged_store(key) {
            Some(store) => judge.store(store, &places),
            None => judge.unknown_store(key, &places),
        }
    }
    judge.verdict()
}

/// Judges a copy. Exceptions speak of workloads, so none waives it.
pub(super) fn copy(snapshot: &Snapshot, key: &ObjectKey, name: &str, now: Timestamp) -> Verdict {
    let store = snapshot.stores.get(key);
    let copy = store.and_then(|s| s.copies.iter().find(|c| c.name == name).map(|c| (s, c)));
    // A party that is only named is not known.
    let importer = copy.map(|(_, c)| &c.party).filter(|p| snapshot.parties.contains_key(*p));
    let mut judge = Judge::new(snapshot, now, importer, &key.namespace);
    match copy {
        Some((store, copy)) => judge.store(store, &[&copy.place]),
        None => judge.unknown_store(key, &[&NOWHERE]),
    }
    judge.verdict()
}

struct Judge<'a> {
    snapshot: &'a Snapshot,
    now: Timestamp,
    importer: Option<&'a PartyName>,
    namespace: &'a str,
    workload: Option<&'a Workload<'a>>,
    clock: Clock,
    safeguards_noted: bool,
    flows: Vec<FlowVerdict>,
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
            workload: None,
            clock,
            safeguards_noted: false,
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

    fn store(&mut self, store: &'a Store, places: &[&'a Place]) {
        let regimes = regimes(self.snapshot, store);
        let exception = self.exception(&store.key);
        for place in places {
            for regime in &regimes {
                let adequate = self.by_place(regime, place.country);
                for dataset in &store.datasets {
                    let outcome = match &adequate {
                        Some(outcome) => outcome.clone(),
                        None => self.crossing(store, dataset, regime, place, exception),
                    };
                    let flow = Flow {
                        store: store.key.clone(),
                        dataset: dataset.name.clone(),
                        regime: (*regime).clone(),
                        exporter: store.exporter.clone(),
                        importer: self.importer.cloned(),
                        home: store.place.clone(),
                        place: (*place).clone(),
                    };
                    self.flows.push(FlowVerdict { flow, outcome });
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
                };
                let outcome = Outcome::Uncovered { near, remedies: vec![Remedy::DeclareStore] };
                self.flows.push(FlowVerdict { flow, outcome });
            }
        }
    }

    /// What the country alone answers: no border, or a decision that holds by itself.
    fn by_place(&mut self, regime: &RegimeId, country: Option<Country>) -> Option<Outcome> {
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

    fn crossing(
        &mut self,
        store: &'a Store,
        dataset: &'a Dataset,
        regime: &RegimeId,
        place: &Place,
        exception: Option<&Exception>,
    ) -> Outcome {
        let snapshot = self.snapshot;
        if snapshot.settings.same_entity_reported && self.importer == Some(&store.exporter) {
            return Outcome::SameEntity;
        }
        self.note_safeguards();
        let crossing = self.importer.map(|importer| Crossing {
            snapshot,
            now: self.now,
            exporter: &store.exporter,
            importer,
            namespace: self.namespace,
            dataset,
            regime,
            place,
        });
        if let Some(outcome) = crossing.as_ref().and_then(carried) {
            return outcome;
        }
        let blocked = Blocked { snapshot, now: self.now, store, dataset, regime, place, crossing };
        let mut near = blocked.near_misses();
        match exception {
            Some(e) if self.now < e.until => Outcome::Waived { exception: e.name.clone(), near },
            ended => {
                near.extend(ended.map(|e| NearMiss {
                    what: format!("exception/{}", e.name).into(),
                    why: format!("ended {}", e.until),
                }));
                Outcome::Uncovered { near, remedies: blocked.remedies() }
            }
        }
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

    /// The instants of this importer's safeguards, once, and only where a border is crossed.
    fn note_safeguards(&mut self) {
        if self.safeguards_noted {
            return;
        }
        self.safeguards_noted = true;
        let Some(importer) = self.importer else { return };
        let grace = self.snapshot.settings.assessment_grace_days;
        for safeguard in self.snapshot.by_importer.get(importer).into_iter().flatten() {
            self.clock.note_safeguard(safeguard, &self.snapshot.law, grace);
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

/// The safeguard of best preference that carries the crossing, and the others that would.
fn carried(crossing: &Crossing<'_>) -> Option<Outcome> {
    let safeguards = crossing.snapshot.by_importer.get(crossing.importer)?;
    let mut valid = safeguards.iter().filter_map(|s| {
        let warnings = carry::carries(s, crossing)?;
        Some((Arc::<str>::from(format!("safeguard/{}", s.name)), warnings))
    });
    let (by, warnings) = valid.next()?;
    let also = valid.map(|(name, _)| name).collect();
    Some(Outcome::Carried { by, also, warnings })
}

/// Regimes that are judged for a store, for its status.
pub fn judged_regimes(snapshot: &Snapshot, store: &Store) -> Vec<RegimeId> {
    regimes(snapshot, store).into_iter().cloned().collect()
}
