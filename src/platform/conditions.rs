//! Conditions of `metav1`: one writer's view of an object, written only when it says something new.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a controller says about an object, without the times that the API wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `Ready`, `NoViolation`, ...
    pub type_: &'static str,
    /// Whether it is so; none = nobody can say.
    pub status: Option<bool>,
    /// One word.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl Finding {
    /// A finding that is so.
    pub fn yes(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, status: Some(true), reason, message: message.into() }
    }

    /// A finding that is not so.
    pub fn no(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, status: Some(false), reason, message: message.into() }
    }

    /// A finding that nobody can decide.
    pub fn unknown(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, status: None, reason, message: message.into() }
    }
}

/// The longest message that the API takes.
const LONGEST: usize = 32_768;

/// The conditions that `found` makes of `old`, in the order of `found`. `lastTransitionTime` moves only where the status
/// does. Conditions of `old` that `found` does not name are gone: a controller says everything it has to say.
pub fn set(old: &[Condition], found: &[Finding], generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    // The API knows whole seconds only.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    found
        .iter()
        .map(|f| {
            let status = match f.status {
                Some(true) => "True",
                Some(false) => "False",
                None => "Unknown",
            };
            let before = old.iter().find(|c| c.type_ == f.type_ && c.status == status);
            let mut message = f.message.clone();
            truncate(&mut message, LONGEST);
            Condition {
                type_: f.type_.into(),
                status: status.into(),
                reason: f.reason.into(),
                message,
                observed_generation: generation,
                last_transition_time: before.map_or(Time(now), |c| c.last_transition_time.clone()),
            }
        })
        .collect()
}

/// Cuts `text` to at most `longest` bytes, at a character's end.
pub fn truncate(text: &mut String, longest: usize) {
    if text.len() > longest {
        let end = (0..=longest).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(s).unwrap()
    }

    #[test]
    fn the_transition_time_moves_only_when_the_status_does() {
        let first = set(&[], &[Finding::yes("Ready", "Accepted", "a")], Some(1), at(1));
        let same = set(&first, &[Finding::yes("Ready", "Accepted", "b")], Some(2), at(2));
        assert_eq!(same[0].last_transition_time.0, at(1));
        assert_eq!((same[0].message.as_str(), same[0].observed_generation), ("b", Some(2)));
        let flipped = set(&same, &[Finding::no("Ready", "Invalid", "c")], Some(2), at(3));
        assert_eq!(flipped[0].last_transition_time.0, at(3));
    }

    #[test]
    fn an_unchanged_finding_gives_an_equal_condition_at_any_later_time() {
        let found = [Finding::unknown("Held", "Unread", "holds cannot be read")];
        let first = set(&[], &found, Some(1), at(1));
        assert_eq!(first, set(&first, &found, Some(1), at(100)));
    }

    #[test]
    fn a_long_message_is_cut_at_a_characters_end() {
        let mut text = "aé".to_owned();
        truncate(&mut text, 2);
        assert_eq!(text, "a");
    }
}
