//! Calendar periods of ISO 8601.

use super::FieldError;
use crate::core::policy::Period;

const FIX: &str = "write an ISO 8601 period such as P3Y, P1Y6M, P90D, P2W or PT12H";

/// Reads a period: years, months, weeks, days, hours, minutes and seconds as whole numbers, never negative.
pub fn period(path: &str, text: &str) -> Result<Period, FieldError> {
    read(text).ok_or_else(|| FieldError::new(path, format!("`{text}` is not an ISO 8601 period"), FIX))
}

/// Reads a period of whole days or weeks as days.
pub fn days(text: &str) -> Option<i32> {
    let period = read(text).filter(|p| p.months == 0 && p.seconds == 0)?;
    Some(period.days)
}

fn read(text: &str) -> Option<Period> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let mut period = Period::default();
    let (mut months, mut days) = (0_i64, 0_i64);
    for (unit, n) in parts(date, "YMWD")? {
        match unit {
            'Y' => months = months.checked_add(n.checked_mul(12)?)?,
            'M' => months = months.checked_add(n)?,
            'W' => days = days.checked_add(n.checked_mul(7)?)?,
            _ => days = days.checked_add(n)?,
        }
    }
    for (unit, n) in parts(time, "HMS")? {
        let seconds = match unit {
            'H' => n.checked_mul(3600)?,
            'M' => n.checked_mul(60)?,
            _ => n,
        };
        period.seconds = period.seconds.checked_add(seconds)?;
    }
    // Beyond this nothing can be reckoned with, and a slip of the key is more likely.
    let sane = months <= 12 * 1000 && days <= 366_000 && period.seconds <= 366_000 * 86_400;
    period.months = i32::try_from(months).ok()?;
    period.days = i32::try_from(days).ok()?;
    sane.then_some(period)
}

/// Numbers with their units, which come in the order of `units`, each at most once.
fn parts(mut text: &str, units: &str) -> Option<Vec<(char, i64)>> {
    let mut units = units.chars();
    let mut parts = vec![];
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|n| (1..=9).contains(n))?;
        let (number, rest) = text.split_at(digits);
        let unit = rest.chars().next()?;
        units.find(|u| *u == unit)?;
        parts.push((unit, number.parse().ok()?));
        text = &rest[1..];
    }
    Some(parts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_by_calendar_units() {
        let p = |months, days, seconds| Period { months, days, seconds };
        for (text, want) in [
            ("P3Y", p(36, 0, 0)),
            ("P90D", p(0, 90, 0)),
            ("P1Y6M", p(18, 0, 0)),
            ("PT12H", p(0, 0, 43_200)),
            ("P2W", p(0, 14, 0)),
            ("P0D", p(0, 0, 0)),
            ("P1Y2M3W4DT5H6M7S", p(14, 25, 18_367)),
        ] {
            assert_eq!(period("f", text), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused_with_the_fix() {
        for text in [
            "", "P", "PT", "3Y", "P3", "P-1D", "-P1D", "P1.5D", "P1DT", "P1D1Y", "P1Y1Y", "p1y", "P1H",
            "P99999Y", "P€",
        ] {
            let e = period("spec.x", text).unwrap_err();
            assert!(e.to_string().contains("spec.x") && e.to_string().contains("P90D"), "{text}");
        }
    }

    #[test]
    fn days_are_whole_days_or_weeks() {
        assert_eq!((days("P90D"), days("P2W"), days("P0D")), (Some(90), Some(14), Some(0)));
        for wrong in ["P1M", "PT1H", "90", "-P1D", "P1DT1H"] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }
}
