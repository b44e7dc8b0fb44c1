//! Local times against instants: pure. The server's own tables of zones are often empty, so the offset is reckoned here.

use jiff::{Timestamp, ToSpan, civil::DateTime, tz::TimeZone};

/// The earliest local time that an instant, or any within a day of it, is shown as, reckoned from that instant: a local time
/// up to it was surely over at the instant, also where a clock was set back and the same local time came twice.
pub(super) fn surely_over(zone: &TimeZone, at: Timestamp) -> DateTime {
    shown(zone, at).fold(DateTime::MAX, Ord::min)
}

/// The latest such: a local time from it on surely began at the instant or later.
pub(super) fn surely_begun(zone: &TimeZone, at: Timestamp) -> DateTime {
    shown(zone, at).fold(DateTime::MIN, Ord::max)
}

/// The instant as local time, by each of the offsets that hold around it.
fn shown(zone: &TimeZone, at: Timestamp) -> impl Iterator<Item = DateTime> {
    let around = [-26, 0, 26].map(|hours: i64| at.saturating_add(hours.hours()).unwrap_or(at));
    around.map(|near| zone.to_offset(near).to_datetime(at)).into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::get("Europe/Berlin").expect("a zone")
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    #[test]
    fn far_from_a_change_of_the_clock_local_time_is_local_time() {
        let noon = at("2026-07-01T10:00:00Z");
        assert_eq!(surely_over(&zone(), noon), "2026-07-01T12:00:00".parse().expect("a time"));
        assert_eq!(surely_begun(&zone(), noon), "2026-07-01T12:00:00".parse().expect("a time"));
    }

    #[test]
    fn a_local_time_that_came_twice_is_over_when_its_second_time_is() {
        // On 2026-10-25 03:00 became 02:00: 02:30 was at 00:30Z and at 01:30Z.
        for (instant, over) in
            [("2026-10-25T00:45:00Z", "2026-10-25T01:45:00"), ("2026-10-25T01:45:00Z", "2026-10-25T02:45:00")]
        {
            assert_eq!(surely_over(&zone(), at(instant)), over.parse().expect("a time"), "{instant}");
        }
    }

    #[test]
    fn no_local_time_is_taken_for_over_before_its_last_instant() {
        let mut instant = at("2026-10-24T00:00:00Z");
        while instant < at("2026-10-27T00:00:00Z") {
            let over = surely_over(&zone(), instant);
            let last = zone().to_ambiguous_timestamp(over).later().expect("in range");
            assert!(last <= instant, "{over} is over at {last}, and was taken for over at {instant}");
            instant = instant.saturating_add(15.minutes()).expect("in range");
        }
    }
}
