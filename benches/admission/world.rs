//! A cluster as the index holds it, without one: for what is measured in process.

use std::sync::Arc;

use anyhow::Result;
use carnet::{
    admission::PodLookup,
    core::{
        ids::ObjectKey,
        law::LawPack,
        settings::{ClaimsFrom, Mode, Settings},
        snapshot::{Node, Snapshot, SnapshotBuilder},
        store::Place,
    },
    index::{PodFacts, facts},
    parse::{self, RegionCheck},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    arms::operator,
    rule::{ABROAD, ALLOWED, CLAIMED, REGION},
};

/// Nobody runs.
pub struct NoPods;

impl PodLookup for NoPods {
    fn pod(&self, _: &ObjectKey) -> Option<Arc<PodFacts>> {
        None
    }
}

/// A snapshot of so many stores and safeguards, one of which carries the stores' data abroad if it is to.
pub fn snapshot(stores: usize, safeguards: usize, carried: bool) -> Result<Arc<Snapshot>> {
    let law = Arc::new(parse::law::built_in()?);
    let settings = Settings { mode: Mode::Enforce, claims_from: ClaimsFrom::All, ..Settings::default() };
    let party = |name: &str, country: &str, namespace: &str| -> Result<_> {
        let object = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": name},
            "spec": {"legalName": name, "country": country, "runs": {"namespaces": [namespace]}}});
        Ok(Arc::new(parse::party(&read(object)?, &law)?))
    };
    let store = |n: usize| -> Result<_> {
        Ok(Arc::new(parse::store(&read(operator::store(n))?, &law, RegionCheck::Strict)?))
    };
    let safeguard = |n: usize| -> Result<_> {
        let mut object = operator::safeguard(None);
        object["metadata"]["name"] = json!(format!("clauses-{n}"));
        if n > 0 || !carried {
            let parties = &mut object["spec"]["instrument"]["standardContractualClauses"]["parties"];
            parties[0]["importers"] = json!([format!("party-{n}")]);
        }
        Ok(Arc::new(parse::safeguard(&read(object)?, &law)?))
    };
    let builder = SnapshotBuilder {
        settings: Arc::new(settings),
        parties: vec![party("ltd", "IE", "identity")?, party("inc", "US", CLAIMED)?],
        stores: (0..stores).map(store).collect::<Result<_>>()?,
        safeguards: (0..safeguards).map(safeguard).collect::<Result<_>>()?,
        nodes: ALLOWED.iter().chain([&ABROAD]).map(|region| node(region, &law)).collect(),
        law: law.clone(),
        ..SnapshotBuilder::default()
    };
    Ok(Arc::new(builder.build()))
}

fn node(region: &str, law: &LawPack) -> Arc<Node> {
    Arc::new(Node {
        name: format!("node-{region}"),
        labels: [(REGION, region), ("kubernetes.io/os", "linux")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        place: Place {
            provider: Some("aws".into()),
            region: Some(region.into()),
            country: law.region(Some("aws"), region),
        },
    })
}

/// A Pod that runs on a node, as the index keeps it.
pub fn running(mut pod: Value, number: usize, region: &str) -> Result<Arc<PodFacts>> {
    pod["metadata"]["name"] = json!(format!("app-{number}"));
    pod["metadata"]["uid"] = json!(format!("uid-{number}"));
    // Twenty Pods to a controller.
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "name": format!("app-{}", number / 20), "uid": format!("owner-{}", number / 20), "controller": true}]);
    pod["spec"]["nodeName"] = json!(format!("node-{region}"));
    let facts = facts::pod(read(pod)?);
    facts.map(Arc::new).ok_or_else(|| anyhow::anyhow!("a Pod that has ended"))
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T> {
    Ok(serde_json::from_value(value)?)
}
