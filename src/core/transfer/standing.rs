//! How a flow stands, in one word, and on how many legs.

use jiff::Timestamp;

use super::{FlowVerdict, Outcome, ReliedOn, Request, Verdict, decide};
use crate::core::snapshot::Snapshot;

/// Instants that are looked at for the next flip. Most are changes of a warning; beyond these nobody plans.
const LOOKS: usize = 64;

impl Outcome {
    /// How a flow can stand, each in one word.
    pub const STATES: [&'static str; 7] =
        ["no-border", "adequate", "carried", "same-entity", "collected-directly", "waived", "uncovered"];

    /// Which of [`Self::STATES`] it is.
    pub fn state(&self) -> &'static str {
        let [no_border, adequate, carried, same_entity, collected, waived, uncovered] = Self::STATES;
        match self {
            Self::NoBorder => no_border,
            Self::Adequate(_) => adequate,
            Self::Carried { .. } => carried,
            Self::SameEntity => same_entity,
            Self::CollectedDirectly => collected,
            Self::Waived { .. } => waived,
            Self::Uncovered { .. } => uncovered,
        }
    }

    /// What it stands on: `safeguard/NAME`, or `law/ROW` where a decision holds by itself.
    pub fn relied_on(&self) -> Option<&ReliedOn> {
        match self {
            Self::Adequate(by) | Self::Carried { by, .. } => Some(by),
            Self::NoBorder
            | Self::SameEntity
            | Self::CollectedDirectly
            | Self::Waived { .. }
            | Self::Uncovered { .. } => None,
        }
    }

    /// The one safeguard without which nothing would carry it; none where there are two, or where it needs none.
    pub fn last_leg(&self) -> Option<&ReliedOn> {
        match self {
            Self::Carried { by, also, .. } if also.is_empty() => Some(by),
            Self::NoBorder
            | Self::Adequate(_)
            | Self::Carried { .. }
            | Self::SameEntity
            | Self::CollectedDirectly
            | Self::Waived { .. }
            | Self::Uncovered { .. } => None,
        }
    }
}

/// The next instant at which a flow stands otherwise than at `verdict`, by time alone, and how it stands then.
pub fn next_flip(
    snapshot: &Snapshot,
    request: &Request<'_>,
    verdict: &Verdict,
) -> Option<(Timestamp, Verdict)> {
    let mut next = verdict.next_change;
    for _ in 0..LOOKS {
        let now = next?;
        let then = decide(snapshot, &Request { now, ..request.clone() });
        if !stand_alike(&verdict.flows, &then.flows) {
            return Some((now, then));
        }
        next = then.next_change;
    }
    None
}

fn stand_alike(one: &[FlowVerdict], other: &[FlowVerdict]) -> bool {
    let standing = |f: &FlowVerdict| (f.outcome.state(), f.outcome.relied_on().cloned());
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| standing(a) == standing(b))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn carried(also: &[&str]) -> Outcome {
        Outcome::Carried {
            by: "safeguard/scc".into(),
            also: also.iter().map(|s| Arc::from(*s)).collect(),
            warnings: vec![],
        }
    }

    #[test]
    fn a_flow_that_one_safeguard_carries_is_on_its_last_leg_and_one_that_two_carry_is_not() {
        assert_eq!(carried(&[]).last_leg().map(|by| &**by), Some("safeguard/scc"));
        assert_eq!(carried(&["safeguard/dpf"]).last_leg(), None);
    }

    #[test]
    fn what_needs_no_safeguard_or_has_none_is_on_no_leg() {
        for outcome in [
            Outcome::NoBorder,
            Outcome::Adequate("law/eu-x".into()),
            Outcome::SameEntity,
            Outcome::CollectedDirectly,
            Outcome::Waived { exception: "e".into(), near: vec![] },
            Outcome::Uncovered { near: vec![], remedies: vec![] },
        ] {
            assert_eq!(outcome.last_leg(), None, "{outcome:?}");
        }
    }
}
