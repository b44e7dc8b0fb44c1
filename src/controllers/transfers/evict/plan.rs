//! Which Pod is evicted next, and when. Pure: the instant is an argument.
//!
//! Nothing is remembered beyond the life of a leader. The next one takes everything that it finds for one change, and waits
//! rather too often.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use super::{Outlook, Standing};
use crate::{
    core::ids::ObjectKey,
    picture::{Lapsed, LapsedPod},
};

/// Pods that become violations within this are one change.
const CHANGE: Duration = Duration::from_mins(1);
/// So many Pods may go with one change, whatever share of all they are: in a small cluster every share is large.
const FEW: usize = 10;
/// The first pause of a Pod that could not be evicted; each is twice as long as the one before.
const FIRST: Duration = Duration::from_secs(5);
/// The longest.
const LONGEST: Duration = Duration::from_mins(5);

/// How many Pods are evicted, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One for each such time.
    pub each: Duration,
    /// At once, after a rest.
    pub burst: u32,
    /// Of one workload, on their way out at a time.
    pub per_owner: usize,
    /// In percent of all that use a store, with one change.
    pub at_most: u8,
}

/// Pods that became violations together.
#[derive(Debug, Default)]
struct Wave {
    began: Timestamp,
    /// The most Pods that used a store meanwhile: those that went are among them.
    using: usize,
    pods: BTreeSet<String>,
}

impl Wave {
    /// How many of it may go.
    fn bound(&self, limits: &Limits) -> usize {
        (self.using * usize::from(limits.at_most) / 100).max(FEW)
    }

    fn is_held(&self, limits: &Limits) -> bool {
        limits.at_most < 100 && self.pods.len() > self.bound(limits)
    }
}

/// Why a Pod is not evicted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pause {
    until: Timestamp,
    tries: u32,
    /// What its budget says; none = it failed otherwise.
    blocked: Option<String>,
}

/// Decides.
#[derive(Debug)]
pub struct Planner {
    limits: Limits,
    /// By uid; the order in which they are evicted is that of the keys.
    pods: BTreeMap<String, LapsedPod>,
    waves: Vec<Wave>,
    /// Evicted, and still there.
    going: BTreeSet<String>,
    paused: HashMap<String, Pause>,
    put_off: Option<(Timestamp, String)>,
    /// The instant at which the bucket would be, or was, full.
    full_at: Timestamp,
}

impl Planner {
    /// Knows nothing yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pods: BTreeMap::new(),
            waves: vec![],
            going: BTreeSet::new(),
            paused: HashMap::new(),
            put_off: None,
            full_at: Timestamp::MIN,
        }
    }

    /// Takes what is to go now. What is not among it any more is gone, or lawful.
    pub fn learn(&mut self, lapsed: &Lapsed, now: Timestamp) {
        let Lapsed { pods, using } = lapsed;
        let came: Vec<&LapsedPod> =
            pods.iter().filter(|pod| pod.comes_back() && !self.pods.contains_key(&pod.uid)).collect();
        if !came.is_empty() {
            if self.waves.last().is_none_or(|wave| later(wave.began, CHANGE) <= now) {
                self.waves.push(Wave { began: now, ..Wave::default() });
            }
            if let Some(wave) = self.waves.last_mut() {
                wave.pods.extend(came.iter().map(|pod| pod.uid.clone()));
            }
        }
        self.pods = pods.iter().filter(|p| p.comes_back()).map(|p| (p.uid.clone(), p.clone())).collect();
        for wave in &mut self.waves {
            wave.using = wave.using.max(*using);
            // Those that were evicted go on counting: they went with this change.
            let (pods, going) = (&self.pods, &self.going);
            wave.pods.retain(|uid| pods.contains_key(uid) || going.contains(uid));
        }
        // Of a change that is over nobody is left to be evicted.
        let (pods, limit) = (&self.pods, CHANGE);
        self.waves.retain(|wave| {
            later(wave.began, limit) > now || wave.pods.iter().any(|uid| pods.contains_key(uid))
        });
        let waves = &self.waves;
        self.going.retain(|uid| pods.contains_key(uid) || waves.iter().any(|wave| wave.pods.contains(uid)));
        self.paused.retain(|uid, _| pods.contains_key(uid));
        if self.put_off.as_ref().is_some_and(|(until, _)| *until <= now) {
            self.put_off = None;
        }
    }

    /// The Pod to evict now; asked again, the next one.
    pub fn next(&mut self, now: Timestamp) -> Option<LapsedPod> {
        if self.put_off.as_ref().is_some_and(|(until, _)| *until > now) || self.free_at() > now {
            return None;
        }
        let pod = self.ready(now)?.clone();
        self.full_at = later(self.full_at.max(now), self.limits.each);
        Some(pod)
    }

    fn ready(&self, now: Timestamp) -> Option<&LapsedPod> {
        let held = self.held_pods();
        let mut of_owner: HashMap<&str, usize> = HashMap::new();
        for pod in self.going.iter().filter_map(|uid| self.pods.get(uid)) {
            *of_owner.entry(&pod.owner.uid).or_default() += 1;
        }
        let mut ready: Vec<&LapsedPod> = self
            .pods
            .values()
            .filter(|pod| !held.contains(pod.uid.as_str()) && !self.going.contains(&pod.uid))
            .filter(|pod| self.paused.get(&pod.uid).is_none_or(|pause| pause.until <= now))
            .filter(|pod| {
                of_owner.get(pod.owner.uid.as_str()).copied().unwrap_or_default() < self.limits.per_owner
            })
            .collect();
        ready.sort();
        ready.into_iter().next()
    }

    /// When the next one may go by its rate.
    fn free_at(&self) -> Timestamp {
        let behind = self.limits.each.saturating_mul(self.limits.burst.saturating_sub(1));
        self.full_at.saturating_sub(behind).unwrap_or(Timestamp::MIN)
    }

    /// How long there is nothing to do; none = until something changes.
    pub fn pause(&self, now: Timestamp) -> Option<Duration> {
        let rate = (self.ready(now).is_some()).then(|| self.free_at());
        // Whose pause is over is among the ready, or waits for something else than time.
        let pauses = self.paused.values().map(|pause| pause.until).filter(|until| *until > now);
        let soonest = pauses.chain(rate).min()?;
        let off = self.put_off.as_ref().map_or(Timestamp::MIN, |(until, _)| *until);
        Some(Duration::try_from(soonest.max(off).duration_since(now)).unwrap_or(Duration::ZERO))
    }

    /// It goes, or is gone already.
    pub fn evicted(&mut self, pod: &LapsedPod) {
        self.paused.remove(&pod.uid);
        self.going.insert(pod.uid.clone());
    }

    /// Its budget forbids it now.
    pub fn blocked(&mut self, pod: &LapsedPod, why: &str, now: Timestamp) {
        self.put_back(pod, Some(why.to_owned()), now);
    }

    /// The eviction failed.
    pub fn failed(&mut self, pod: &LapsedPod, now: Timestamp) {
        self.put_back(pod, None, now);
    }

    /// It is looked at again at that instant.
    pub fn try_again(&mut self, pod: &LapsedPod, until: Timestamp) {
        self.paused.insert(pod.uid.clone(), Pause { until, tries: 0, blocked: None });
    }

    fn put_back(&mut self, pod: &LapsedPod, blocked: Option<String>, now: Timestamp) {
        let tries = self.paused.get(&pod.uid).map_or(0, |pause| pause.tries);
        let pause = FIRST.saturating_mul(2_u32.saturating_pow(tries)).min(LONGEST);
        let until = later(now, pause);
        self.paused.insert(pod.uid.clone(), Pause { until, tries: tries.saturating_add(1), blocked });
    }

    /// Nothing is evicted before that instant.
    pub fn put_off(&mut self, why: String, until: Timestamp) {
        self.put_off = Some((until, why));
    }

    fn held_pods(&self) -> BTreeSet<&str> {
        let held = self.waves.iter().filter(|wave| wave.is_held(&self.limits));
        held.flat_map(|wave| wave.pods.iter().map(String::as_str)).collect()
    }

    /// Pods that wait to be evicted.
    pub fn waiting(&self) -> usize {
        self.pods.keys().filter(|uid| !self.going.contains(*uid)).count()
    }

    /// Of these, Pods of a change that is too large.
    pub fn held(&self) -> usize {
        let held = self.held_pods();
        self.pods.keys().filter(|uid| held.contains(uid.as_str())).count()
    }

    /// What is to be said of each store.
    pub fn outlook(&self) -> Outlook {
        let mut stores: BTreeMap<ObjectKey, Standing> = BTreeMap::new();
        for (uid, pod) in &self.pods {
            let wave = self.waves.iter().find(|wave| wave.is_held(&self.limits) && wave.pods.contains(uid));
            let pause = self.paused.get(uid);
            for store in &pod.stores {
                let standing = stores.entry(store.clone()).or_default();
                standing.pods += 1;
                if let Some(wave) = wave {
                    standing.held = Some((wave.pods.len(), wave.using, self.limits.at_most));
                }
                standing.put_off = self.put_off.as_ref().map(|(_, why)| why.clone());
                if let Some(why) = pause.and_then(|pause| pause.blocked.as_ref()) {
                    standing.blocked.insert(format!("{}: {why}", pod.key));
                }
            }
        }
        Outlook { stores }
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
