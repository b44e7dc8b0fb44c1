//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{answer::Output, check::CheckArgs};

/// Personal data crosses a border only under a safeguard, and stays only as long as was promised.
#[derive(Clone, Debug, Parser)]
#[command(name = "kubectl-carnet", bin_name = "kubectl carnet", version)]
pub struct Args {
    /// The kubeconfig to use instead of the one that kubectl would find.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context to use instead of the current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The namespace to use instead of the context's; `status` and `doctor` look at all of them when none is given.
    #[arg(long, short, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show a deletion's plan and say yes to it.
    Approve {
        /// The DeletionRun.
        run: String,
        /// How long the approval is good for, as an ISO 8601 period.
        #[arg(long, default_value = "P1D", value_name = "PERIOD")]
        expires: String,
        /// Approve without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Say which stores a Pod uses, and why it may or may not run where it does.
    Explain {
        /// The Pod.
        pod: String,
        /// What the operator's flag of this name says.
        #[arg(long, value_delimiter = ',', value_name = "NAMESPACES")]
        claims_from: Vec<String>,
        /// The operator's `--region-label`.
        #[arg(long, default_value = "topology.kubernetes.io/region", value_name = "LABEL")]
        region_label: String,
        /// The law pack to judge by instead of the built-in one.
        #[arg(long, value_name = "FILE")]
        law_pack: Option<PathBuf>,
    },
    /// What stands where, on one screen: version, enforcement, leader, certificates, what lapses next, stores, policies,
    /// runs in progress, holds in force.
    #[command(after_help = ANSWERS)]
    Status(Asking),
    /// Say what is wrong, the worst first, each with the reason and what to do. Changes nothing.
    #[command(after_help = ANSWERS)]
    Doctor(Asking),
    /// Say what the cluster would say to manifests, before they are applied, by the webhook's own code. Contacts nothing.
    #[command(after_help = CHECKED)]
    Check(Box<CheckArgs>),
}

/// Exit codes of `check`.
const CHECKED: &str = "Exit codes: 0 no rule is broken (warnings and gaps may be there); 1 a rule is broken, whatever the \
cluster's mode; 2 an object is invalid, something cannot be read, or the command line is wrong. Flags of the operator may be \
given as environment variables too, as there.";

/// Exit codes of questions about the cluster.
const ANSWERS: &str = "Exit codes: 0 all is well; 1 something is not (a violation, enforcement that is not intact, something overdue, \
soon to end or not ready); 2 not everything could be looked at, or the command line is wrong.";

/// How a question about the cluster is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct Asking {
    /// The operator's namespace; left out = where the webhook's configuration points, else carnet-system.
    #[arg(long, value_name = "NAME")]
    pub operator_namespace: Option<String>,
    /// How the answer is written.
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Output,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn options_may_follow_the_command() {
        let args =
            Args::try_parse_from(["kubectl-carnet", "approve", "run-1", "-n", "identity", "--context", "eu"]);
        let args = args.unwrap();
        assert_eq!((args.namespace.as_deref(), args.context.as_deref()), (Some("identity"), Some("eu")));
        assert!(matches!(args.command, Command::Approve { yes: false, expires, .. } if expires == "P1D"));
    }
}
