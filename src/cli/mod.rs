//! Commands of kubectl-carnet: what people do and ask by hand.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | it could not be done: the cluster, a permission, an object that is not there; `status`, `doctor`: something is not well; `check`: a rule is broken |
//! | 2 | the command line is wrong; `status`, `doctor`: not everything could be looked at; `check`: something is invalid or cannot be read |
//! | 3 | the answer is no: the run does not wait for approval, or the question was not answered with its name; the Pod breaks a rule |

mod answer;
mod approve;
mod args;
mod certificates;
pub mod check;
mod connect;
mod doctor;
mod explain;
mod facts;
mod list;
mod status;
mod table;

use std::io::{BufRead, Write};

pub use answer::Output;
pub use approve::ApproveError;
pub use args::{Args, Asking, Command};
pub use check::CheckError;
pub use connect::ConnectError;
pub use doctor::DoctorError;
pub use explain::ExplainError;
use jiff::Timestamp;
pub use status::StatusError;

use answer::Answer;

/// Exit code where the answer is no.
const NO: u8 = 3;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// No cluster was reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// `approve` failed or refused.
    #[error(transparent)]
    Approve(#[from] ApproveError),
    /// `explain` failed.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// `status` failed.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// `doctor` failed.
    #[error(transparent)]
    Doctor(#[from] DoctorError),
    /// `check` could not check.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A question about the cluster, and no cluster was reached.
    #[error(transparent)]
    Unasked(ConnectError),
}

impl CliError {
    /// What the process ends with; the table stands at the head of this module.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Approve(error) if error.is_refusal() => NO,
            Self::Connect(_) | Self::Approve(_) | Self::Explain(_) => 1,
            Self::Status(_) | Self::Doctor(_) | Self::Check(_) | Self::Unasked(_) => {
                Answer::Undetermined.exit_code()
            }
        }
    }
}

/// Runs one command and returns the exit code of its answer. What a person answers is read from `input`; everything is written to `out`.
pub async fn run(args: Args, input: &mut impl BufRead, out: &mut impl Write) -> Result<u8, CliError> {
    let Args { kubeconfig, context, namespace, command } = args;
    // Nothing is contacted, not even a kubeconfig read.
    let command = match command {
        Command::Check(check) => {
            return Ok(check::check(&check, namespace.as_deref(), Timestamp::now(), input, out)?);
        }
        other => other,
    };
    let asks = matches!(command, Command::Status(_) | Command::Doctor(_));
    let client = connect::connect(kubeconfig.as_deref(), context)
        .await
        .map_err(|error| if asks { CliError::Unasked(error) } else { error.into() })?;
    match command {
        Command::Approve { run, expires, yes } => {
            let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
            let ask = if yes { approve::Ask::No } else { approve::Ask::Person(input) };
            approve::approve(client, &namespace, &run, &expires, ask, Timestamp::now(), out).await?;
        }
        Command::Explain { pod, claims_from, region_label, law_pack } => {
            let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
            let flags = explain::Flags { claims_from, region_label, law_pack };
            if !explain::explain(client, &namespace, &pod, &flags, Timestamp::now(), out).await? {
                return Ok(NO);
            }
        }
        Command::Status(Asking { operator_namespace, output }) => {
            let (operator, namespace, now) =
                (operator_namespace.as_deref(), namespace.as_deref(), Timestamp::now());
            return Ok(status::status(client, operator, namespace, output, now, out).await?.exit_code());
        }
        Command::Doctor(Asking { operator_namespace, output }) => {
            let (operator, namespace, now) =
                (operator_namespace.as_deref(), namespace.as_deref(), Timestamp::now());
            return Ok(doctor::doctor(client, operator, namespace, output, now, out).await?.exit_code());
        }
        // Answered above.
        Command::Check(_) => {}
    }
    Ok(0)
}
