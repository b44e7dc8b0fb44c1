//! Everything that the reconciler publishes of what is not as it should be, in the words under which people find it: reasons of
//! conditions and Events, kinds of findings, states of flows.

use std::collections::BTreeSet;

use carnet::{
    controllers::{
        declared::Passive,
        retention::{OfStore, OptIn, policy_status},
        transfers::{contradicted_nodes, store_status},
    },
    core::{
        retention::{PlanInput, plan},
        snapshot::Snapshot,
    },
    index::{Entry, Table},
    picture::{Picture, StorePicture},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::world::World;

/// Conditions that say by `True` that all is well; of all others `False` does.
const WELL_IF_TRUE: [&str; 9] = [
    "Ready",
    "NoViolation",
    "ResolvedRefs",
    "LocationKnown",
    "InForce",
    "NamespacesUnique",
    "OnwardBound",
    "PublicList",
    "Latest",
];
/// Reasons beside which all is well, whatever the status.
const WELL: [&str; 5] = ["Accepted", "NoSnapshot", "SaysTheSame", "Datasets", "Nothing"];

/// All of it, of a world in which these were judged.
pub fn everything<'a>(
    world: &World,
    snapshot: &Snapshot,
    pictures: impl Iterator<Item = &'a Picture>,
    at: Timestamp,
) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for picture in pictures {
        said.extend(
            picture.findings.iter().filter(|(_, pods)| **pods > 0).map(|(kind, _)| (*kind).to_owned()),
        );
        for state in ["waived", "same-entity"] {
            if picture.flows.get(state).is_some_and(|flows| *flows > 0) {
                said.insert(state.to_owned());
            }
        }
        stores(world, snapshot, picture, at, &mut said);
    }
    if !contradicted_nodes(snapshot).is_empty() {
        said.insert("NodeRegionContradicted".into());
    }
    passive(&world.state.parties, snapshot, at, &mut said);
    passive(&world.state.safeguards, snapshot, at, &mut said);
    passive(&world.state.exceptions, snapshot, at, &mut said);
    passive(&world.state.framework_lists, snapshot, at, &mut said);
    policies(world, snapshot, at, &mut said);
    said
}

fn stores(world: &World, snapshot: &Snapshot, picture: &Picture, at: Timestamp, said: &mut BTreeSet<String>) {
    for (key, entry) in &world.state.stores {
        // As it is judged: a location that is contradicted is none.
        let Some(store) = snapshot.stores.get(key) else { continue };
        let nothing = StorePicture::default();
        let about = picture.stores.get(key).unwrap_or(&nothing);
        conditions(&store_status(snapshot, store, (about, None), &entry.meta, None, at).conditions, said);
    }
}

fn policies(world: &World, snapshot: &Snapshot, at: Timestamp, said: &mut BTreeSet<String>) {
    let plans = plan(&PlanInput::of(snapshot), at);
    for (key, entry) in &world.state.policies {
        let Some(policy) = snapshot.policies.get(key) else { continue };
        let of = plans.iter().filter(|plan| plan.policy == *key);
        let stores: Vec<OfStore<'_>> =
            of.map(|plan| OfStore { plan, runs: vec![], next: None, holds: vec![] }).collect();
        let status = policy_status(policy, snapshot, &stores, OptIn::Yes, &entry.meta, None, at);
        conditions(&status.conditions, said);
    }
}

fn conditions(all: &[Condition], said: &mut BTreeSet<String>) {
    for Condition { type_, status, reason, .. } in all {
        let well = if WELL_IF_TRUE.contains(&type_.as_str()) { "True" } else { "False" };
        // A policy that selects nothing is ready, and says so all the same.
        if !WELL.contains(&reason.as_str()) && (status != well || reason == "NoStoreMatches") {
            said.insert(reason.clone());
        }
    }
}

fn passive<K: Passive>(
    table: &Table<Entry<K>>,
    snapshot: &Snapshot,
    at: Timestamp,
    said: &mut BTreeSet<String>,
) {
    for (_, entry) in table {
        let Ok(value) = &entry.value else { continue };
        let (found, _) = K::findings(entry.object.as_deref(), value, snapshot, at);
        let all = carnet::platform::conditions::set(&[], &found, None, at);
        conditions(&all, said);
    }
}
