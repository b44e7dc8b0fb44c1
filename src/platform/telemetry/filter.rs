//! Filters as people write them: `info`, or `warn,carnet::decision=info`.

use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// What is logged unless somebody says otherwise.
pub const DEFAULT_FILTER: &str = "info,kube_client=warn,kube_runtime=warn";

/// A filter that is longer than this was not meant.
const LONGEST: usize = 1000;

/// Why a filter is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Nothing would be logged, and nobody has said so.
    #[error("the log filter is empty: write a level, such as info, or off")]
    Empty,
    /// Too long.
    #[error("the log filter is longer than {LONGEST} bytes")]
    TooLong,
    /// A word that is no level would be taken for the name of a module, and everything else fall silent.
    #[error(
        "`{0}` in the log filter is no level: write error, warn, info, debug, trace or off, or target=level"
    )]
    NoLevel(String),
    /// It cannot be parsed.
    #[error("the log filter cannot be read: {0}")]
    Unreadable(#[from] tracing_subscriber::filter::ParseError),
    /// Logging is not ours to control.
    #[error("logging was not started by this process's operator, so that its filter cannot be changed")]
    NotStarted,
}

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<EnvFilter, FilterError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(FilterError::Empty);
    }
    if text.len() > LONGEST {
        return Err(FilterError::TooLong);
    }
    for part in text.split(',') {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level).trim();
        // No level at all would be read as every level.
        if level.is_empty() || level.parse::<LevelFilter>().is_err() {
            return Err(FilterError::NoLevel(part.to_owned()));
        }
    }
    Ok(EnvFilter::builder().parse(text)?)
}

/// Whether it is a filter: for the command line.
pub fn check(text: &str) -> Result<String, FilterError> {
    parse(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_says_levels_and_a_slip_of_the_pen_silences_nothing() {
        for right in [
            DEFAULT_FILTER,
            "debug",
            " INFO ",
            "off",
            "warn,carnet::decision=info",
            "carnet::admission=trace,info",
        ] {
            assert!(check(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "  ",
            "inof",
            "info,",
            "carnet::decision",
            "carnet=loud",
            "info;debug",
            "=",
            &"info,".repeat(300),
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
