//! When an authority follows another. Told first, believed later, signing last: no API server ever meets a leaf whose
//! authority it has not been told of.

use jiff::{SignedDuration, Timestamp};

use super::{Signer, State, later, two_thirds};

/// The longest that an API server is given to hear of a changed configuration. Its watch brings a change within a second;
/// one whose watch is cut off takes it up anew within five to ten minutes, and cannot write meanwhile.
const WAIT: SignedDuration = SignedDuration::from_mins(10);
/// The waiting time's part of an authority's life, where that is short.
const WAIT_PART: i64 = 20;

/// How authorities and leaves are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Life of an authority.
    pub authority: SignedDuration,
    /// Life of a leaf.
    pub leaf: SignedDuration,
    /// How often the Secret is looked at.
    pub look: SignedDuration,
    /// From the announcement of an authority until it signs.
    pub wait: SignedDuration,
    /// How long an authority that is distrusted stays, so that replicas can change over.
    pub overlap: SignedDuration,
}

/// Whether the webhook's configuration holds every authority of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It does.
    Yes,
    /// Not all of them.
    No,
    /// There is no configuration, so nobody calls us.
    Nobody,
}

/// A rotation that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotate {
    /// In good order: the old authority stays until it ends.
    Now,
    /// The old authorities' keys may be known to others.
    Distrust,
}

/// What the leader does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Keep,
    /// Makes an authority and stores it as the next one.
    MakeNext {
        /// Whether those before it are distrusted.
        distrust: bool,
    },
    /// Stores this.
    Store(Box<State>),
}

/// What the leader does, and when it looks again at the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it does.
    pub act: Act,
    /// When something is due next.
    pub look: Timestamp,
}

impl Rules {
    /// Rules for these lives, with the Secret looked at this often; more often where lives are short.
    pub fn new(authority: SignedDuration, leaf: SignedDuration, look: SignedDuration) -> Self {
        let part = SignedDuration::from_secs((authority.as_secs() / WAIT_PART).max(1));
        let look = look.min(part);
        let wait = part.min(WAIT);
        let three_looks = SignedDuration::from_secs(look.as_secs().saturating_mul(3));
        Self { authority, leaf, look, wait, overlap: wait.max(three_looks) }
    }

    /// When an authority is to be followed by another. A flag that shortens lives counts at once.
    fn due(&self, signer: &Signer) -> Timestamp {
        let life = signer.ends.duration_since(signer.made).min(self.authority);
        later(signer.made, two_thirds(life))
    }
}

/// The next step of a rotation.
pub fn plan(state: &State, told: Told, asked: Option<Rotate>, now: Timestamp, rules: &Rules) -> Plan {
    let then = |act: Act, look: Timestamp| Plan { act, look };
    match (asked, &state.next) {
        // Whoever read the Secret read the next key too.
        (Some(Rotate::Distrust), _) => return then(Act::MakeNext { distrust: true }, now),
        (Some(Rotate::Now), None) => return then(Act::MakeNext { distrust: false }, now),
        // It is under way.
        (Some(Rotate::Now), Some(_)) => return then(Act::Store(Box::new(state.clone())), now),
        (None, _) => {}
    }
    if let Some(cleared) = state.cleared(now) {
        return then(Act::Store(Box::new(cleared)), now);
    }
    let ends = state.previous.iter().map(|p| if p.gone { p.ends } else { p.until });
    let ends = ends.min().unwrap_or(Timestamp::MAX);
    let Some(next) = &state.next else {
        let due = rules.due(&state.current);
        return if now >= due {
            then(Act::MakeNext { distrust: false }, now)
        } else {
            then(Act::Keep, due.min(ends))
        };
    };
    // Nobody believes the current one any more: waiting would help nobody.
    if now >= state.current.ends {
        return then(Act::Store(Box::new(state.promoted(next, now, rules))), now);
    }
    let announced = |at: Option<Timestamp>| {
        let mut state = state.clone();
        state.next = Some(super::Next { announced: at, ..next.clone() });
        Act::Store(Box::new(state))
    };
    match (next.announced, told) {
        (None, Told::No) => then(Act::Keep, now),
        (None, Told::Yes | Told::Nobody) => then(announced(Some(now)), now),
        // Somebody took it out: API servers may have forgotten it.
        (Some(_), Told::No) => then(announced(None), now),
        // Another replica's clock is ahead.
        (Some(at), Told::Yes | Told::Nobody) if at > now => then(announced(Some(now)), now),
        (Some(at), Told::Yes | Told::Nobody) => {
            let signs = later(at, rules.wait);
            if now >= signs {
                then(Act::Store(Box::new(state.promoted(next, now, rules))), now)
            } else {
                then(Act::Keep, signs.min(ends))
            }
        }
    }
}
