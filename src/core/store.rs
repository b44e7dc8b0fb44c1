//! DataStore, already read.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    category::Category,
    ids::{Country, ObjectKey, PartyName, RegimeId},
    selector::Labels,
};

/// A place with the country that the law pack gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Provider.
    pub provider: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Country; none = unknown, which nothing that names a country covers.
    pub country: Option<Country>,
}

/// In what capacity data is held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Decides about the data.
    Controller,
    /// Holds it for this controller.
    Processor(PartyName),
}

/// Whose law follows the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Not declared: every regime.
    Unknown,
    /// Declared free, with a reason.
    Unrestricted,
    /// These.
    Regimes(BTreeSet<RegimeId>),
}

/// What personal data is where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Uid of the object.
    pub uid: String,
    /// Labels of the object.
    pub labels: Labels,
    /// Who exports.
    pub exporter: PartyName,
    /// Where the data is.
    pub place: Place,
    /// Where the people are.
    pub origins: Origins,
    /// The technology.
    pub engine: Engine,
    /// How workloads reach it.
    pub access: Access,
    /// Copies.
    pub copies: Vec<Copy>,
    /// What is in it; never empty.
    pub datasets: Vec<Dataset>,
    /// Whether this cluster erases.
    pub erased_here: bool,
}

/// A DataStore that is declared and cannot be read. Who uses it is judged all the same: by what it last meant, else as
/// a use of anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableStore {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Why it cannot be read.
    pub why: Arc<str>,
    /// How workloads reach it, as far as that can be read.
    pub access: Access,
    /// Every engine that it names, as far as that can be read.
    pub engines: Vec<Engine>,
    /// What it meant before it could no longer be read; none where this process never could.
    pub last_good: Option<Arc<Store>>,
}

/// The technology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres(SqlEngine),
    /// MySQL or MariaDB.
    Mysql(SqlEngine),
    /// A bucket.
    ObjectStore {
        /// Bucket.
        bucket: String,
        /// Host of the endpoint, normalised.
        endpoint_host: Option<String>,
        /// Erasure Secret in the store's namespace.
        secret: String,
    },
    /// Files on this claim in the store's namespace.
    Volume {
        /// Claim.
        claim: String,
    },
    /// Something else.
    External,
}

impl Engine {
    /// Whether there is a runner for it.
    pub fn is_erased(&self) -> bool {
        match self {
            Self::Postgres(_) | Self::Mysql(_) => true,
            Self::ObjectStore { .. } | Self::Volume { .. } | Self::External => false,
        }
    }
}

/// An SQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlEngine {
    /// Erasure Secret in the store's namespace.
    pub secret: String,
    /// How the server's identity is checked.
    pub ssl_mode: SslMode,
}

/// How a server's identity is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// No encryption.
    Disable,
    /// Encryption alone.
    Require,
    /// The issuer is checked.
    VerifyCa,
    /// The issuer and the host name are checked.
    VerifyFull,
}

/// How workloads reach a store, beside what the engine names; namespaces filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Secrets.
    pub secrets: Vec<ObjectKey>,
    /// SecretProviderClasses.
    pub secret_provider_classes: Vec<ObjectKey>,
    /// ConfigMaps.
    pub config_maps: Vec<ObjectKey>,
    /// Services.
    pub services: Vec<ObjectKey>,
    /// Claims.
    pub claims: Vec<ObjectKey>,
    /// ServiceAccounts.
    pub service_accounts: Vec<ObjectKey>,
    /// Hosts, normalised: lower case, no final dot, the port apart.
    pub hosts: Vec<(String, Option<u16>)>,
}

/// A copy of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Name.
    pub name: String,
    /// Whether deletions reach it by themselves.
    pub is_replica: bool,
    /// Where it is.
    pub place: Place,
    /// Who holds it.
    pub party: PartyName,
    /// It is encrypted, and this party alone has the keys; none = whoever holds it reads it.
    pub keys_held_by: Option<PartyName>,
}

/// A set of personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Name.
    pub name: Arc<str>,
    /// What it is; never empty.
    pub categories: Vec<Category>,
    /// In what capacity it is held, the store's where the dataset says nothing.
    pub role: Role,
    /// Which certification would cover it.
    pub employment: Employment,
    /// The exporter had it from the people themselves.
    pub collected_directly: bool,
    /// Whoever reads it cannot tell who the people are, and this party alone can; none = it says who they are.
    pub attributed_by: Option<PartyName>,
    /// Schema and table.
    pub table: Option<(String, String)>,
    /// When things happened.
    pub anchors: Vec<Anchor>,
}

/// The category of what customers submit.
const CUSTOMER_CONTENT: &str = "customer.content";

impl Dataset {
    /// Why its role is doubtful, where it is: who offers a service to customers processes their content for them.
    pub fn doubtful_role(&self) -> Option<String> {
        let content = self.categories.iter().any(|c| c.lies_in(CUSTOMER_CONTENT));
        (content && self.role == Role::Controller).then(|| {
            format!(
                "dataset {} holds {CUSTOMER_CONTENT} as Controller: content of customers is usually held as their \
                 Processor (role, controllerRef)",
                self.name
            )
        })
    }
}

/// Which data of the Data Privacy Framework a dataset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Employment {
    /// Employees or applicants are among its subjects, or a category lies in `hr`, and nobody says that they are others'.
    Hr,
    /// Its subjects are known, and none of these.
    NonHr,
    /// Its subjects are not known: both must be covered.
    Unknown,
}

/// When an event happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Event.
    pub event: String,
    /// Where it stands.
    pub source: AnchorSource,
}

/// Where an anchor stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorSource {
    /// A column.
    Column {
        /// Column.
        name: String,
        /// How it is read.
        reading: ColumnReading,
    },
    /// Last modification.
    ModifiedTime,
    /// An object's tag.
    ObjectTag(String),
    /// A date in the key.
    KeyPattern(String),
}

/// How a column is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnReading {
    /// The column's own type says it: a timestamp with time zone, or a date (UTC).
    Native,
    /// A number of units since 1970.
    Epoch {
        /// Units in a second.
        per_second: i64,
    },
    /// A local time in this zone.
    Local {
        /// IANA name.
        zone: String,
    },
}
