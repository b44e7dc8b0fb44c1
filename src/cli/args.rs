//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{
    answer::Output, check::CheckArgs, discover::DiscoverArgs, expiring::ExpiringArgs, explain::ExplainArgs,
    flows::FlowsArgs, simulate::SimulateArgs,
};

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
    /// Say which stores a workload uses, by which reference, on what each flow stands, what would make it lawful, and when
    /// that changes.
    #[command(after_help = EXPLAINED)]
    Explain(ExplainArgs),
    /// Stores by the places of what runs and of copies, with what carries each flow.
    #[command(after_help = ASKED)]
    Flows(FlowsArgs),
    /// Say what would stand otherwise, and what catches it: without an instrument, a row of the law or a Party, by another law
    /// pack, with other manifests, or at another time. Changes nothing.
    #[command(after_help = SIMULATED)]
    Simulate(Box<SimulateArgs>),
    /// List everything that lapses soon, what stands on it, and what catches that: safeguards, certifications, checks of the
    /// list, assessments, exceptions, rows of the law; and days by which somebody looks again.
    #[command(after_help = EXPIRED)]
    Expiring(ExpiringArgs),
    /// Draft DataStores, as YAML, from Secrets, claims and Services that look like a database's and that no store claims. No value
    /// of a Secret is read.
    #[command(after_help = ASKED)]
    Discover(DiscoverArgs),
    /// The public list of the Data Privacy Framework.
    #[command(subcommand)]
    Dpf(DpfCommand),
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
const CHECKED: &str = "Exit codes: 0 no rule is broken (warnings, gaps and notes may be there); 1 a rule is broken, whatever the \
cluster's mode; 2 an object is invalid, something cannot be read, or the command line is wrong. Flags of the operator may be \
given as environment variables too, as there.";

/// What to do with the public list of the Data Privacy Framework.
#[derive(Clone, Debug, Subcommand)]
pub enum DpfCommand {
    /// Keep what the list says of the organisations that Parties and TransferSafeguards name, as a
    /// DataPrivacyFrameworkSnapshot: safeguards that claim otherwise say so, and those that the list ends carry nothing.
    Import {
        /// The list as it was exported, CSV or JSON.
        file: PathBuf,
        /// The day on which it was downloaded (UTC); left out = the day on which the file was last modified.
        #[arg(long, value_name = "DAY")]
        taken_on: Option<String>,
        /// The header of a column: organisation, framework, status, since, recertifyBy or coveredData.
        #[arg(long = "column", value_name = "NAME=HEADER")]
        columns: Vec<String>,
        /// Headers that are left unread; `*` for all that are not known.
        #[arg(long, value_delimiter = ',', value_name = "HEADERS")]
        ignore_columns: Vec<String>,
        /// Name of the object.
        #[arg(long, default_value = "public-list", value_name = "NAME")]
        name: String,
        /// Print the object, such as for a repository, and leave the cluster as it is.
        #[arg(long)]
        print: bool,
    },
}

/// Exit codes of questions about the cluster.
const ANSWERS: &str = "Exit codes: 0 all is well; 1 something is not (a violation, enforcement that is not intact, something overdue, \
soon to end or not ready); 2 not everything could be looked at, or the command line is wrong.";

/// Exit codes of `explain`.
const EXPLAINED: &str = "Exit codes: 0 no declared rule is broken; 3 one is; 1 it could not be explained; 2 the command line is wrong.";

/// Exit codes of `flows` and `discover`.
const ASKED: &str = "Exit codes: 0 it was answered; 2 it was not, or the command line is wrong.";

/// Exit codes of `simulate`.
const SIMULATED: &str = "Exit codes: 0 no flow becomes a violation; 1 one does; 2 nothing was simulated, or the command line is wrong.";

/// Exit codes of `expiring`.
const EXPIRED: &str = "Exit codes: 0 it was answered; 1 with --fail, something lapses that nothing catches; 2 it was not answered, or the \
command line is wrong.";

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
