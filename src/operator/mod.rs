//! The operator as a process: flags in, watches and controllers and admission running, an orderly end.

mod certificate;
pub mod config;
pub mod intact;
mod run;
mod runtime;
mod sole;
mod status;
pub mod verify;
pub mod watches;

use std::io::{self, Write};

use clap::Parser;

pub use certificate::{CertificateError, Leads};
pub use run::{RunError, run};
pub use runtime::runtime;

use crate::api::v1alpha1::crds;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum MainError {
    /// `run` failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The installation is not as it must be.
    #[error(transparent)]
    Verify(#[from] verify::VerifyError),
    /// The output cannot be written.
    #[error("writing the output: {0}")]
    Output(#[from] io::Error),
    /// A definition cannot be put into words.
    #[error("serialising a definition: {0}")]
    Yaml(String),
}

/// Does what the command line says.
pub async fn main(out: &mut (impl Write + Send)) -> Result<(), MainError> {
    match config::Cli::parse().command {
        config::Command::Run(args) => run(*args).await?,
        config::Command::Crds => {
            for crd in crds() {
                let text = serde_saphyr::to_string(&crd).map_err(|e| MainError::Yaml(e.to_string()))?;
                writeln!(out, "---\n{text}")?;
            }
        }
        config::Command::VerifyInstallation(args) => verify::verify(&args, out).await?,
        config::Command::Version => writeln!(out, "carnet-operator {}", env!("CARGO_PKG_VERSION"))?,
    }
    Ok(())
}
