//! Words about an end that is near: a condition that says so, and one Event at each of thirty, seven and one days.
//!
//! The condition is what remembers: an Event is published where the last status did not say the same, and its name follows
//! from its words, so that neither a restart nor another leader says it again.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::{
    core::transfer::Lapse,
    picture::earliest,
    platform::{EventKind, Note, conditions::Finding},
};

/// The condition.
pub const TYPE: &str = "Expiring";

/// Whether one of these ends is near: the soonest is named, and how many more there are. `of` is what is said before.
pub fn near(ends: &[Lapse], of: &str, now: Timestamp) -> Finding {
    let mut told: Vec<(&Lapse, i32)> =
        ends.iter().filter_map(|end| Some((end, end.told_within(now)?))).collect();
    told.sort();
    let Some((soonest, days)) = told.first() else {
        return Finding::no(TYPE, "NotSoon", "nothing that it stands on ends within 30 days");
    };
    let reason = match days {
        30 => "WithinThirtyDays",
        7 => "WithinSevenDays",
        _ => "WithinOneDay",
    };
    let mut message = format!("{of}within {days} days, at {}: {}", soonest.at, soonest.what);
    if told.len() > 1 {
        message = format!("{message}; and {} more", told.len() - 1);
    }
    Finding::yes(TYPE, reason, message)
}

/// When the next word is due.
pub fn next<'a>(ends: impl IntoIterator<Item = &'a Lapse>, now: Timestamp) -> Option<Timestamp> {
    ends.into_iter().fold(None, |next, end| earliest(next, end.told_next(now)))
}

/// The Event for a condition that was not there before in these words.
pub fn news(before: &[Condition], found: &[Condition]) -> Option<Note> {
    let now = found.iter().find(|c| c.type_ == TYPE && c.status == "True")?;
    let said = before.iter().any(|c| c.type_ == TYPE && c.status == "True" && c.message == now.message);
    (!said).then(|| Note {
        kind: EventKind::Warning,
        reason: TYPE,
        action: "Judge",
        note: now.message.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::conditions::set;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn end(when: &str) -> Lapse {
        Lapse { at: at(when), of: "safeguard/scc".into(), what: "its validity ends".into(), is_alarm: false }
    }

    /// What is published at each of these instants, when each status is written.
    fn published(ends: &[Lapse], instants: &[&str]) -> Vec<String> {
        let mut before = vec![];
        let mut notes = vec![];
        for now in instants {
            let now = at(now);
            let found = set(&before, &[near(ends, "", now)], Some(1), now);
            notes.extend(news(&before, &found).map(|note| note.note));
            before = found;
        }
        notes
    }

    #[test]
    fn one_event_is_published_at_each_of_thirty_seven_and_one_days_and_none_when_it_is_over() {
        let every_day: Vec<String> = (1..=31)
            .map(|day| format!("2027-01-{day:02}T12:00:00Z"))
            .chain(["2026-06-01T00:00:00Z".into()])
            .collect();
        let days: Vec<&str> = every_day.iter().map(String::as_str).collect();
        let notes = published(&[end("2027-01-31T00:00:00Z")], &days);
        assert_eq!(
            notes,
            [
                "within 30 days, at 2027-01-31T00:00:00Z: its validity ends",
                "within 7 days, at 2027-01-31T00:00:00Z: its validity ends",
                "within 1 days, at 2027-01-31T00:00:00Z: its validity ends",
            ]
        );
    }

    #[test]
    fn an_end_that_is_moved_is_news() {
        let (first, second) = (end("2027-01-31T00:00:00Z"), end("2027-01-20T00:00:00Z"));
        let now = at("2027-01-10T00:00:00Z");
        let before = set(&[], &[near(&[first], "", now)], Some(1), now);
        let found = set(&before, &[near(&[second], "", now)], Some(1), now);
        assert!(news(&before, &found).is_some() && news(&found, &found).is_none());
    }

    #[test]
    fn the_soonest_of_several_ends_is_named_and_the_others_are_counted() {
        let ends = [end("2027-01-31T00:00:00Z"), end("2027-01-12T00:00:00Z"), end("2028-01-01T00:00:00Z")];
        let said = near(&ends, "", at("2027-01-10T00:00:00Z"));
        assert_eq!((said.reason, said.status), ("WithinSevenDays", Some(true)));
        assert_eq!(said.message, "within 7 days, at 2027-01-12T00:00:00Z: its validity ends; and 1 more");
        assert_eq!(next(&ends, at("2027-01-10T00:00:00Z")), Some(at("2027-01-11T00:00:00Z")));
    }
}
