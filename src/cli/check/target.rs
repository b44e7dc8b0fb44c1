//! The cluster that the manifests are for, where no Node is among them: what flags say of it.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use crate::core::{
    ids::PartyName,
    law::LawPack,
    snapshot::{Node, Snapshot},
    store::Place,
};

/// What is said of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct TargetArgs {
    /// Regions of the cluster, in place of the Nodes among the manifests.
    #[arg(long, value_delimiter = ',', value_name = "REGIONS", conflicts_with = "country")]
    pub region: Vec<String>,
    /// The provider whose regions they are.
    #[arg(long, value_name = "NAME", requires = "region")]
    pub provider: Option<String>,
    /// The country of the cluster, in place of regions.
    #[arg(long, value_name = "CODE")]
    pub country: Option<String>,
    /// The Party that runs those namespaces that no Party names.
    #[arg(long, value_name = "NAME")]
    pub party: Option<String>,
}

/// A place that the law pack does not know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No such region.
    #[error("--region `{region}`: law pack {law} knows no such region{hint}")]
    Region {
        /// The region.
        region: String,
        /// Version of the pack.
        law: String,
        /// What would help.
        hint: &'static str,
    },
    /// No such country.
    #[error("--country `{country}`: law pack {law} knows no such country; write an ISO 3166-1 code")]
    Country {
        /// The country.
        country: String,
        /// Version of the pack.
        law: String,
    },
}

/// The cluster as flags say that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    places: Vec<Place>,
    party: Option<PartyName>,
}

impl Target {
    /// Reads the flags.
    pub fn new(args: &TargetArgs, law: &LawPack) -> Result<Self, TargetError> {
        let TargetArgs { region, provider, country, party } = args;
        let mut places = vec![];
        for region in region.iter().map(|r| r.trim()).filter(|r| !r.is_empty()) {
            let known = law.region(provider.as_deref(), region).ok_or_else(|| TargetError::Region {
                region: region.into(),
                law: law.version.clone(),
                hint: if provider.is_none() {
                    ", or several providers have it: name one by --provider"
                } else {
                    ""
                },
            })?;
            places.push(Place {
                provider: provider.clone(),
                region: Some(region.into()),
                country: Some(known),
            });
        }
        if let Some(code) = country {
            let known = law.country(code);
            let unknown = || TargetError::Country { country: code.clone(), law: law.version.clone() };
            places.push(Place { provider: None, region: None, country: Some(known.ok_or_else(unknown)?) });
        }
        Ok(Self { places, party: party.as_deref().map(PartyName::from) })
    }

    /// Whether flags say where the cluster is.
    pub fn is_placed(&self) -> bool {
        !self.places.is_empty()
    }

    /// Puts the cluster into what is known: its nodes, and who runs namespaces of which nobody said it.
    pub fn stand_in(&self, snapshot: &mut Snapshot, namespaces: impl IntoIterator<Item = String>) {
        if self.is_placed() {
            let label = &snapshot.settings.region_label;
            let node = |place: &Place| {
                let name = place.region.clone().unwrap_or_else(|| "any".into());
                let labels = place.region.iter().map(|region| (label.clone(), region.clone())).collect();
                (name.clone(), Arc::new(Node { name, labels, place: place.clone() }))
            };
            snapshot.nodes = self.places.iter().map(node).collect();
        }
        let Some(party) = &self.party else { return };
        let named: BTreeSet<String> =
            snapshot.parties.values().flat_map(|p| p.namespaces.iter().cloned()).collect();
        // A namespace that two Parties name is nobody's, as in the cluster.
        for namespace in namespaces.into_iter().filter(|n| !named.contains(n)) {
            snapshot.runs.insert(namespace, party.clone());
        }
    }

    /// The spec without what only a real node could fulfil (labels other than the region's, names of nodes): a node that
    /// stands for all nodes of a region has none of them. This widens where it may run, and never narrows it.
    pub fn widen(&self, object: &Value, region_label: &str) -> Value {
        let mut object = object.clone();
        if self.is_placed() {
            let by_region = self.places.iter().all(|place| place.region.is_some());
            for pointer in
                ["/spec", "/template/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"]
            {
                if let Some(spec) = object.pointer_mut(pointer).filter(|spec| spec["containers"].is_array()) {
                    widen(spec, by_region.then_some(region_label));
                }
            }
        }
        object
    }
}

fn widen(spec: &mut Value, label: Option<&str>) {
    let is_known = |key: &str| label == Some(key);
    let Some(fields) = spec.as_object_mut() else { return };
    fields.remove("nodeName");
    if let Some(selector) = fields.get_mut("nodeSelector").and_then(Value::as_object_mut) {
        selector.retain(|key, _| is_known(key));
    }
    let pointer = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let Some(terms) = spec.pointer_mut(pointer).and_then(Value::as_array_mut) else { return };
    let mut open = false;
    // A term without a requirement matches no node at all, so that it is none that may be widened.
    let requires = |term: &Value| {
        ["matchExpressions", "matchFields"]
            .iter()
            .any(|f| term[f].as_array().is_some_and(|all| !all.is_empty()))
    };
    for term in terms.iter_mut().filter(|term| requires(term)) {
        let known = term["matchExpressions"].as_array().map_or(vec![], |all| {
            all.iter().filter(|e| e["key"].as_str().is_some_and(is_known)).cloned().collect::<Vec<_>>()
        });
        open |= known.is_empty();
        *term = json!({"matchExpressions": known});
    }
    // One term that asks for nothing that is known lets it run everywhere.
    if open && let Some(affinity) = spec.pointer_mut("/affinity/nodeAffinity").and_then(Value::as_object_mut)
    {
        affinity.remove("requiredDuringSchedulingIgnoredDuringExecution");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::law;

    const LABEL: &str = "topology.kubernetes.io/region";

    fn target(args: &[&str]) -> Result<Target, TargetError> {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            target: TargetArgs,
        }
        let cli = <Cli as clap::Parser>::try_parse_from(["x"].iter().chain(args)).unwrap();
        Target::new(&cli.target, &law::built_in().unwrap())
    }

    #[test]
    fn a_place_that_the_law_does_not_know_is_refused() {
        assert!(target(&["--provider=aws", "--region=eu-west-1,us-east-1"]).unwrap().is_placed());
        assert!(target(&["--provider=aws", "--region=eu-nowhere-9"]).is_err());
        assert!(target(&["--country=Ireland"]).is_err());
        assert!(!target(&[]).unwrap().is_placed());
    }

    #[test]
    fn what_only_a_real_node_has_is_taken_for_fulfilled_and_the_region_is_not() {
        let pod = json!({"spec": {"containers": [], "nodeName": "n1",
            "nodeSelector": {LABEL: "eu-west-1", "disk": "ssd"},
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": LABEL, "operator": "In", "values": ["eu-west-1"]},
                    {"key": "gpu", "operator": "Exists"}]}]}}}}});
        let regional = target(&["--provider=aws", "--region=eu-west-1"]).unwrap().widen(&pod, LABEL);
        assert_eq!(regional["spec"]["nodeSelector"], json!({LABEL: "eu-west-1"}));
        assert_eq!(regional["spec"]["nodeName"], Value::Null);
        let terms =
            &regional["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
        assert_eq!(terms["nodeSelectorTerms"][0]["matchExpressions"].as_array().unwrap().len(), 1);
        let national = target(&["--country=IE"]).unwrap().widen(&pod, LABEL);
        assert_eq!(national["spec"]["nodeSelector"], json!({}));
        assert_eq!(national["spec"]["affinity"]["nodeAffinity"], json!({}));
    }

    #[test]
    fn one_term_that_asks_for_no_region_opens_all_and_an_empty_one_still_matches_none() {
        let with = |terms: Value| {
            let pod = json!({"spec": {"containers": [], "affinity": {"nodeAffinity":
                {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}});
            target(&["--provider=aws", "--region=eu-west-1"]).unwrap().widen(&pod, LABEL)["spec"]["affinity"]
                ["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
                .clone()
        };
        let region = json!({"matchExpressions": [{"key": LABEL, "operator": "In", "values": ["eu-west-1"]}]});
        let gpu = json!({"matchExpressions": [{"key": "gpu", "operator": "Exists"}]});
        assert_eq!(with(json!([region, gpu])), Value::Null);
        assert_eq!(with(json!([region, {}]))["nodeSelectorTerms"], json!([region, {}]));
    }
}
