//! What is kept of Pods, nodes and namespaces.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use k8s_openapi::{
    api::{
        batch::v1::Job,
        core::v1::{self as k8s, PersistentVolumeClaimSpec, PodSpec},
        discovery::v1::{EndpointPort, EndpointSlice},
    },
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};

use crate::{
    api::labels,
    core::{
        claim::ClonedClaim,
        endpoints::Endpoints,
        host,
        ids::ObjectKey,
        law::LawPack,
        node_region::{FORMER_REGION_LABEL, ProviderId, REGION_LABEL},
        selector::Labels,
        settings::{Mode, Settings},
        snapshot::{MadeBy, Namespace, Node},
        store::Place,
        volume::Volume,
    },
    detect::{ConfigMapLookup, Handed, PodSubject},
};

/// The controller of a Pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// `apps/v1`.
    pub api_version: String,
    /// `ReplicaSet`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
}

impl Owner {
    /// As decisions ask for it.
    pub fn made_by(&self) -> MadeBy<'_> {
        MadeBy { api_version: &self.api_version, kind: &self.kind, name: &self.name, uid: &self.uid }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// What is kept of a Pod that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub struct PodFacts {
    /// Namespace and name.
    pub key: ObjectKey,
    /// Uid.
    pub uid: String,
    /// Its controller, or the Pod itself.
    pub owner: Owner,
    /// Labels.
    pub labels: Labels,
    /// Those annotations that decisions read.
    pub annotations: BTreeMap<String, String>,
    /// Its spec: which stores it uses depends on the snapshot, and is found anew with each.
    pub spec: Arc<PodSpec>,
}

impl PodFacts {
    /// As detection sees it. Its claims are there already, so it needs no templates of them.
    pub fn subject<'a>(&'a self, config_maps: Option<&'a ConfigMapLookup<'a>>) -> PodSubject<'a> {
        PodSubject {
            namespace: &self.key.namespace,
            spec: &self.spec,
            annotations: &self.annotations,
            labels: &self.labels,
            claim_templates: &[],
            config_maps,
        }
    }

    /// The node that it is bound to.
    pub fn node(&self) -> Option<&str> {
        self.spec.node_name.as_deref().filter(|n| !n.is_empty())
    }
}

/// Reduces a Pod; none when it has ended.
pub fn pod(pod: k8s::Pod) -> Option<PodFacts> {
    let ended = pod
        .status
        .as_ref()
        .and_then(|s| s.phase.as_deref())
        .is_some_and(|p| p == "Succeeded" || p == "Failed");
    if ended {
        return None;
    }
    let namespace = pod.metadata.namespace.unwrap_or_default();
    let name = pod.metadata.name.unwrap_or_default();
    let uid = pod.metadata.uid.unwrap_or_default();
    let owner = pod
        .metadata
        .owner_references
        .unwrap_or_default()
        .into_iter()
        .find(|o| o.controller == Some(true))
        .map_or_else(
            || Owner {
                api_version: "v1".into(),
                kind: "Pod".into(),
                namespace: namespace.clone(),
                name: name.clone(),
                uid: uid.clone(),
            },
            |o| owner(&o, &namespace),
        );
    let spec = pod.spec.unwrap_or_default();
    let mut annotations = pod.metadata.annotations.unwrap_or_default();
    let handed = Handed::of(&spec);
    annotations.retain(|name, _| name == labels::USES || name == labels::STEERED || handed.has(name));
    Some(PodFacts {
        key: ObjectKey::new(namespace, name),
        uid,
        owner,
        labels: pod.metadata.labels.unwrap_or_default(),
        annotations,
        spec: Arc::new(spec),
    })
}

/// The owner that a reference in `namespace` names.
pub fn owner(reference: &OwnerReference, namespace: &str) -> Owner {
    Owner {
        api_version: reference.api_version.clone(),
        kind: reference.kind.clone(),
        namespace: namespace.into(),
        name: reference.name.clone(),
        uid: reference.uid.clone(),
    }
}

/// The uid of a Job that nothing owns; none where something made it, and so may make it again.
pub fn unowned_job(job: &Job) -> Option<Arc<str>> {
    unowned(&job.metadata)
}

/// The same of a Job's metadata.
pub fn unowned(meta: &ObjectMeta) -> Option<Arc<str>> {
    let owned = meta.owner_references.as_ref().is_some_and(|owners| !owners.is_empty());
    let annotations = meta.annotations.as_ref();
    let made = annotations.is_some_and(|all| all.contains_key(labels::MADE_BY_CRON_JOB));
    meta.uid.as_deref().filter(|uid| !owned && !made && !uid.is_empty()).map(Into::into)
}

/// Reduces a namespace.
pub fn namespace(namespace: &k8s::Namespace) -> Namespace {
    let mode = namespace.metadata.labels.as_ref().and_then(|l| l.get(labels::TRANSFERS));
    Namespace {
        mode: mode.map(|m| match m.as_str() {
            "Audit" => Mode::Audit,
            "Warn" => Mode::Warn,
            // A label that is misspelt must not loosen what it meant to tighten.
            _ => Mode::Enforce,
        }),
        terminating: namespace.metadata.deletion_timestamp.is_some(),
    }
}

/// Reduces a node.
pub fn node(node: k8s::Node, law: &LawPack, settings: &Settings) -> Node {
    let labels: BTreeMap<_, _> = node.metadata.labels.unwrap_or_default();
    let provider_id = node.spec.and_then(|s| s.provider_id).unwrap_or_default();
    let place = node_place(&labels, &provider_id, law, settings);
    Node { name: node.metadata.name.unwrap_or_default(), labels, place }
}

/// Reduces a volume; none when it is bound to no claim.
pub fn volume(volume: k8s::PersistentVolume, settings: &Settings) -> Option<Volume> {
    let spec = volume.spec?;
    let claim = spec.claim_ref?;
    let on_node = spec.host_path.map(|h| h.path).or(spec.local.map(|l| l.path));
    let (mut regions, mut zones) = (BTreeSet::new(), BTreeSet::new());
    let terms = spec.node_affinity.and_then(|a| a.required).map(|r| r.node_selector_terms);
    for term in terms.iter().flatten() {
        for r in term.match_expressions.iter().flatten().filter(|r| r.operator == "In") {
            let values = r.values.iter().flatten().cloned();
            if r.key == settings.region_label || r.key == REGION_LABEL || r.key == FORMER_REGION_LABEL {
                regions.extend(values);
            } else if r.key.ends_with("/zone") {
                // Storage drivers have labels of their own: topology.ebs.csi.aws.com/zone.
                zones.extend(values);
            }
        }
    }
    Some(Volume {
        name: volume.metadata.name.unwrap_or_default(),
        claim: ObjectKey::new(claim.namespace.unwrap_or_default(), claim.name.unwrap_or_default()),
        directory: on_node,
        nfs: spec.nfs.map(|nfs| (nfs.server.trim_end_matches('.').to_ascii_lowercase(), nfs.path)),
        regions,
        zones,
    })
}

/// Reduces a claim; none where it started with nobody's files. A snapshot between the two is not looked behind.
pub fn cloned(claim: k8s::PersistentVolumeClaim) -> Option<ClonedClaim> {
    let here = claim.metadata.namespace.unwrap_or_default();
    let PersistentVolumeClaimSpec { data_source, data_source_ref, .. } = claim.spec?;
    let of_claim = |kind: &str| kind == "PersistentVolumeClaim";
    // The API server writes each into the other, and only the second names a namespace.
    let elsewhere = data_source_ref.filter(|from| of_claim(&from.kind)).map(|from| {
        let namespace = from.namespace.filter(|n| !n.is_empty());
        ObjectKey::new(namespace.as_deref().unwrap_or(&here), from.name)
    });
    let beside =
        || data_source.filter(|from| of_claim(&from.kind)).map(|from| ObjectKey::new(&*here, from.name));
    let from = elsewhere.or_else(beside)?;
    Some(ClonedClaim { claim: ObjectKey::new(&*here, claim.metadata.name.unwrap_or_default()), from })
}

/// Labels of EndpointSlices that no selector made; the addresses of all others are Pods'.
pub const SLICES_BY_HAND: &str = "endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io";
const WRITTEN_BY: &str = "endpointslice.kubernetes.io/managed-by";
const BY_SELECTOR: &str = "endpointslice-controller.k8s.io";
const OF_SERVICE: &str = "kubernetes.io/service-name";

/// Reduces an EndpointSlice; none where a selector made it, and where it is of no Service.
pub fn endpoints(slice: EndpointSlice) -> Option<Endpoints> {
    let labels = slice.metadata.labels.unwrap_or_default();
    if labels.get(WRITTEN_BY).is_some_and(|by| by == BY_SELECTOR) {
        return None;
    }
    let service = labels.get(OF_SERVICE)?;
    let ports: Vec<Option<u16>> = slice
        .ports
        .unwrap_or_default()
        .into_iter()
        .map(|EndpointPort { port, .. }| port.and_then(|port| u16::try_from(port).ok()))
        .collect();
    let ports = if ports.is_empty() { vec![None] } else { ports };
    let addresses = slice.endpoints.unwrap_or_default().into_iter().flat_map(|endpoint| endpoint.addresses);
    let hosts = addresses.filter_map(|address| host::normalise(&address));
    let hosts = hosts.flat_map(|(host, _)| ports.iter().map(move |port| (host.clone(), *port)));
    let namespace = slice.metadata.namespace.unwrap_or_default();
    Some(Endpoints { service: ObjectKey::new(namespace, service.as_str()), hosts: hosts.collect() })
}

/// Where a node is: its region label read with the provider of its id; the default location where it has no label; nowhere
/// that is known where what else it says of itself contradicts the label.
///
/// A provider that the law pack does not know has no country: its regions may be called like another's.
fn node_place(labels: &Labels, provider_id: &str, law: &LawPack, settings: &Settings) -> Place {
    let id = ProviderId::of(provider_id);
    match labels.get(&settings.region_label).filter(|r| !r.is_empty()) {
        Some(region) if id.contradicts(region, labels) => {
            Place { provider: id.provider, region: None, country: None }
        }
        Some(region) => Place {
            country: law.region(id.provider.as_deref(), region),
            provider: id.provider,
            region: Some(region.clone()),
        },
        None => settings.default_location.clone().unwrap_or(Place {
            provider: id.provider,
            region: None,
            country: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::Country;

    const IE: Country = Country(*b"IE");
    const US: Country = Country(*b"US");

    fn law() -> LawPack {
        LawPack {
            regions: [
                ("aws".to_owned(), [("eu-west-1".to_owned(), IE)].into()),
                ("alibaba".to_owned(), [("eu-west-1".to_owned(), US), ("only".to_owned(), US)].into()),
                ("gcp".to_owned(), [("europe-west1".to_owned(), IE)].into()),
            ]
            .into(),
            ..LawPack::default()
        }
    }

    fn at(region: Option<&str>, id: &str) -> Place {
        let settings = Settings::default();
        let labels = region.map(|r| (settings.region_label.clone(), r.to_owned())).into_iter().collect();
        node_place(&labels, id, &law(), &settings)
    }

    #[test]
    fn the_provider_of_the_node_tells_regions_of_one_name_apart() {
        assert_eq!(at(Some("eu-west-1"), "aws:///eu-west-1a/i-0").country, Some(IE));
        assert_eq!(at(Some("eu-west-1"), "alibaba://x").country, Some(US));
        assert_eq!(at(Some("europe-west1"), "gce://p/europe-west1-b/n").country, Some(IE));
        assert_eq!(at(Some("eu-west-1"), "").country, None, "providers disagree");
        assert_eq!(at(Some("only"), "").country, Some(US));
    }

    #[test]
    fn a_node_that_says_two_things_of_its_region_is_nowhere_that_is_known() {
        let nowhere = |place: Place| (place.region, place.country) == (None, None);
        assert!(nowhere(at(Some("eu-west-1"), "aws:///us-east-1a/i-0")), "it labelled itself");
        assert!(nowhere(at(Some("eu-west-1"), "AWS:///us-east-1a/i-0")), "however the provider is written");
        assert!(
            nowhere(at(Some("europe-west1"), "gce://p/europe-west10-a/n")),
            "another region of a longer name"
        );
        assert_eq!(at(Some("europe-west1"), "gce://p/europe-west1-b/n").country, Some(IE));
        let settings =
            Settings { default_location: Some(at(Some("eu-west-1"), "aws:///x")), ..Settings::default() };
        let mut labels: Labels = [(settings.region_label.clone(), "eu-west-1".to_owned())].into();
        labels.insert(FORMER_REGION_LABEL.into(), "us-east-1".into());
        assert!(nowhere(node_place(&labels, "aws:///eu-west-1a/i-0", &law(), &settings)), "two labels");
        labels.insert(FORMER_REGION_LABEL.into(), "eu-west-1".into());
        assert_eq!(node_place(&labels, "aws:///eu-west-1a/i-0", &law(), &settings).country, Some(IE));
    }

    #[test]
    fn a_provider_that_the_law_does_not_know_has_no_country() {
        assert_eq!(at(Some("only"), "homegrown://n").country, None);
    }

    #[test]
    fn the_label_is_the_one_that_the_cluster_uses() {
        let settings = Settings { region_label: "example.com/site".into(), ..Settings::default() };
        let labels = [("topology.kubernetes.io/region", "only"), ("example.com/site", "eu-west-1")];
        let labels = labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(node_place(&labels, "aws:///x", &law(), &settings).region.as_deref(), Some("eu-west-1"));
        let usual = [("topology.kubernetes.io/region".to_owned(), "eu-west-1".to_owned())].into();
        assert_eq!(node_place(&usual, "aws:///x", &law(), &settings).region, None);
    }

    #[test]
    fn a_node_without_a_label_is_at_the_default_location_or_nowhere() {
        assert_eq!(at(None, "aws:///x").country, None);
        let place = Place { provider: Some("aws".into()), region: Some("r".into()), country: Some(IE) };
        let settings = Settings { default_location: Some(place.clone()), ..Settings::default() };
        assert_eq!(node_place(&Labels::new(), "aws:///x", &law(), &settings), place);
    }

    #[test]
    fn a_volume_says_where_it_is_and_one_without_a_claim_is_not_kept() {
        let read = |spec: serde_json::Value| {
            let object = serde_json::json!({"metadata": {"name": "pv"}, "spec": spec});
            volume(serde_json::from_value(object).unwrap(), &Settings::default())
        };
        let claim = serde_json::json!({"namespace": "n", "name": "c"});
        assert!(read(serde_json::json!({"hostPath": {"path": "/a"}})).is_none());
        let of = |label: &str| {
            serde_json::json!({"claimRef": claim, "local": {"path": "/a"}, "nodeAffinity": {"required": {"nodeSelectorTerms":
                [{"matchExpressions": [{"key": label, "operator": "In", "values": ["x"]}]}]}}})
        };
        let found = read(of("topology.kubernetes.io/region")).unwrap();
        assert_eq!((found.claim, found.directory), (ObjectKey::new("n", "c"), Some("/a".into())));
        assert_eq!((found.regions.len(), found.zones.len()), (1, 0));
        assert_eq!(read(of("topology.ebs.csi.aws.com/zone")).unwrap().zones.len(), 1);
        let nfs =
            read(serde_json::json!({"claimRef": claim, "nfs": {"server": "NFS.example.com.", "path": "/e"}}));
        assert_eq!(nfs.unwrap().nfs, Some(("nfs.example.com".into(), "/e".into())));
    }

    #[test]
    fn a_claim_counts_where_it_started_with_another_claims_files() {
        let read = |spec: serde_json::Value| {
            let object = serde_json::json!({"metadata": {"name": "copy", "namespace": "n"}, "spec": spec});
            cloned(serde_json::from_value(object).unwrap()).map(|clone| clone.from.to_string())
        };
        let of = |kind: &str| serde_json::json!({"kind": kind, "name": "files"});
        assert_eq!(read(serde_json::json!({})), None);
        assert_eq!(read(serde_json::json!({"dataSource": of("PersistentVolumeClaim")})).unwrap(), "n/files");
        assert_eq!(read(serde_json::json!({"dataSource": of("VolumeSnapshot")})), None);
        let mut elsewhere = of("PersistentVolumeClaim");
        elsewhere["namespace"] = "m".into();
        assert_eq!(read(serde_json::json!({"dataSourceRef": elsewhere})).unwrap(), "m/files");
    }

    #[test]
    fn endpoints_count_where_no_selector_made_them() {
        let read = |labels: serde_json::Value, ports: serde_json::Value| {
            let object = serde_json::json!({"metadata": {"name": "s-1", "namespace": "n", "labels": labels},
                "addressType": "FQDN", "endpoints": [{"addresses": ["DB.example.com."]}], "ports": ports});
            endpoints(serde_json::from_value(object).unwrap())
        };
        let by_hand = serde_json::json!({"kubernetes.io/service-name": "s"});
        let found = read(by_hand.clone(), serde_json::json!([{"port": 5432}])).unwrap();
        assert_eq!(found.service, ObjectKey::new("n", "s"));
        assert_eq!(found.hosts, [("db.example.com".to_owned(), Some(5432))]);
        assert_eq!(read(by_hand, serde_json::json!([])).unwrap().hosts[0].1, None);
        let by_selector = serde_json::json!({"kubernetes.io/service-name": "s", WRITTEN_BY: BY_SELECTOR});
        assert_eq!(read(by_selector, serde_json::json!([])), None);
        assert_eq!(read(serde_json::json!({}), serde_json::json!([])), None);
    }

    #[test]
    fn a_pod_that_has_ended_is_not_kept() {
        let mut ended = k8s::Pod::default();
        ended.status.get_or_insert_default().phase = Some("Succeeded".into());
        assert!(pod(ended).is_none() && pod(k8s::Pod::default()).is_some());
    }

    #[test]
    fn of_a_pods_annotations_ours_are_kept_and_those_that_its_containers_are_handed() {
        let read = serde_json::from_value(serde_json::json!({
            "metadata": {"annotations": {"carnet.dev/uses": "a/b", "example.com/dsn": "db", "noise": "x"}},
            "spec": {"containers": [{"name": "c", "env": [{"name": "DSN", "valueFrom": {"fieldRef":
                {"fieldPath": "metadata.annotations['example.com/dsn']"}}}]}]}}));
        let kept = pod(read.unwrap()).unwrap().annotations;
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["carnet.dev/uses", "example.com/dsn"]);
    }

    #[test]
    fn a_job_that_something_made_is_nobodys_one_off() {
        let mut job = Job::default();
        assert_eq!(unowned_job(&job), None, "without a uid no Pod can be told to be its own");
        job.metadata.uid = Some("u".into());
        assert_eq!(unowned_job(&job).as_deref(), Some("u"));
        for (kind, controller) in [("CronJob", Some(true)), ("CronJob", None), ("Workflow", Some(false))] {
            let owner = OwnerReference { kind: kind.into(), controller, ..OwnerReference::default() };
            job.metadata.owner_references = Some(vec![owner]);
            assert_eq!(unowned_job(&job), None, "{kind}");
        }
        job.metadata.owner_references = None;
        job.metadata.annotations = Some([(labels::MADE_BY_CRON_JOB.into(), String::new())].into());
        assert_eq!(unowned_job(&job), None, "it has lost its owner");
    }

    #[test]
    fn a_misspelt_mode_is_the_strictest() {
        let mut ns = k8s::Namespace::default();
        assert_eq!(namespace(&ns).mode, None);
        ns.metadata.labels = Some([(labels::TRANSFERS.into(), "enforce".into())].into());
        assert_eq!(namespace(&ns).mode, Some(Mode::Enforce));
    }
}
