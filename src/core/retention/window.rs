//! Hours in which deletion may run.

use jiff::{Timestamp, ToSpan, civil::Date};

use crate::core::policy::Window;

impl Window {
    /// Whether deletion may run now.
    pub fn is_open(&self, now: Timestamp) -> bool {
        let today = now.to_zoned(self.zone.clone()).date();
        // One that began yesterday may reach into today.
        [today.yesterday().unwrap_or(today), today]
            .into_iter()
            .filter_map(|day| self.on(day))
            .any(|(start, end)| start <= now && now < end)
    }

    /// The next instant, `now` included, at which deletion may run.
    pub fn next(&self, now: Timestamp) -> Timestamp {
        if self.is_open(now) {
            return now;
        }
        let mut day = now.to_zoned(self.zone.clone()).date();
        // A day whose hours a change of clocks swallowed has no window.
        for _ in 0..8 {
            if let Some((start, _)) = self.on(day).filter(|(start, end)| now <= *start && start < end) {
                return start;
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Timestamp::MAX
    }

    fn on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        let last = if self.end > self.start { day } else { day.tomorrow().ok()? };
        Some((self.instant(day, self.start)?, self.instant(last, self.end)?))
    }

    fn instant(&self, day: Date, minutes: u16) -> Option<Timestamp> {
        let local = day.at(0, 0, 0, 0).checked_add(i64::from(minutes).minutes()).ok()?;
        Some(local.to_zoned(self.zone.clone()).ok()?.timestamp())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_is_open_from_its_start_until_before_its_end() {
        let w = Window { start: 60, end: 300, zone: TimeZone::UTC };
        assert!(!w.is_open(at("2026-01-01T00:59:59Z")));
        assert!(w.is_open(at("2026-01-01T01:00:00Z")));
        assert!(!w.is_open(at("2026-01-01T05:00:00Z")));
        assert_eq!(w.next(at("2026-01-01T05:00:00Z")), at("2026-01-02T01:00:00Z"));
        assert_eq!(w.next(at("2026-01-01T02:00:00Z")), at("2026-01-01T02:00:00Z"));
    }

    #[test]
    fn a_window_that_ends_before_it_starts_passes_midnight() {
        let w = Window { start: 22 * 60, end: 2 * 60, zone: TimeZone::UTC };
        assert!(w.is_open(at("2026-01-01T01:59:00Z")));
        assert!(!w.is_open(at("2026-01-01T02:00:00Z")));
        assert!(w.is_open(at("2026-01-01T23:00:00Z")));
        assert_eq!(w.next(at("2026-01-01T12:00:00Z")), at("2026-01-01T22:00:00Z"));
    }
}
