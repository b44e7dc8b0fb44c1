//! What `explain`, `flows`, `simulate` and `expiring` have in common: by what they are judged, and why there is no answer.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use serde::Serialize;

use super::world::{Judging, WorldError};

/// By what a question about the cluster is judged.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct JudgedBy {
    /// The operator, and its flags.
    #[command(flatten)]
    pub judging: Judging,
    /// The law pack to judge by; left out = the operator's.
    #[arg(long, value_name = "FILE")]
    pub law_pack: Option<PathBuf>,
}

/// Why a question about the cluster has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// The cluster was not seen.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The output is gone.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
    /// The answer cannot be put into JSON.
    #[error("failed to write the answer as JSON")]
    Json(#[from] serde_json::Error),
}

/// Writes an answer for machines.
pub fn write_json(answer: &impl Serialize, out: &mut impl Write) -> Result<(), QuestionError> {
    serde_json::to_writer_pretty(&mut *out, answer)?;
    writeln!(out)?;
    Ok(())
}
