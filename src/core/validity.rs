//! Half-open intervals of time: `[from, until)`. Days are UTC days; a last day ends at the next midnight.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

/// A half-open interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// First instant; none = since ever.
    pub from: Option<Timestamp>,
    /// First instant after; none = no end.
    pub until: Option<Timestamp>,
}

impl Validity {
    /// Whether `now` lies inside.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|f| f <= now) && self.until.is_none_or(|u| now < u)
    }

    /// The next instant after `now` at which [`Self::contains`] changes.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        [self.from, self.until].into_iter().flatten().filter(|t| *t > now).min()
    }

    /// The common part of two intervals.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let until = match (self.until, other.until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { from: self.from.max(other.from), until }
    }

    /// Whether no instant lies inside.
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.until), (Some(f), Some(u)) if u <= f)
    }
}

/// 00:00:00Z of a day.
pub fn start_of(day: Date) -> Timestamp {
    day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |z| z.timestamp())
}

/// 00:00:00Z of the day after: where a last valid day ends.
pub fn end_of(day: Date) -> Timestamp {
    day.tomorrow().map_or(Timestamp::MAX, start_of)
}

/// The instant so many days (of 24 hours: days here are UTC days) after `instant`.
pub fn days_after(instant: Timestamp, days: i32) -> Timestamp {
    let span = SignedDuration::from_hours(24 * i64::from(days));
    instant.checked_add(span).unwrap_or(if days < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
