//! Everything that decisions read, at one moment: immutable, shared by webhook, reconcilers, reports and CLI.

mod build;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    claim::ClonedClaim,
    contradiction::Volumes,
    endpoints::Endpoints,
    exception::Exception,
    framework_list::FrameworkList,
    hold::Hold,
    ids::{ObjectKey, PartyName},
    law::LawPack,
    party::Party,
    policy::Policy,
    safeguard::Safeguard,
    selector::Labels,
    settings::{Mode, Settings},
    store::{Place, Store, UnreadableStore},
    volume::Volume,
};

/// Everything that decisions read. Build one with [`SnapshotBuilder`].
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The law.
    pub law: Arc<LawPack>,
    /// The cluster's settings.
    pub settings: Arc<Settings>,
    /// Parties by name.
    pub parties: HashMap<PartyName, Arc<Party>>,
    /// Stores by key.
    pub stores: HashMap<ObjectKey, Arc<Store>>,
    /// Stores that are declared and cannot be read; none of them is among `stores`, so that nothing is erased by them.
    pub unreadable_stores: HashMap<ObjectKey, Arc<UnreadableStore>>,
    /// Safeguards by name.
    pub safeguards: BTreeMap<Arc<str>, Arc<Safeguard>>,
    /// Exceptions by name.
    pub exceptions: BTreeMap<Arc<str>, Arc<Exception>>,
    /// The public list of the Data Privacy Framework as it was taken last.
    pub framework_list: Option<Arc<FrameworkList>>,
    /// Policies by key.
    pub policies: BTreeMap<ObjectKey, Arc<Policy>>,
    /// Holds by name. An object that cannot be read is here as a hold on everything.
    pub holds: BTreeMap<Arc<str>, Arc<Hold>>,
    /// Namespaces by name.
    pub namespaces: HashMap<String, Namespace>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, Arc<Node>>,
    /// Volumes by the claim that they are bound to.
    pub volumes: Volumes,
    /// What contradicts the location of a store; its place then has no country.
    pub contradicted: BTreeMap<ObjectKey, String>,
    /// Jobs that nothing owns, with their uids; known only where derogations are let carry.
    pub unowned_jobs: HashMap<ObjectKey, Arc<str>>,
    /// Objects that could not be read, by kind, namespace and name.
    pub invalid: BTreeMap<(String, String, String), String>,
    /// Party that runs a namespace; a namespace that two parties claim is absent.
    pub runs: HashMap<String, PartyName>,
    /// What leads to a store.
    pub reach: Arc<Reach>,
    /// Safeguards by importer, in the order in which they are relied on.
    pub by_importer: HashMap<PartyName, Vec<Arc<Safeguard>>>,
    /// Clauses by exporter: what comes near where the importer is unknown.
    pub by_exporter: HashMap<PartyName, Vec<Arc<Safeguard>>>,
    /// Exceptions by namespace of the workloads.
    pub exceptions_in: HashMap<String, Vec<Arc<Exception>>>,
}

/// What a workload says of who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeBy<'a> {
    /// `batch/v1`.
    pub api_version: &'a str,
    /// `Job`.
    pub kind: &'a str,
    /// Name, in the workload's namespace.
    pub name: &'a str,
    /// Uid.
    pub uid: &'a str,
}

impl Snapshot {
    /// Whether a Pod of `namespace` with this owner is one of a Job that nothing repeats: one that is known by this very uid
    /// and that nothing owns. What is not known is not one.
    pub fn is_one_off(&self, namespace: &str, owner: &MadeBy<'_>) -> bool {
        let MadeBy { api_version, kind, name, uid } = *owner;
        let job = || self.unowned_jobs.get(&ObjectKey::new(namespace, name));
        self.settings.derogations_for_jobs
            && (api_version, kind) == ("batch/v1", "Job")
            && !uid.is_empty()
            && job().is_some_and(|known| **known == *uid)
    }

    /// The store by which its users are judged: as it is, or as it last could be read. Only transfers may ask so; what is
    /// deleted must be readable.
    pub fn judged_store(&self, key: &ObjectKey) -> Option<&Arc<Store>> {
        let last_good = || self.unreadable_stores.get(key).and_then(|s| s.last_good.as_ref());
        self.stores.get(key).or_else(last_good)
    }
}

/// What leads to a store. Every value is a list, since several stores may stand behind one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// By Secret that `access` names.
    pub secrets: HashMap<ObjectKey, Vec<ObjectKey>>,
    /// By Secret for erasure.
    pub erasure_secrets: HashMap<ObjectKey, Vec<ObjectKey>>,
    /// By SecretProviderClass.
    pub secret_provider_classes: HashMap<ObjectKey, Vec<ObjectKey>>,
    /// By ConfigMap.
    pub config_maps: HashMap<ObjectKey, Vec<ObjectKey>>,
    /// By Service.
    pub services: HashMap<ObjectKey, Vec<ObjectKey>>,
    /// By claim.
    pub claims: HashMap<ObjectKey, Vec<ObjectKey>>,
    /// By ServiceAccount.
    pub service_accounts: HashMap<ObjectKey, Vec<ObjectKey>>,
    /// By Service behind which somebody wrote an address of a store.
    pub endpoints: HashMap<ObjectKey, Vec<ObjectKey>>,
    /// By host name, normalised; the port where one was declared.
    pub hosts: HashMap<String, Vec<(Option<u16>, ObjectKey)>>,
    /// By host of an object store's endpoint, then by bucket in lower case: thousands of buckets share one endpoint.
    pub buckets: HashMap<String, HashMap<String, Vec<ObjectKey>>>,
    /// Parties by host name, or by `*.domain`; the port where one was declared.
    pub party_hosts: HashMap<String, Vec<(Option<u16>, PartyName)>>,
    /// Directories on nodes in which volumes of a store are.
    pub directories: Vec<(String, ObjectKey)>,
    /// Directories of NFS servers in which volumes of a store are, by server.
    pub nfs: HashMap<String, Vec<(String, ObjectKey)>>,
}

/// What decisions read of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Mode of its label.
    pub mode: Option<Mode>,
    /// Whether it is going away.
    pub terminating: bool,
}

/// What decisions read of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// Where it is.
    pub place: Place,
}

impl Node {
    /// Whether it says two things of its region, so that none is believed: it has a label and is nowhere.
    pub fn contradicts_itself(&self, settings: &Settings) -> bool {
        self.place.region.is_none() && self.labels.get(&settings.region_label).is_some_and(|r| !r.is_empty())
    }
}

/// Collects parsed objects and derives the indexes.
#[derive(Clone, Debug, Default)]
pub struct SnapshotBuilder {
    /// The law.
    pub law: Arc<LawPack>,
    /// The cluster's settings.
    pub settings: Arc<Settings>,
    /// Parties.
    pub parties: Vec<Arc<Party>>,
    /// Stores.
    pub stores: Vec<Arc<Store>>,
    /// Stores that cannot be read.
    pub unreadable_stores: Vec<Arc<UnreadableStore>>,
    /// Safeguards.
    pub safeguards: Vec<Arc<Safeguard>>,
    /// Exceptions.
    pub exceptions: Vec<Arc<Exception>>,
    /// Public lists of the Data Privacy Framework.
    pub framework_lists: Vec<Arc<FrameworkList>>,
    /// Policies.
    pub policies: Vec<Arc<Policy>>,
    /// Holds.
    pub holds: Vec<Arc<Hold>>,
    /// Namespaces.
    pub namespaces: HashMap<String, Namespace>,
    /// Nodes.
    pub nodes: Vec<Arc<Node>>,
    /// Volumes that are bound to a claim.
    pub volumes: Vec<Arc<Volume>>,
    /// Claims that started with the files of others.
    pub clones: Vec<Arc<ClonedClaim>>,
    /// Endpoints that no selector made.
    pub endpoints: Vec<Arc<Endpoints>>,
    /// Jobs that nothing owns, with their uids.
    pub unowned_jobs: HashMap<ObjectKey, Arc<str>>,
    /// Objects that could not be read.
    pub invalid: BTreeMap<(String, String, String), String>,
}
