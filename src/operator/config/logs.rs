//! Flags of the log.

use clap::Args;

use crate::platform::telemetry::{DEFAULT_FILTER, LogFormat, check};

/// How and what is logged.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// How logs are written.
    #[arg(long, env = "CARNET_LOG_FORMAT", value_enum, default_value = "json")]
    pub log_format: LogFormat,
    /// What is logged at the start; RUST_LOG wins, and PUT /log-level changes it.
    #[arg(long, env = "CARNET_LOG_FILTER", default_value = DEFAULT_FILTER, value_parser = check)]
    pub log_filter: String,
}
