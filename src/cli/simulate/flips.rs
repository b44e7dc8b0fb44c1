//! What stands otherwise in another world. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::{
        flows::rank,
        said::{self, PlaceSaid, Stands},
        world::World,
    },
    core::{
        snapshot::Snapshot,
        store::Place,
        transfer::{Flow, Outcome, ReliedOn, Request, decide},
    },
    picture::{FlowStanding, Who, standings},
    placement::candidates,
};

/// What a flip comes to, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Effect {
    /// Nothing covers it any more.
    BecomesViolation,
    /// Nothing covers it any more, and an exception waives that.
    BecomesWaived,
    /// Something else carries it, and that alone.
    CaughtOnLastLeg,
    /// The same carries it still, with fewer fallbacks.
    LosesFallback,
    /// Something else carries it.
    Caught,
    /// It needs a safeguard no more, or has one again, or a fallback.
    Improves,
}

impl Effect {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::BecomesViolation => "becomes a violation",
            Self::BecomesWaived => "is only waived",
            Self::CaughtOnLastLeg => "is caught, on its last leg",
            Self::LosesFallback => "loses a fallback",
            Self::Caught => "is caught",
            Self::Improves => "improves",
        }
    }
}

/// A flow that stands otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Flip {
    /// What it comes to.
    pub effect: Effect,
    /// Who carries it.
    pub workload: String,
    /// Running Pods; none for a copy, and for what does not run now.
    pub pods: usize,
    /// Store.
    pub store: String,
    /// Datasets.
    pub datasets: Vec<String>,
    /// Regime.
    pub regime: String,
    /// Where it goes.
    pub place: PlaceSaid,
    /// How it gets there, unless it is processed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<String>,
    /// How it stands now; none = there is no such flow.
    pub from: Option<Stands>,
    /// How it would stand.
    pub to: Stands,
    /// What catches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caught_by: Option<String>,
    /// For people: from what.
    #[serde(skip)]
    pub from_words: String,
    /// For people: to what.
    #[serde(skip)]
    pub to_words: String,
    /// For people: where.
    #[serde(skip)]
    pub place_words: String,
    /// Whether nothing is refused there.
    pub exempt: bool,
}

/// One judged flow: who, from where to where; whoever receives may be another in another world.
pub type Key = (Who, (String, String, String, Place, Option<String>));

/// Every flow of what runs, of copies, and of what would run: places in which a template may run are all judged.
pub fn stand(world: &World, snapshot: &Snapshot, now: Timestamp) -> BTreeMap<Key, FlowStanding> {
    let running = world.running(snapshot);
    let (found, _) = standings(snapshot, &running, now);
    let mut all = BTreeMap::new();
    for ((who, flow), standing) in found {
        put(&mut all, key(who, &flow), standing);
    }
    for template in world.idle() {
        let detection = world.detect(snapshot, template);
        if detection.uses.is_empty() {
            continue;
        }
        let places = candidates(snapshot, &template.spec).into_places();
        let owner = &template.owner;
        let request = Request {
            workload: template.workload(snapshot),
            uses: &detection.uses,
            sends: &detection.sends,
            places: &places,
            now,
        };
        let who = Who::Owner {
            kind: owner.kind.clone(),
            namespace: owner.namespace.clone(),
            name: owner.name.clone(),
        };
        let is_exempt = snapshot.settings.is_exempt(&owner.namespace);
        for f in decide(snapshot, &request).flows {
            let standing = FlowStanding { outcome: f.outcome, pods: 0, is_exempt };
            put(&mut all, key(who.clone(), &f.flow), standing);
        }
    }
    all
}

/// Data may get to one place by several hops: the worst is told.
fn put(all: &mut BTreeMap<Key, FlowStanding>, key: Key, standing: FlowStanding) {
    let worse = |old: &FlowStanding| rank(&standing.outcome) > rank(&old.outcome);
    if all.get(&key).is_none_or(worse) {
        all.insert(key, standing);
    }
}

fn key(who: Who, flow: &Flow) -> Key {
    let Flow { store, dataset, regime, exporter: _, importer: _, home: _, place: _, way: _, to } = flow;
    (who, (store.to_string(), dataset.to_string(), regime.to_string(), to.clone(), said::way(flow)))
}

/// What stands otherwise in `after`, the worst first. A flow that is there no more is no flip.
pub fn flips(before: &BTreeMap<Key, FlowStanding>, after: &BTreeMap<Key, FlowStanding>) -> Vec<Flip> {
    let mut all: Vec<Flip> = vec![];
    for (key, to) in after {
        let from = before.get(key);
        let Some(effect) = effect(from.map(|f| &f.outcome), &to.outcome) else { continue };
        let (who, (store, dataset, regime, place, way)) = key;
        let flip = Flip {
            effect,
            workload: who.to_string(),
            pods: to.pods,
            store: store.clone(),
            datasets: vec![dataset.clone()],
            regime: regime.clone(),
            place: PlaceSaid::new(place),
            way: way.clone(),
            from: from.map(|f| Stands::new(&f.outcome)),
            to: Stands::new(&to.outcome),
            caught_by: caught_by(effect, &to.outcome),
            from_words: from.map_or_else(|| "no such flow".into(), |f| said::outcome(&f.outcome)),
            to_words: said::outcome(&to.outcome),
            place_words: way
                .as_ref()
                .map_or_else(|| said::place(place), |way| format!("{}: {way}", said::place(place))),
            exempt: to.is_exempt,
        };
        // Datasets that fall alike are one line.
        match all
            .iter_mut()
            .find(|other| Flip { datasets: flip.datasets.clone(), ..(*other).clone() } == flip)
        {
            Some(other) => other.datasets.push(dataset.clone()),
            None => all.push(flip),
        }
    }
    all.sort_by(|a, b| (a.effect, &a.workload, &a.store).cmp(&(b.effect, &b.workload, &b.store)));
    all
}

fn effect(from: Option<&Outcome>, to: &Outcome) -> Option<Effect> {
    let before = from.map(|outcome| (outcome.state(), outcome.relied_on(), fallbacks(outcome)));
    if before == Some((to.state(), to.relied_on(), fallbacks(to))) {
        return None;
    }
    let leg = from.and_then(Outcome::relied_on);
    match to {
        Outcome::Uncovered { .. } => Some(Effect::BecomesViolation),
        Outcome::Waived { .. } if matches!(from, Some(Outcome::Uncovered { .. })) => Some(Effect::Improves),
        Outcome::Waived { .. } => Some(Effect::BecomesWaived),
        Outcome::NoBorder | Outcome::SameEntity | Outcome::CollectedDirectly => {
            from.map(|_| Effect::Improves)
        }
        Outcome::Adequate(_) | Outcome::Carried { .. } => match from? {
            Outcome::Uncovered { .. } | Outcome::Waived { .. } => Some(Effect::Improves),
            Outcome::Carried { .. } if leg == to.relied_on() => {
                let fewer = before.is_some_and(|(_, _, fallbacks_before)| fallbacks(to) < fallbacks_before);
                Some(if fewer { Effect::LosesFallback } else { Effect::Improves })
            }
            // What carried it would carry it still: something better came.
            Outcome::Carried { .. } if leg.is_some_and(|leg| also(to).contains(leg)) => {
                Some(Effect::Improves)
            }
            Outcome::Adequate(_)
            | Outcome::Carried { .. }
            | Outcome::NoBorder
            | Outcome::SameEntity
            | Outcome::CollectedDirectly => {
                Some(if to.last_leg().is_some() { Effect::CaughtOnLastLeg } else { Effect::Caught })
            }
        },
    }
}

fn also(outcome: &Outcome) -> &[ReliedOn] {
    match outcome {
        Outcome::Carried { also, .. } => also,
        Outcome::NoBorder
        | Outcome::Adequate(_)
        | Outcome::SameEntity
        | Outcome::CollectedDirectly
        | Outcome::Waived { .. }
        | Outcome::Uncovered { .. } => &[],
    }
}

fn fallbacks(outcome: &Outcome) -> usize {
    also(outcome).len()
}

fn caught_by(effect: Effect, to: &Outcome) -> Option<String> {
    match effect {
        Effect::Caught | Effect::CaughtOnLastLeg | Effect::LosesFallback => {
            to.relied_on().map(ToString::to_string)
        }
        Effect::BecomesWaived => Stands::new(to).exception,
        Effect::BecomesViolation | Effect::Improves => None,
    }
}

/// What is left on one leg, whether it flips or not: safeguard, with the workloads and copies that stand on it alone.
pub fn last_legs(after: &BTreeMap<Key, FlowStanding>) -> BTreeMap<String, BTreeSet<String>> {
    let mut legs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ((who, _), standing) in after {
        if let Some(leg) = standing.outcome.last_leg() {
            legs.entry(leg.to_string()).or_default().insert(who.to_string());
        }
    }
    legs
}
