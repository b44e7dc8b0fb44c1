//! Several replicas, some of them leading, killed and delayed at any line, with people who meddle: whatever order things
//! happen in, no API server holds a bundle that does not know what a replica serves by.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, prelude::*};

use super::steps::{at, rules};
use crate::platform::certs::{
    Act, Leaf, LeafStep, Rotate, State, Told, fingerprint, leaf_step, new_authority, plan,
};

/// An API server may know the configuration of so long ago; shorter than the wait of 150 s.
const LAG: SignedDuration = SignedDuration::from_secs(140);
/// A look is given up after as long.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

#[derive(Default)]
struct Replica {
    leads: bool,
    memory: Option<State>,
    leaf: Option<Leaf>,
    /// The next line of its look.
    line: u8,
    begun: Timestamp,
    seen: (u64, String),
    read: u64,
}

struct World {
    now: Timestamp,
    secret: Option<(u64, State)>,
    asked: Option<Rotate>,
    version: u64,
    config: u64,
    /// What the configuration held from when on; false = somebody else wrote it.
    bundles: Vec<(Timestamp, String, bool)>,
    replicas: Vec<Replica>,
    /// Authorities that were made where nothing was left, and since when a bundle holds them.
    first: BTreeMap<String, Option<Timestamp>>,
    signed: BTreeSet<String>,
    /// What happened, for whoever has to understand a failure.
    story: Vec<String>,
}

fn certificate(state: &State) -> String {
    state.current.authority.cert_pem.clone()
}

/// A bundle, short enough to read.
fn names(bundle: &str) -> String {
    let all = bundle.split_inclusive("-----END CERTIFICATE-----\n").filter(|pem| pem.contains("BEGIN"));
    all.map(fingerprint).collect::<Vec<_>>().join("+")
}

impl World {
    fn new(replicas: usize) -> Self {
        Self {
            now: at(0),
            secret: None,
            asked: None,
            version: 0,
            config: 0,
            bundles: vec![(at(0), String::new(), false)],
            replicas: (0..replicas).map(|n| Replica { leads: n == 0, ..Replica::default() }).collect(),
            first: BTreeMap::new(),
            signed: BTreeSet::new(),
            story: vec![],
        }
    }

    fn tell(&mut self, what: &str) {
        self.story.push(format!("{}: {what}", self.now));
    }

    fn tick(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn write_bundle(&mut self, bundle: String, ours: bool) {
        for (cert, since) in &mut self.first {
            if since.is_none() && bundle.contains(cert.trim()) {
                *since = Some(self.now);
            }
        }
        self.tell(&format!("the bundle becomes {} (ours: {ours})", names(&bundle)));
        self.config = self.tick();
        self.bundles.push((self.now, bundle, ours));
    }

    fn write_secret(&mut self, who: usize, state: State) -> u64 {
        let of = |s: &State| fingerprint(&s.current.authority.cert_pem);
        let announced = state.next.as_ref().and_then(|n| n.announced);
        self.tell(&format!(
            "{who} stores {} of {} (announced: {announced:?})",
            of(&state),
            names(&state.bundle())
        ));
        let version = self.tick();
        self.secret = Some((version, state));
        version
    }

    /// One line of a replica's look, as `operator::certificate::own` has them.
    fn step(&mut self, number: usize) {
        let now = self.now;
        let mut me = std::mem::take(&mut self.replicas[number]);
        let told = |me: &Replica| match &me.memory {
            Some(state) if state.bundle() == me.seen.1 => Told::Yes,
            _ => Told::No,
        };
        me.line = match me.line {
            0 => {
                me.begun = now;
                me.seen = (self.config, self.bundles.last().unwrap().1.clone());
                1
            }
            1 => match self.secret.clone() {
                Some((version, state)) => {
                    (me.read, me.memory) = (version, Some(state.adopting(&me.seen.1, now, &rules())));
                    2
                }
                None if now.duration_since(me.begun) > PATIENCE => 0,
                None => {
                    let made = || State::first(new_authority(now, rules().authority).unwrap(), now);
                    let fresh = me.memory.is_none();
                    let state = me.memory.clone().unwrap_or_else(made).adopting(&me.seen.1, now, &rules());
                    if fresh {
                        self.first.insert(certificate(&state), None);
                    }
                    me.memory = Some(state.clone());
                    me.read = self.write_secret(number, state);
                    3
                }
            },
            2 if me.leads => {
                let state = me.memory.clone().unwrap();
                let current = state.current.clone();
                let adopted = self.secret.as_ref().is_some_and(|(v, s)| *v == me.read && *s != state);
                let then = match plan(&state, told(&me), self.asked, now, &rules()).act {
                    _ if adopted && self.asked.is_none() => Some(state),
                    Act::Keep => None,
                    Act::MakeNext { distrust } => {
                        Some(state.begun(new_authority(now, rules().authority).unwrap(), distrust))
                    }
                    Act::Store(then) => Some(*then),
                };
                match then {
                    None => 3,
                    Some(then) if self.secret.as_ref().is_some_and(|(version, _)| *version == me.read) => {
                        // Nobody led for so long that the current one ended: whoever signs then is a first one.
                        if then.current != current && now >= current.ends {
                            let cert = certificate(&then);
                            let told =
                                self.bundles.iter().find(|(_, b, _)| b.contains(cert.trim())).map(|b| b.0);
                            self.first.insert(cert, told);
                        }
                        me.memory = Some(then.clone());
                        self.write_secret(number, then);
                        self.asked = None;
                        3
                    }
                    Some(_) => 0,
                }
            }
            2 => 3,
            3 => {
                let state = me.memory.clone().unwrap();
                if leaf_step(me.leaf.as_ref(), &state, now) == LeafStep::Sign {
                    let signed_by = certificate(&state);
                    self.signed.insert(signed_by.clone());
                    self.tell(&format!("{number} serves by {}", fingerprint(&signed_by)));
                    let ends = (now + rules().leaf).min(state.current.ends);
                    let (cert_pem, key_pem) = Default::default();
                    me.leaf = Some(Leaf { cert_pem, key_pem, signed_by, made: now, ends });
                }
                4
            }
            _ => {
                if told(&me) == Told::No && me.seen.0 == self.config {
                    self.write_bundle(me.memory.as_ref().unwrap().bundle(), true);
                }
                0
            }
        };
        self.replicas[number] = me;
    }

    /// What is served is known to every bundle that an API server may hold.
    fn check(&self) -> Result<(), String> {
        let since = self.now - LAG;
        let held = self.bundles.iter().enumerate().filter(|(n, (_, _, ours))| {
            let until = self.bundles.get(n + 1).map_or(self.now, |(at, ..)| *at);
            *ours && until >= since
        });
        for (_, (written, bundle, _)) in held {
            for (number, replica) in self.replicas.iter().enumerate() {
                let Some(leaf) = replica.leaf.as_ref().filter(|l| l.ends > self.now) else { continue };
                // Where nothing was left, somebody had to be the first.
                let told = self
                    .first
                    .get(&leaf.signed_by)
                    .is_none_or(|told| told.is_some_and(|t| t + LAG < self.now));
                if told && !bundle.contains(leaf.signed_by.trim()) {
                    return Err(format!(
                        "at {} replica {number} serves what the bundle of {written} does not know:\n{}",
                        self.now,
                        self.story.join("\n")
                    ));
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Event {
    Step(usize),
    Kill(usize),
    Lead(usize),
    Delete,
    Ask,
    /// Somebody writes the bundle of so many writes ago; the first one is empty.
    Meddle(usize),
}

/// People lose the Secret, or meddle with the bundle; not both, since then nobody knows any more what there was.
fn event(fault: Event) -> impl Strategy<Value = (Event, i64)> {
    let replica = 0..3_usize;
    let event = prop_oneof![
        80 => replica.clone().prop_map(Event::Step),
        2 => replica.clone().prop_map(Event::Kill),
        3 => replica.prop_map(Event::Lead),
        1 => Just(Event::Ask),
        2 => (0..6_usize).prop_map(move |ago| match fault {
            Event::Meddle(_) => Event::Meddle(ago),
            _ => fault.clone(),
        }),
    ];
    (event, prop_oneof![8 => 0..5_i64, 2 => 0..60_i64, 1 => 0..400_i64])
}

fn live(events: Vec<(Event, i64)>) -> Result<(), String> {
    let mut world = World::new(3);
    for (event, seconds) in events {
        world.now += SignedDuration::from_secs(seconds);
        if !matches!(event, Event::Step(_)) {
            world.tell(&format!("{event:?}"));
        }
        match event {
            Event::Step(number) => world.step(number),
            Event::Kill(number) => {
                let leads = world.replicas[number].leads;
                world.replicas[number] = Replica { leads, ..Replica::default() };
            }
            Event::Lead(number) => world.replicas[number].leads ^= true,
            Event::Delete => world.secret = None,
            Event::Ask => world.asked = Some(Rotate::Now),
            Event::Meddle(ago) => {
                let bundle = world.bundles[world.bundles.len().saturating_sub(ago + 1)].1.clone();
                world.write_bundle(bundle, false);
            }
        }
        world.check()?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_api_server_meets_a_leaf_that_its_bundle_does_not_know_whoever_meddles_with_the_bundle(
        events in vec(event(Event::Meddle(0)), 200..700)
    ) {
        let lived = live(events);
        prop_assert!(lived.is_ok(), "{}", lived.unwrap_err());
    }

    #[test]
    fn no_api_server_meets_a_leaf_that_its_bundle_does_not_know_whoever_deletes_the_secret(
        events in vec(event(Event::Delete), 200..700)
    ) {
        let lived = live(events);
        prop_assert!(lived.is_ok(), "{}", lived.unwrap_err());
    }
}

#[test]
fn left_alone_authorities_follow_one_another_and_nobody_is_ever_without_a_leaf_that_carries() {
    let mut world = World::new(3);
    for second in 0..30_000_i64 {
        world.now = at(second);
        // Each line takes a second, each look a minute, each replica at another time.
        let (number, line) = (usize::try_from(second % 60 / 20).unwrap(), second % 20);
        if line < 5 {
            world.step(number);
        }
        world.check().unwrap();
        if second > 60 {
            assert!(world.replicas.iter().all(|r| r.leaf.as_ref().unwrap().ends > world.now), "{second}");
        }
    }
    // A life of 3000 s, of which two thirds and the wait are signed in.
    assert!((12..=15).contains(&world.signed.len()), "{}", world.signed.len());
    let (_, state) = world.secret.unwrap();
    assert!(state.previous.len() <= 1 && world.bundles.len() < 60, "{state:?}");
}
