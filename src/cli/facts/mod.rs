//! What the cluster says about the installation and about what is declared: gathered once, judged without I/O.

pub mod flags;
mod gather;
mod law;
mod replica;
#[cfg(test)]
pub mod testing;
mod trial;

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        coordination::v1::Lease,
        core::v1::{Namespace, Node, Pod, Service},
        discovery::v1::EndpointSlice,
        rbac::v1::RoleBinding,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};

pub use gather::{gather, law as law_of_operator};
pub use law::LawChange;
pub use replica::Replica;
pub use trial::{Trial, try_webhook};

use crate::{
    api::v1alpha1::{
        BackstopSummary, DataStore, DeletionRun, LegalHold, Party, RetentionPolicy, TransferException,
        TransferSafeguard,
    },
    core::settings::Settings,
    enforcement::{Expected, Id, Kind, Live},
};

/// Names inside an installation, whatever its release and its namespace are called.
pub const DEPLOYMENT: &str = "carnet-operator";
/// The Service by which the API server reaches the webhook.
pub const SERVICE: &str = "carnet-webhook";
/// The Lease of the leader.
pub const LEASE: &str = "carnet-operator";
/// The webhook's configuration.
pub const CONFIGURATION: &str = "carnet";
/// The ConfigMap that says what was installed, and its key.
pub const INSTALLED: (&str, &str) = ("carnet-enforcement", "enforcement.yaml");
/// The ConfigMap of a law pack that the chart was given, and its key.
pub const LAW_PACK: (&str, &str) = ("carnet-law-pack", "pack.yaml");
/// The TransferBackstops that policies for Pods read.
pub const BACKSTOP: &str = "carnet";
/// The namespace where nothing says another one.
pub const NAMESPACE: &str = "carnet-system";

/// What was asked: the answer, or why there is none.
pub type Asked<T> = Result<T, String>;

/// Everything that was asked.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When, by our clock.
    pub now: Timestamp,
    /// The API server's clock, where it says one.
    pub server_now: Asked<Option<Timestamp>>,
    /// Namespace of the operator.
    pub namespace: String,
    /// CustomResourceDefinitions of our group.
    pub crds: Asked<Vec<CustomResourceDefinition>>,
    /// The operator's Deployment.
    pub deployment: Asked<Option<Deployment>>,
    /// Deployments of other installations.
    pub other_deployments: Asked<Vec<Deployment>>,
    /// The operator's Pods.
    pub pods: Asked<Vec<Pod>>,
    /// The webhook's Service.
    pub service: Asked<Option<Service>>,
    /// Its endpoints.
    pub slices: Asked<Vec<EndpointSlice>>,
    /// The leader's Lease.
    pub lease: Asked<Option<Lease>>,
    /// What the API server enforces; everybody's objects are among it.
    pub live: Asked<Live>,
    /// What was installed.
    pub installed: Asked<Option<Expected>>,
    /// What each replica says of itself.
    pub replicas: Vec<Replica>,
    /// Nodes.
    pub nodes: Asked<Vec<Node>>,
    /// Namespaces.
    pub namespaces: Asked<Vec<Namespace>>,
    /// Who may run deletion Jobs where: RoleBindings of this name.
    pub erasure_bindings: Asked<Vec<RoleBinding>>,
    /// Parties.
    pub parties: Asked<Vec<Party>>,
    /// DataStores.
    pub stores: Asked<Vec<DataStore>>,
    /// RetentionPolicies.
    pub policies: Asked<Vec<RetentionPolicy>>,
    /// DeletionRuns.
    pub runs: Asked<Vec<DeletionRun>>,
    /// LegalHolds.
    pub holds: Asked<Vec<LegalHold>>,
    /// TransferSafeguards.
    pub safeguards: Asked<Vec<TransferSafeguard>>,
    /// TransferExceptions.
    pub exceptions: Asked<Vec<TransferException>>,
    /// What each TransferBackstop holds, by namespace and name.
    pub backstops: Asked<Vec<(String, String, BackstopSummary)>>,
    /// Version of the law pack by which something was computed here; none = nothing was.
    pub law: Option<String>,
    /// When the answer about each safeguard changes by time alone, computed here from what is declared.
    pub next_of_safeguards: Asked<Vec<(String, Timestamp)>>,
    /// Whether the API server reaches the webhook.
    pub trial: Asked<Trial>,
}

impl Facts {
    /// The webhook's configuration as it is.
    pub fn configuration(&self) -> Option<&serde_json::Value> {
        let id = Id { kind: Kind::ValidatingWebhookConfiguration, name: CONFIGURATION.into() };
        self.live.as_ref().ok()?.get(&id)
    }

    /// The value of a flag of the operator, as its Deployment says it; none = not given there.
    pub fn flag(&self, name: &str) -> Option<String> {
        flags::value(self.deployment.as_ref().ok()?.as_ref()?, name)
    }

    /// Whether a flag of the operator that has no value is given.
    pub fn is_switched_on(&self, name: &str) -> bool {
        let deployment = self.deployment.as_ref().ok().and_then(Option::as_ref);
        deployment.is_some_and(|deployment| flags::is_switched_on(deployment, name))
    }

    /// What the operator's flags say of how long things last.
    pub fn settings(&self) -> Settings {
        flags::settings(self.deployment.as_ref().ok().and_then(Option::as_ref))
    }

    /// Reports that could be had.
    pub fn reports(&self) -> impl Iterator<Item = &crate::platform::status::OperatorStatus> {
        self.replicas.iter().filter_map(|replica| replica.answer.as_ref().ok())
    }
}
