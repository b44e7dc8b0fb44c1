//! Which counts of running Pods are told, and when. They change with every Pod, and each change is a write.

use std::time::{Duration, Instant};

use super::Standing;

/// A count that only moves up and down is written no more often than this.
const SELDOM: Duration = Duration::from_secs(30);

/// What was told.
#[derive(Default)]
pub struct Counts {
    told: Option<(Instant, Standing)>,
    /// What was told is not what was heard last.
    late: bool,
}

impl Counts {
    /// What is to be told, by what was `heard` last. None where nothing was counted yet: a leader that has just begun does not
    /// know that nobody stands on anything, and what the leader before it told stays.
    pub fn tell(&mut self, heard: Option<&Standing>, now: Instant) -> Option<&Standing> {
        let heard = heard?;
        let told = match self.told.take() {
            Some((at, told)) if told == *heard => (at, told),
            Some((at, told)) if !is_due(at, now) && told.names_the_same(heard) => (at, told),
            _ => (now, heard.clone()),
        };
        self.late = told.1 != *heard;
        Some(&self.told.insert(told).1)
    }

    /// Whether it is time to tell what was heard since.
    pub fn are_owed(&self, now: Instant) -> bool {
        self.late && self.told.as_ref().is_some_and(|(at, _)| is_due(*at, now))
    }
}

fn is_due(told: Instant, now: Instant) -> bool {
    now.saturating_duration_since(told) >= SELDOM
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(all: &[(&str, i64)]) -> Standing {
        let safeguards = all.iter().map(|(name, pods)| ((*name).to_owned(), *pods)).collect();
        Standing { safeguards, ..Standing::default() }
    }

    #[test]
    fn nothing_is_told_before_anything_was_counted_and_then_even_nothing_is_told() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        assert_eq!(counts.tell(None, now), None);
        assert!(!counts.are_owed(now + SELDOM));
        let nobody = Standing::default();
        assert_eq!(counts.tell(Some(&nobody), now), Some(&nobody));
    }

    #[test]
    fn a_new_name_is_told_at_once_and_another_number_seldom() {
        let (mut counts, start) = (Counts::default(), Instant::now());
        let (one, two) = (standing(&[("a", 1)]), standing(&[("a", 2)]));
        assert_eq!(counts.tell(Some(&one), start), Some(&one));
        let soon = start + SELDOM / 2;
        assert_eq!(counts.tell(Some(&two), soon), Some(&one));
        assert!(!counts.are_owed(soon) && counts.are_owed(start + SELDOM));
        let both = standing(&[("a", 2), ("b", 1)]);
        assert_eq!(counts.tell(Some(&both), soon), Some(&both));
        assert_eq!(counts.tell(Some(&two), soon), Some(&two), "a name that goes is told as well");
        assert_eq!(counts.tell(Some(&one), soon + SELDOM), Some(&one));
        assert!(!counts.are_owed(soon + SELDOM * 2));
    }
}
