//! Calendar arithmetic: which instants lie long enough ago. UTC; month ends clamp.

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use crate::core::policy::Period;

/// One event's clocks for a dataset, and the instant that they give at the moment of decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// Event whose instant is compared.
    pub event: String,
    /// Items whose event lies at or before this instant are due; none = nothing is old enough.
    pub cutoff: Timestamp,
    /// The maxima that must all have elapsed.
    pub delete_after: Vec<Period>,
    /// The minima that must all have elapsed.
    pub keep_at_least: Vec<Period>,
}

impl Clock {
    /// When an item with this anchor becomes due by this clock.
    pub fn due_at(&self, anchor: Timestamp, finish_before: Period) -> Timestamp {
        // Never before it happened, however early deletion may begin.
        let delete = self.delete_after.iter().map(|p| earlier(passes(anchor, *p), finish_before).max(anchor));
        let keep = self.keep_at_least.iter().map(|p| passes(anchor, *p));
        delete.chain(keep).max().unwrap_or(Timestamp::MAX)
    }
}

/// The greatest instant whose items are due: long enough ago for the maximum, less what may be begun early, and for
/// each ground; never after now. None = no instant that can be written is long enough ago.
pub fn cutoff(
    now: Timestamp,
    delete_after: Period,
    finish_before: Period,
    grounds: &[Period],
) -> Option<Timestamp> {
    let by = greatest_before(later(now, finish_before), delete_after)?.min(now);
    grounds.iter().try_fold(by, |earliest, keep| Some(earliest.min(greatest_before(now, *keep)?)))
}

/// Sorts periods and drops what is there twice, so that the same clocks are written alike.
pub(super) fn by_length(periods: &mut Vec<Period>) {
    periods.sort_by_key(|p| (p.months, p.days, p.seconds));
    periods.dedup();
}

/// `at + period`: months first, clamped to the month's end, then days, then seconds. Saturates at the end of time,
/// which lets nothing become due.
pub fn later(at: Timestamp, period: Period) -> Timestamp {
    let zoned = at.to_zoned(TimeZone::UTC);
    let span = Span::new().try_months(period.months).and_then(|s| s.try_days(period.days));
    let moved = span.and_then(|s| zoned.checked_add(s)).map(|z| z.timestamp());
    let seconds = Span::new().try_seconds(period.seconds);
    moved.and_then(|m| m.checked_add(seconds?)).unwrap_or(Timestamp::MAX)
}

/// The first instant whose [`greatest_before`] reaches the anchor: where the month's end clamps, the end of the day on
/// which the clamped days meet.
fn passes(anchor: Timestamp, period: Period) -> Timestamp {
    let day = anchor.to_zoned(TimeZone::UTC).date();
    let moved = Span::new().try_months(period.months).and_then(|s| day.checked_add(s));
    match moved {
        Ok(moved) if moved.day() != day.day() => {
            later(crate::core::validity::end_of(moved), Period { months: 0, ..period })
        }
        Ok(_) | Err(_) => later(anchor, period),
    }
}

/// `at - period`, where starting a little late is the safe side: the greatest instant whose `later` is not after `at`.
fn earlier(at: Timestamp, period: Period) -> Timestamp {
    if at == Timestamp::MAX { at } else { greatest_before(at, period).unwrap_or(Timestamp::MIN) }
}

/// The greatest instant `a` with `b + period <= limit` for every `b` at or before `a`.
///
/// Adding months keeps the time of day, and where the month's end clamps, several days land on one: 28 January 23:00
/// and a month is later than 29 January 00:00 and a month. A bare "greatest `a` with `a + period <= limit`" would
/// take rows along whose own time has not come, so the earliest of such days decides. The answer lies on that day
/// at the limit's time of day, or (the month is too short to reach the limit's day) at the end of its last day.
pub fn greatest_before(limit: Timestamp, period: Period) -> Option<Timestamp> {
    let limit = limit.checked_sub(Span::new().try_seconds(period.seconds).ok()?).ok()?;
    let limit = limit.to_zoned(TimeZone::UTC).datetime();
    let target = limit.date().checked_sub(Span::new().try_days(period.days).ok()?).ok()?;
    let day = day_moved_to(target, period.months)?;
    let meets = day.checked_add(Span::new().try_months(period.months).ok()?).ok()? == target;
    let time = if meets { limit.time() } else { Time::MAX };
    Some(DateTime::from_parts(day, time).to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The first day that, moved on by months, lands on `target`, or the last of a month too short to have one.
fn day_moved_to(target: Date, months: i32) -> Option<Date> {
    let back = Span::new().try_months(months).ok()?;
    let month = target.first_of_month().checked_sub(back).ok()?;
    Date::new(month.year(), month.month(), target.day().min(month.days_in_month())).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn months(months: i32) -> Period {
        Period { months, ..Period::default() }
    }

    #[test]
    fn where_a_month_end_clamps_the_earliest_day_decides() {
        // 28 to 31 January all become 28 February: until its end, 28 January at 13:00 has not passed.
        assert_eq!(greatest_before(at("2026-02-28T12:00:00Z"), months(1)), Some(at("2026-01-28T12:00:00Z")));
        assert_eq!(greatest_before(at("2026-03-01T00:00:00Z"), months(1)), Some(at("2026-02-01T00:00:00Z")));
        assert_eq!(
            greatest_before(at("2026-03-30T12:00:00Z"), months(1)),
            Some(at("2026-02-28T23:59:59.999999999Z"))
        );
        assert_eq!(greatest_before(at("2027-02-28T00:00:00Z"), months(36)), Some(at("2024-02-28T00:00:00Z")));
    }

    #[test]
    fn the_latest_of_keep_and_delete_wins() {
        let day = |days| Period { days, ..Period::default() };
        let now = at("2026-06-10T00:00:00Z");
        assert_eq!(cutoff(now, day(9), day(2), &[]), Some(at("2026-06-03T00:00:00Z")));
        assert_eq!(cutoff(now, day(9), day(2), &[day(9)]), Some(at("2026-06-01T00:00:00Z")));
        assert_eq!(cutoff(now, day(9), day(2), &[day(1), day(100)]), Some(at("2026-03-02T00:00:00Z")));
    }

    #[test]
    fn what_has_not_happened_yet_is_never_due() {
        let day = |days| Period { days, ..Period::default() };
        let now = at("2026-06-10T00:00:00Z");
        assert_eq!(cutoff(now, day(9), day(700), &[]), Some(now));
        let clock =
            Clock { event: "E".into(), cutoff: now, delete_after: vec![day(9)], keep_at_least: vec![] };
        assert_eq!(clock.due_at(at("2026-07-01T00:00:00Z"), day(700)), at("2026-07-01T00:00:00Z"));
    }

    #[test]
    fn what_lies_before_the_calendar_is_never_due() {
        assert_eq!(cutoff(at("2026-01-01T00:00:00Z"), months(12 * 15_000), Period::default(), &[]), None);
        assert_eq!(later(Timestamp::MAX, months(1)), Timestamp::MAX);
    }

    prop_compose! {
        fn any_instant()(second in -2_000_000_000_i64..4_000_000_000, ns in 0..1_000_000_000_i32) -> Timestamp {
            Timestamp::new(second, ns).unwrap()
        }
    }

    prop_compose! {
        fn any_period()(months in 0..60_i32, days in 0..120_i32, seconds in 0..200_000_i64) -> Period {
            Period { months, days, seconds }
        }
    }

    proptest! {
        #[test]
        fn the_cutoff_is_the_greatest_instant_that_is_long_enough_ago(limit in any_instant(), p in any_period()) {
            let a = greatest_before(limit, p).unwrap();
            prop_assert!(later(a, p) <= limit);
            let next = Timestamp::from_nanosecond(a.as_nanosecond() + 1).unwrap();
            prop_assert!(later(next, p) > limit);
        }

        #[test]
        fn nothing_before_the_cutoff_is_kept_by_its_own_period(
            limit in any_instant(), p in any_period(), back in 0..400_000_i64,
        ) {
            let a = greatest_before(limit, p).unwrap();
            let earlier = Timestamp::from_second(a.as_second() - back).unwrap();
            prop_assert!(later(earlier, p) <= limit);
        }

        #[test]
        fn an_item_is_due_exactly_from_its_due_instant_on(a in any_instant(), p in any_period(), k in any_period()) {
            let clock = Clock {
                event: "E".into(), cutoff: a, delete_after: vec![p], keep_at_least: vec![k],
            };
            let due = clock.due_at(a, Period::default());
            prop_assert!(cutoff(due, p, Period::default(), &[k]).unwrap() >= a);
            let before = Timestamp::from_nanosecond(due.as_nanosecond() - 1).unwrap();
            prop_assert!(cutoff(before, p, Period::default(), &[k]).unwrap() < a);
        }
    }
}
