//! Flags of the backstop.

use clap::Args;

/// Flags of the backstop.
#[derive(Args, Clone, Debug, Default)]
pub struct BackstopArgs {
    /// Compile verdicts for the API server's own policies (TransferBackstop objects).
    #[arg(long, env = "CARNET_BACKSTOP")]
    pub backstop: bool,
}
