//! Flags of the backstop.

use clap::{Args, ValueEnum};

/// What the backstop tells a Pod that uses a store and is not pinned to regions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum Unpinned {
    /// It is refused: a node that joins while no replica answers may be anywhere.
    #[default]
    Refuse,
    /// It is admitted where every node that is there is lawful.
    Admit,
}

/// Flags of the backstop.
#[derive(Args, Clone, Debug, Default)]
pub struct BackstopArgs {
    /// Compile verdicts for the API server's own policies (TransferBackstop objects).
    #[arg(long, env = "CARNET_BACKSTOP")]
    pub backstop: bool,
    /// What the backstop tells a Pod that uses a store and is not pinned to regions: Admit looks at the nodes that are there.
    #[arg(long, env = "CARNET_BACKSTOP_UNPINNED", value_enum, default_value = "Refuse")]
    pub backstop_unpinned: Unpinned,
}
