//! Sentences about what is compiled, over manifests as users write them.

mod properties;
mod rules;
mod size;

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use super::{Compiled, DEFAULT_CLASS, Rule, Table, compile};
use crate::core::{
    ids::ObjectKey,
    settings::{ClaimsFrom, Mode},
    snapshot::{Namespace, Node, Snapshot},
    store::Place,
    transfer::tests::World,
};

/// Everything is enforced, the stores of `identity` reach everywhere, and there is a node in Ireland and one in Virginia.
fn enforced(mut world: World) -> World {
    world.settings.mode = Mode::Enforce;
    world.settings.claims_from = ClaimsFrom::Namespaces(["identity".into()].into());
    world
}

fn snapshot(world: &World, nodes: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = world.snapshot();
    for (n, (provider, region)) in nodes.iter().enumerate() {
        let country = snapshot.law.region(Some(provider), region);
        let place = Place { provider: Some((*provider).into()), region: Some((*region).into()), country };
        let labels = [("topology.kubernetes.io/region".to_owned(), (*region).to_owned())].into();
        snapshot.nodes.insert(n.to_string(), Arc::new(Node { name: n.to_string(), labels, place }));
    }
    for namespace in ["identity", "analytics", "other"] {
        snapshot.namespaces.insert(namespace.into(), Namespace::default());
    }
    snapshot
}

const NODES: [(&str, &str); 2] = [("aws", "eu-west-1"), ("aws", "us-east-1")];

fn accounts() -> ObjectKey {
    ObjectKey::new("identity", "accounts")
}

/// As the policies look a rule up.
fn rule<'a>(table: &'a Table, namespace: &str, store: &ObjectKey) -> Option<&'a Rule> {
    let class = table.namespaces.get(namespace).map_or(DEFAULT_CLASS, String::as_str);
    table.rules.get(table.classes.get(class)?.get(table.stores.get(store)?)?)
}

/// Whether a Pod pinned to `region` may be made at `at`, by the table for the cluster.
fn allows(compiled: &Compiled, namespace: &str, region: &str, at: Timestamp) -> bool {
    rule(&compiled.cluster, namespace, &accounts())
        .is_none_or(|r| r.regions.get(region).is_some_and(|end| end.is_none_or(|end| at < end)))
}

fn compiled(world: &World) -> Compiled {
    compile(&snapshot(world, &NODES), world.now)
}

/// Stores by what leads there.
fn traces(table: &Table) -> HashMap<String, usize> {
    table.traces.lists().flatten().map(|(name, stores)| (name.clone(), stores.len())).collect()
}
