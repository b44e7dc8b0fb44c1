//! What a question comes to, for people and for scripts.

use clap::ValueEnum;
use serde::Serialize;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// What was found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Answer {
    /// All is well.
    Well,
    /// Something is not.
    Findings,
    /// Nothing bad was found, and not everything could be looked at.
    Undetermined,
}

impl Answer {
    /// A finding counts more than what is not known.
    pub fn of(findings: bool, unknown: bool) -> Self {
        match (findings, unknown) {
            (true, _) => Self::Findings,
            (false, true) => Self::Undetermined,
            (false, false) => Self::Well,
        }
    }

    /// The exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Findings => 1,
            Self::Undetermined => 2,
        }
    }
}
