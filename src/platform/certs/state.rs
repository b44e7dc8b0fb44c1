//! The authorities that there are: the one that signs, the one that will, those that did.

use jiff::Timestamp;

use super::{Rules, Signer, authority::ours, later};

/// The authorities of an installation, as its Secret holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Signs leaves.
    pub current: Signer,
    /// From when a replica exchanges a good leaf for one of the current authority.
    pub signs_from: Timestamp,
    /// Will sign, once every API server knows it.
    pub next: Option<Next>,
    /// Signed once; leaves of theirs may still be served.
    pub previous: Vec<Retired>,
}

/// An authority that will sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// The authority.
    pub signer: Signer,
    /// Since when the webhook's configuration holds it; none = not that anybody saw.
    pub announced: Option<Timestamp>,
    /// The one before it is no longer trusted: it leaves the bundle as soon as replicas can have changed over.
    pub distrust: bool,
}

/// An authority that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Certificate.
    pub cert_pem: String,
    /// How long it stays in the bundle.
    pub until: Timestamp,
    /// The instant after which it carries nothing.
    pub ends: Timestamp,
    /// It has left the bundle, and is remembered so that it is not taken back.
    pub gone: bool,
}

impl State {
    /// An installation's first authority.
    pub fn first(signer: Signer, now: Timestamp) -> Self {
        Self { current: signer, signs_from: now, next: None, previous: vec![] }
    }

    /// With what a configuration's bundle holds of ours, for a state that may not know all, since the Secret was lost: leaves
    /// may be served by it, so it stays until it ends, and they are not exchanged before everybody knows the current
    /// authority.
    #[must_use]
    pub fn adopting(&self, bundle: &str, now: Timestamp, rules: &Rules) -> Self {
        let mut state = self.clone();
        for (cert_pem, ends) in ours(bundle, now) {
            if !state.knows(&cert_pem) && !state.previous.iter().any(|p| same(&p.cert_pem, &cert_pem)) {
                state.previous.push(Retired { cert_pem, until: ends, ends, gone: false });
                state.signs_from = later(now, rules.wait);
            }
        }
        state
    }

    /// With this authority as the one that will sign. One that was to sign and did not is remembered as gone.
    #[must_use]
    pub fn begun(&self, signer: Signer, distrust: bool) -> Self {
        let mut previous = self.previous.clone();
        if let Some(Next { signer, .. }) = &self.next {
            let (cert_pem, ends) = (signer.authority.cert_pem.clone(), signer.ends);
            previous.push(Retired { cert_pem, until: ends, ends, gone: true });
        }
        let next = Some(Next { signer, announced: None, distrust });
        Self { next, previous, ..self.clone() }
    }

    /// With the next authority signing.
    pub(super) fn promoted(&self, next: &Next, now: Timestamp, rules: &Rules) -> Self {
        let mut previous = self.previous.clone();
        let (cert_pem, ends) = (self.current.authority.cert_pem.clone(), self.current.ends);
        previous.push(Retired { cert_pem, until: ends, ends, gone: false });
        if next.distrust {
            let until = later(now, rules.overlap);
            for retired in &mut previous {
                retired.until = retired.until.min(until);
            }
        }
        Self { current: next.signer.clone(), signs_from: now, next: None, previous }
    }

    /// Without what has ended by now; none = there is nothing to take out.
    pub(super) fn cleared(&self, now: Timestamp) -> Option<Self> {
        let left = self.previous.iter().filter(|p| p.ends > now);
        let previous: Vec<_> =
            left.map(|p| Retired { gone: p.gone || p.until <= now, ..p.clone() }).collect();
        (previous != self.previous).then(|| Self { previous, ..self.clone() })
    }

    /// Certificates of all authorities that the bundle has to hold, the signing one first.
    fn certificates(&self) -> impl Iterator<Item = &str> {
        let current = self.current.authority.cert_pem.as_str();
        let next = self.next.as_ref().map(|n| n.signer.authority.cert_pem.as_str());
        let previous = self.previous.iter().filter(|p| !p.gone);
        std::iter::once(current).chain(next).chain(previous.map(|p| p.cert_pem.as_str()))
    }

    /// What the `caBundle` has to hold.
    pub fn bundle(&self) -> String {
        self.certificates().map(|pem| format!("{}\n", pem.trim())).collect()
    }

    /// Whether the bundle holds this authority.
    pub fn knows(&self, cert_pem: &str) -> bool {
        self.certificates().any(|known| same(known, cert_pem))
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim() == b.trim()
}
