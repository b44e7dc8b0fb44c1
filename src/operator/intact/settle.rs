//! What is said at once, and what must last first.

use std::time::{Duration, Instant};

use crate::enforcement::Deviation;

/// Remembers what was last said.
pub struct Settle {
    lasts: Duration,
    said: Option<Vec<Deviation>>,
    since: Option<Instant>,
}

impl Settle {
    /// A first deviation must last for `lasts`.
    pub fn new(lasts: Duration) -> Self {
        Self { lasts, said: None, since: None }
    }

    /// What was last said.
    pub fn said(&self) -> &[Deviation] {
        self.said.as_deref().unwrap_or_default()
    }

    /// Says everything anew.
    pub fn forget(&mut self) {
        self.said = None;
    }

    /// What is to be said now; none = nothing new, or not yet.
    pub fn settled<'a>(&mut self, found: &'a [Deviation], now: Instant) -> Option<&'a [Deviation]> {
        if self.said.as_deref() == Some(found) {
            self.since = None;
            return None;
        }
        let was_intact = self.said.as_ref().is_none_or(Vec::is_empty);
        if was_intact && !found.is_empty() {
            let since = *self.since.get_or_insert(now);
            if now.saturating_duration_since(since) < self.lasts {
                return None;
            }
        }
        self.since = None;
        self.said = Some(found.to_vec());
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::Kind;

    fn deviation(name: &str) -> Deviation {
        Deviation {
            kind: Kind::ValidatingAdmissionPolicy,
            name: name.into(),
            field: None,
            expected: None,
            found: None,
            release: None,
        }
    }

    #[test]
    fn a_first_deviation_must_last_and_the_rest_is_said_at_once() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let (one, two) = ([deviation("a")], [deviation("a"), deviation("b")]);
        let mut settle = Settle::new(second);
        assert_eq!(settle.settled(&[], start), Some(&[][..]));
        assert_eq!(settle.settled(&one, start), None);
        assert_eq!(settle.settled(&[], start + second), None, "gone before it counted");
        assert_eq!(settle.settled(&one, start + second), None);
        assert_eq!(settle.settled(&one, start + second * 2), Some(&one[..]));
        assert_eq!(settle.settled(&one, start + second * 3), None, "said before");
        assert_eq!(settle.settled(&two, start + second * 3), Some(&two[..]));
        assert_eq!(settle.settled(&[], start + second * 3), Some(&[][..]));
    }
}
