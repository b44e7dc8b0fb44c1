//! Why the runner stops. No message holds a value of a row: of what the server says, only the SQLSTATE is passed on.

use crate::handover::Reason;

/// Why the runner stops.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The run is not the one that the Job was made for.
    #[error("run {0}")]
    Run(String),
    /// Policy or store is not what the run was decided on.
    #[error("{0}; a new run will be planned")]
    State(String),
    /// The plan is not the one that was approved.
    #[error("{0}")]
    Plan(String),
    /// More is due than was planned.
    #[error("dataset {dataset}: {due} items are due where {planned} were planned; nothing was deleted")]
    Exceeded {
        /// Dataset.
        dataset: String,
        /// Now.
        due: i64,
        /// Planned.
        planned: i64,
    },
    /// A hold covers a dataset.
    #[error("hold {hold} covers dataset {dataset}")]
    Held {
        /// Name of the hold.
        hold: String,
        /// Dataset.
        dataset: String,
    },
    /// The cluster could not be read.
    #[error("reading {what} from the cluster: {why}")]
    Cluster {
        /// What was read.
        what: &'static str,
        /// Why it failed.
        why: String,
    },
    /// Credentials do not lead to a server.
    #[error("credentials: {0}")]
    Credentials(String),
    /// The server could not be reached.
    #[error("connecting to the store: {0}")]
    Connect(String),
    /// The server refused a statement.
    #[error("{doing}: {state}")]
    Database {
        /// What was attempted.
        doing: &'static str,
        /// SQLSTATE, or what became of the connection.
        state: String,
    },
    /// The server is another one, or one that must not be written to.
    #[error("the server {0}")]
    Server(String),
    /// Clocks lie apart.
    #[error("clocks lie {0} seconds apart: {1}")]
    Clocks(i64, &'static str),
    /// A table cannot be deleted from cleanly.
    #[error("dataset {dataset}, table {table}: {why}")]
    Table {
        /// Dataset.
        dataset: String,
        /// Schema and table.
        table: String,
        /// Why.
        why: String,
    },
    /// A right is missing.
    #[error("dataset {dataset}, table {table}: the role may not {right}")]
    Permission {
        /// Dataset.
        dataset: String,
        /// Schema and table.
        table: String,
        /// The right.
        right: &'static str,
    },
    /// Another runner works on the store.
    #[error("another runner works on this store")]
    Busy,
    /// Asked to end.
    #[error("asked to end")]
    Interrupted,
}

impl EraseError {
    /// For programs.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Run(_) => Reason::RunChanged,
            Self::State(_) => Reason::StateChanged,
            Self::Plan(_) => Reason::PlanChanged,
            Self::Exceeded { .. } => Reason::PlanExceeded,
            Self::Held { .. } => Reason::Held,
            Self::Cluster { .. } => Reason::ClusterUnreadable,
            Self::Credentials(_) | Self::Connect(_) => Reason::StoreUnreachable,
            Self::Server(_) => Reason::ServerChanged,
            Self::Clocks(..) => Reason::ClocksDiffer,
            Self::Table { .. } => Reason::TableUnfit,
            Self::Permission { .. } => Reason::NotPermitted,
            Self::Busy => Reason::Busy,
            Self::Interrupted => Reason::Interrupted,
            Self::Database { .. } => Reason::Failed,
        }
    }
}
