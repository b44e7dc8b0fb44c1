//! How Pods are evicted with `--on-lapse Evict`.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use crate::controllers::transfers::Limits;

/// How Pods are evicted with `--on-lapse Evict`.
#[derive(Clone, Debug, Args)]
pub struct EvictionArgs {
    /// With --on-lapse Evict: one Pod for each such time (ISO 8601, from PT0.1S to PT1H).
    #[arg(long, env = "CARNET_EVICT_EACH", default_value = "PT1S", value_parser = each)]
    pub evict_each: Duration,
    /// With --on-lapse Evict: so many Pods may go at once after a rest.
    #[arg(long, env = "CARNET_EVICT_BURST", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub evict_burst: u32,
    /// With --on-lapse Evict: so many Pods of one workload may be on their way out at a time.
    #[arg(long, env = "CARNET_EVICT_PER_OWNER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub evict_per_owner: u32,
    /// With --on-lapse Evict: the most, in percent of all Pods that use a store, that one change may evict. Beyond it nothing is
    /// evicted until a person has looked; ten Pods always may, and 100 is no bound.
    #[arg(long, env = "CARNET_EVICT_AT_MOST", default_value_t = 25, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub evict_at_most: u8,
}

impl EvictionArgs {
    /// As limits.
    pub fn limits(&self) -> Limits {
        let Self { evict_each, evict_burst, evict_per_owner, evict_at_most } = self;
        Limits {
            each: *evict_each,
            burst: *evict_burst,
            per_owner: usize::try_from(*evict_per_owner).unwrap_or(usize::MAX),
            at_most: *evict_at_most,
        }
    }
}

/// Faster than ten a second, the API server's own limits would decide; slower than one an hour is hardly evicting.
fn each(text: &str) -> Result<Duration, String> {
    let span: Option<Duration> = text.parse::<SignedDuration>().ok().and_then(|d| d.try_into().ok());
    let bounds = Duration::from_millis(100)..=Duration::from_hours(1);
    span.filter(|d| bounds.contains(d))
        .ok_or_else(|| format!("`{text}`: write a tenth of a second to an hour, such as PT1S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_is_between_ten_a_second_and_one_an_hour() {
        assert_eq!(each("PT0.1S"), Ok(Duration::from_millis(100)));
        assert_eq!(each("PT1H"), Ok(Duration::from_hours(1)));
        for wrong in ["PT0.05S", "PT2H", "-PT1S", "1", "soon"] {
            assert!(each(wrong).is_err(), "{wrong}");
        }
    }
}
