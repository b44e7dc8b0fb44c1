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
}

impl State {
    /// An installation's first authority.
    pub fn first(signer: Signer, now: Timestamp) -> Self {
        Self { current: signer, signs_from: now, next: None, previous: vec![] }
    }

    /// With what a configuration's bundle still holds of ours, for a state that may not know all: leaves may be served by
    /// it, so it stays until it ends, and they are not exchanged before everybody knows the current authority.
    #[must_use]
    pub fn adopting(&self, bundle: &str, now: Timestamp, rules: &Rules) -> Self {
        let mut state = self.clone();
        for (cert_pem, until) in ours(bundle, now) {
            if !state.knows(&cert_pem) {
                state.previous.push(Retired { cert_pem, until });
                state.signs_from = later(now, rules.wait);
            }
        }
        state
    }

    /// With this authority as the one that will sign.
    #[must_use]
    pub fn begun(&self, signer: Signer, distrust: bool) -> Self {
        let next = Some(Next { signer, announced: None, distrust });
        Self { next, ..self.clone() }
    }

    /// With the next authority signing.
    pub(super) fn promoted(&self, next: &Next, now: Timestamp, rules: &Rules) -> Self {
        let mut previous = self.previous.clone();
        previous
            .push(Retired { cert_pem: self.current.authority.cert_pem.clone(), until: self.current.ends });
        if next.distrust {
            let until = later(now, rules.overlap);
            previous.iter_mut().for_each(|p| p.until = p.until.min(until));
        }
        Self { current: next.signer.clone(), signs_from: now, next: None, previous }
    }

    /// Certificates of all authorities, the signing one first.
    fn certificates(&self) -> impl Iterator<Item = &str> {
        let current = self.current.authority.cert_pem.as_str();
        let next = self.next.as_ref().map(|n| n.signer.authority.cert_pem.as_str());
        std::iter::once(current).chain(next).chain(self.previous.iter().map(|p| p.cert_pem.as_str()))
    }

    /// What the `caBundle` has to hold.
    pub fn bundle(&self) -> String {
        self.certificates().map(|pem| format!("{}\n", pem.trim())).collect()
    }

    /// Whether the bundle holds this authority.
    pub fn knows(&self, cert_pem: &str) -> bool {
        self.certificates().any(|known| known.trim() == cert_pem.trim())
    }
}
