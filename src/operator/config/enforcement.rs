//! What was installed beside the operator.

use std::path::PathBuf;

use clap::Args;

/// What was installed beside the operator.
#[derive(Clone, Debug, Default, Args)]
pub struct EnforcementArgs {
    /// The policies, bindings and webhook configuration that were installed, as YAML: what is edited or removed is
    /// reported, never restored. The file is read again when it changes.
    #[arg(long, env = "CARNET_ENFORCEMENT", value_name = "FILE")]
    pub enforcement: Option<PathBuf>,
}
