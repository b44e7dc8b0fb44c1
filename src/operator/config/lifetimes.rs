//! How long certificates live and how long an end takes.

use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Span, civil::date};

use crate::platform::certs::Rules;

/// How long certificates live and how long an end takes.
#[derive(Clone, Debug, Args)]
pub struct LifetimeArgs {
    /// How long an authority of our own lasts; another follows at two thirds of it (ISO 8601).
    #[arg(long, env = "CARNET_CA_VALIDITY", default_value = "P1Y", value_parser = lasting)]
    pub ca_validity: SignedDuration,
    /// How long a certificate of our own lasts; another follows at two thirds of it (ISO 8601).
    #[arg(long, env = "CARNET_LEAF_VALIDITY", default_value = "P90D", value_parser = lasting)]
    pub leaf_validity: SignedDuration,
    /// How often the authority's Secret, or the certificate's files, are looked at (ISO 8601).
    #[arg(long, env = "CARNET_ROTATION_LOOK", default_value = "PT60S", value_parser = often)]
    pub rotation_look: SignedDuration,
    /// How long reviews are still answered after SIGTERM, while API servers go elsewhere (ISO 8601).
    #[arg(long, env = "CARNET_DRAIN", default_value = "PT15S", value_parser = drain)]
    pub drain: Duration,
}

impl LifetimeArgs {
    /// As rules of rotation.
    pub fn rules(&self) -> Rules {
        Rules::new(self.ca_validity, self.leaf_validity, self.rotation_look)
    }
}

/// A year has 365 days here: nobody counts on the day.
fn span(text: &str) -> Option<SignedDuration> {
    text.parse::<Span>().ok()?.to_duration(date(2025, 1, 1)).ok()
}

fn between(text: &str, least: i64, most: i64, such: &str) -> Result<SignedDuration, String> {
    span(text)
        .filter(|d| (least..=most).contains(&d.as_secs()))
        .ok_or_else(|| format!("`{text}`: write {such}"))
}

/// Below half a minute, a busy machine would not keep up with renewing.
fn lasting(text: &str) -> Result<SignedDuration, String> {
    between(text, 30, 30 * 366 * 86_400, "thirty seconds to thirty years, such as P90D")
}

fn often(text: &str) -> Result<SignedDuration, String> {
    between(text, 1, 3600, "one second to one hour, such as PT60S")
}

/// Kubernetes kills after `terminationGracePeriodSeconds`, and what is left needs time after this.
fn drain(text: &str) -> Result<Duration, String> {
    let span = between(text, 0, 600, "at most ten minutes, such as PT15S")?;
    Ok(span.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_periods_of_iso_8601_within_bounds() {
        assert_eq!(lasting("P1Y"), Ok(SignedDuration::from_hours(365 * 24)));
        assert_eq!(lasting("PT60S"), Ok(SignedDuration::from_secs(60)));
        assert_eq!(drain("PT0S"), Ok(Duration::ZERO));
        for wrong in ["PT29S", "P100Y", "-P1D", "90", "soon"] {
            assert!(lasting(wrong).is_err(), "{wrong}");
        }
        for wrong in ["PT0S", "PT2H", "-PT1S"] {
            assert!(often(wrong).is_err(), "{wrong}");
        }
        assert!(drain("PT11M").is_err());
    }
}
