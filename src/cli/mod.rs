//! Commands of kubectl-carnet: what people do and ask by hand.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | it could not be done: the cluster, a permission, an object that is not there; `status`, `doctor`: something is not well; `check`: a rule is broken; `simulate`: a flow becomes a violation; `expiring --fail`: nothing catches it |
//! | 2 | the command line is wrong; `status`, `doctor`: not everything could be looked at; `check`: something is invalid or cannot be read; `flows`, `simulate`, `expiring`, `discover`: it could not be done |
//! | 3 | the answer is no: the run does not wait for approval, or the question was not answered with its name; the Pod breaks a rule |

mod answer;
mod approve;
mod args;
mod asked;
mod certificates;
pub mod check;
mod connect;
mod discover;
mod doctor;
mod dpf;
mod expiring;
mod explain;
mod facts;
mod flows;
mod list;
mod said;
mod simulate;
mod status;
mod table;
mod world;

use std::io::{BufRead, Write};

pub use answer::Output;
pub use approve::ApproveError;
pub use args::{Args, Asking, Command, DpfCommand};
pub use asked::{JudgedBy, QuestionError};
pub use check::CheckError;
pub use connect::ConnectError;
pub use discover::{DiscoverArgs, DiscoverError};
pub use doctor::DoctorError;
pub use dpf::DpfError;
pub use expiring::{ExpiringArgs, Within};
pub use explain::{ExplainArgs, ExplainError, Target};
pub use flows::{FlowsArgs, Format};
use jiff::Timestamp;
pub use simulate::{OtherError, SimulateArgs, SimulateError, Without};
pub use status::StatusError;
pub use world::{Judging, WorldError};

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
    /// `flows` or `expiring` failed.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// `simulate` failed.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// `discover` failed.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// `dpf` failed.
    #[error(transparent)]
    Dpf(#[from] DpfError),
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
            Self::Connect(_) | Self::Approve(_) | Self::Explain(_) | Self::Dpf(_) => 1,
            Self::Question(_)
            | Self::Simulate(_)
            | Self::Discover(_)
            | Self::Status(_)
            | Self::Doctor(_)
            | Self::Check(_)
            | Self::Unasked(_) => Answer::Undetermined.exit_code(),
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
    let asks = !matches!(command, Command::Approve { .. } | Command::Explain(_) | Command::Dpf(_));
    let client = connect::connect(kubeconfig.as_deref(), context)
        .await
        .map_err(|error| if asks { CliError::Unasked(error) } else { error.into() })?;
    match command {
        Command::Approve { run, expires, yes } => {
            let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
            let ask = if yes { approve::Ask::No } else { approve::Ask::Person(input) };
            approve::approve(client, &namespace, &run, &expires, ask, Timestamp::now(), out).await?;
        }
        Command::Explain(args) => {
            let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
            if !explain::explain(client, &namespace, &args, Timestamp::now(), out).await? {
                return Ok(NO);
            }
        }
        Command::Flows(args) => {
            flows::flows(client, namespace.as_deref(), &args, Timestamp::now(), out).await?;
        }
        Command::Simulate(args) => {
            let namespace = namespace.unwrap_or_else(|| client.default_namespace().to_owned());
            let holds = simulate::simulate(client, &namespace, &args, Timestamp::now(), input, out).await?;
            return Ok(u8::from(!holds));
        }
        Command::Expiring(args) => {
            let caught = expiring::expiring(client, &args, Timestamp::now(), out).await?;
            return Ok(u8::from(args.fail && !caught));
        }
        Command::Discover(args) => discover::discover(client, namespace.as_deref(), &args, out).await?,
        Command::Dpf(DpfCommand::Import { file, taken_on, columns, ignore_columns, name, print }) => {
            let asked = dpf::Import { file, taken_on, columns, ignored: ignore_columns, name, print };
            dpf::import(client, &asked, Timestamp::now(), out).await?;
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
