//! Everything of which the end is known: what carries no longer from then on, and what a person must look after by then.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    ReliedOn,
    carry::framework::{CARRIES_DAYS, WARNS_DAYS},
};
use crate::core::{
    safeguard::{Instrument, Safeguard},
    snapshot::Snapshot,
    validity::{Validity, days_after},
};

/// Days before a lapse at which it is told of, the farthest first.
pub const TOLD_DAYS: [i32; 3] = [30, 7, 1];

/// One end to come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lapse {
    /// The first instant at which it is over.
    pub at: Timestamp,
    /// Of what: `safeguard/NAME`, `exception/NAME`, `law/ROW`.
    pub of: ReliedOn,
    /// What is over then, or to be done by then.
    pub what: String,
    /// Whether it only warns: nothing stops carrying by itself.
    pub is_alarm: bool,
}

impl Lapse {
    /// The least of [`TOLD_DAYS`] within which it lies; none where it is farther off, or over.
    pub fn told_within(&self, now: Timestamp) -> Option<i32> {
        let near = |days: &&i32| now >= days_after(self.at, -**days);
        (now < self.at).then(|| TOLD_DAYS.iter().rfind(near).copied()).flatten()
    }

    /// When that answer changes next.
    pub fn told_next(&self, now: Timestamp) -> Option<Timestamp> {
        let instants = TOLD_DAYS.iter().map(|days| days_after(self.at, -days)).chain([self.at]);
        instants.filter(|t| *t > now).min()
    }
}

/// Every end after `now`, soonest first.
pub fn lapses(snapshot: &Snapshot, now: Timestamp) -> Vec<Lapse> {
    let mut all: Vec<Lapse> =
        snapshot.safeguards.values().flat_map(|safeguard| of_safeguard(snapshot, safeguard)).collect();
    for exception in snapshot.exceptions.values() {
        let of = format!("exception/{}", exception.name).into();
        all.push(Lapse { at: exception.until, of, what: "the exception ends".into(), is_alarm: false });
    }
    for (name, framework) in &snapshot.law.frameworks {
        all.extend(row(name.as_str(), &framework.validity, "the framework ends"));
    }
    for (id, adequacy) in &snapshot.law.adequacy {
        all.extend(row(id, &adequacy.validity, "the decision ends"));
    }
    all.retain(|lapse| lapse.at > now);
    all.sort();
    all
}

/// Every end of one safeguard, over or not. Ends of the law are the law's own.
fn of_safeguard(snapshot: &Snapshot, safeguard: &Safeguard) -> Vec<Lapse> {
    let of: ReliedOn = format!("safeguard/{}", safeguard.name).into();
    let mut all = vec![];
    let mut say = |at: Option<Timestamp>, what: String, is_alarm: bool| {
        all.extend(at.map(|at| Lapse { at, of: of.clone(), what, is_alarm }));
    };
    say(safeguard.validity.until, "its validity ends".into(), false);
    match &safeguard.instrument {
        Instrument::Clauses(_) | Instrument::Agreement(_) | Instrument::GroupRules(_) => {
            let grace = snapshot.settings.assessment_grace_days;
            for assessment in &safeguard.assessments {
                let regimes: Vec<_> = assessment.regimes.iter().map(ToString::to_string).collect();
                let which = format!("the assessment of {} for {}", assessment.country, regimes.join(", "));
                let over = assessment.review_until.map(|end| days_after(end, grace));
                say(assessment.review_until, format!("{which} is to be reviewed"), true);
                say(over, format!("{which} is overdue beyond its grace"), false);
            }
        }
        Instrument::DataPrivacyFramework(entry) => {
            for framework in &entry.frameworks {
                let what = format!("the certification for {} ends", framework.name.as_str());
                say(framework.validity.until, what, false);
            }
            let checked = |days| Some(days_after(entry.checked_on, days));
            say(checked(WARNS_DAYS), "the list is to be checked again".into(), true);
            say(checked(CARRIES_DAYS), "the check of the list is too old to count".into(), false);
        }
        Instrument::Adequacy(_) | Instrument::Derogation(_) => {}
    }
    all
}

/// Everything by which a safeguard ceases to carry something, over or not: its own ends, and those of the law that it stands
/// on.
pub fn ends_of_safeguard(snapshot: &Snapshot, safeguard: &Safeguard) -> Vec<Lapse> {
    let mut all = of_safeguard(snapshot, safeguard);
    all.retain(|lapse| !lapse.is_alarm);
    let law = &snapshot.law;
    match &safeguard.instrument {
        Instrument::Clauses(_)
        | Instrument::Agreement(_)
        | Instrument::GroupRules(_)
        | Instrument::Derogation(_) => {}
        Instrument::DataPrivacyFramework(entry) => {
            for framework in &entry.frameworks {
                let known = law.frameworks.get(&framework.name);
                let name = framework.name.as_str();
                all.extend(known.and_then(|known| row(name, &known.validity, "the framework ends")));
            }
        }
        Instrument::Adequacy(claim) => {
            let known = law.adequacy.get(claim.row.as_str());
            all.extend(known.and_then(|known| row(&known.id, &known.validity, "the decision ends")));
        }
    }
    all.sort();
    all
}

fn row(id: &str, validity: &Validity, what: &str) -> Option<Lapse> {
    let of = Arc::from(format!("law/{id}"));
    Some(Lapse { at: validity.until?, of, what: what.into(), is_alarm: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lapse(at: &str) -> Lapse {
        Lapse { at: at.parse().unwrap(), of: "safeguard/scc".into(), what: "x".into(), is_alarm: false }
    }

    #[test]
    fn a_lapse_is_told_of_within_thirty_seven_and_one_days_and_not_once_it_is_over() {
        let lapse = lapse("2027-01-31T00:00:00Z");
        for (now, within) in [
            ("2026-12-31T23:59:59Z", None),
            ("2027-01-01T00:00:00Z", Some(30)),
            ("2027-01-23T23:59:59Z", Some(30)),
            ("2027-01-24T00:00:00Z", Some(7)),
            ("2027-01-30T00:00:00Z", Some(1)),
            ("2027-01-30T23:59:59Z", Some(1)),
            ("2027-01-31T00:00:00Z", None),
        ] {
            assert_eq!(lapse.told_within(now.parse().unwrap()), within, "{now}");
        }
    }

    #[test]
    fn the_next_word_about_a_lapse_is_waited_for() {
        let lapse = lapse("2027-01-31T00:00:00Z");
        for (now, next) in [
            ("2026-06-01T00:00:00Z", Some("2027-01-01T00:00:00Z")),
            ("2027-01-01T00:00:00Z", Some("2027-01-24T00:00:00Z")),
            ("2027-01-30T00:00:00Z", Some("2027-01-31T00:00:00Z")),
            ("2027-01-31T00:00:00Z", None),
        ] {
            let next = next.map(|t| t.parse::<Timestamp>().unwrap());
            assert_eq!(lapse.told_next(now.parse().unwrap()), next, "{now}");
        }
    }
}
