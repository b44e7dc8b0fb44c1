use std::time::Instant;

use super::*;
use crate::core::transfer::tests::{SCC, edit};

/// Many stores with names of their own, and many namespaces of a few parties.
fn many(stores: usize, namespaces: usize) -> Snapshot {
    let world = enforced(World::new(&[&edit(SCC, &[("scope: {namespaces: [analytics], ", "scope: {")])]));
    let mut snapshot = snapshot(&world, &NODES);
    let one = snapshot.stores[&accounts()].clone();
    for n in 0..stores {
        let namespace = format!("team-{}", n % namespaces);
        let key = ObjectKey::new(namespace.as_str(), format!("store-{n}").as_str());
        let mut store = (*one).clone();
        store.key = key.clone();
        let reach = Arc::make_mut(&mut snapshot.reach);
        let secret = ObjectKey::new(namespace.as_str(), format!("secret-{n}").as_str());
        reach.secrets.insert(secret, vec![key.clone()]);
        reach.hosts.insert(format!("host-{n}.example.com"), vec![(None, key.clone())]);
        snapshot.stores.insert(key, Arc::new(store));
    }
    for n in 0..namespaces {
        snapshot.namespaces.insert(format!("team-{n}"), Namespace::default());
        if n % 2 == 0 {
            snapshot.runs.insert(format!("team-{n}"), "inc".into());
        }
    }
    snapshot
}

#[test]
fn ten_thousand_stores_in_a_thousand_namespaces_compile_in_seconds_and_a_change_touches_one_object() {
    let before = many(10_000, 1000);
    let now = World::new(&[]).now;
    let started = Instant::now();
    let first = compile(&before, now);
    let took = started.elapsed();
    println!("10000 stores, 1000 namespaces: compiled in {took:?}");
    assert!(took.as_secs() < 30, "{took:?}");
    assert!(first.namespaces.len() >= 1000);
    assert!(first.namespaces.values().all(|t| t.left_out.is_empty()));

    let mut after = before.clone();
    let key = ObjectKey::new("team-7", "store-7");
    let more = ObjectKey::new("team-7", "one-more");
    Arc::make_mut(&mut after.reach).secrets.insert(more, vec![key]);
    let second = compile(&after, now);
    let changed: Vec<&String> = second
        .namespaces
        .iter()
        .filter(|(n, t)| first.namespaces.get(*n) != Some(t))
        .map(|(n, _)| n)
        .collect();
    assert_eq!(changed, ["team-7"]);
    assert_eq!(first.cluster, second.cluster);
}

#[test]
fn what_does_not_fit_is_left_out_whole_and_named() {
    let mut snapshot = many(20_000, 10);
    let mut settings = (*snapshot.settings).clone();
    settings.claims_from = ClaimsFrom::All;
    snapshot.settings = Arc::new(settings);
    let compiled = compile(&snapshot, World::new(&[]).now);
    let table = &compiled.cluster;
    assert!(!table.left_out.is_empty() && !table.stores.is_empty());
    let kept: std::collections::BTreeSet<String> =
        table.traces.stores().iter().map(ToString::to_string).collect();
    assert!(table.traces.stores().iter().all(|store| table.stores.contains_key(store)));
    assert!(table.left_out.is_disjoint(&kept));
    let size: usize =
        table.traces.lists().flatten().map(|(name, stores)| name.len() + stores.len() * 20).sum();
    assert!(size < 128 * 1024, "{size}");
}

#[test]
fn words_without_a_dot_are_searched_for_only_so_many() {
    let mut snapshot = many(0, 1);
    for n in 0..200 {
        let service = ObjectKey::new("identity", format!("service-{n}").as_str());
        Arc::make_mut(&mut snapshot.reach).services.insert(service, vec![accounts()]);
    }
    let compiled = compile(&snapshot, World::new(&[]).now);
    let table = &compiled.namespaces["identity"];
    let length: usize = table.traces.bare_words.keys().map(|w| w.len() + 1).sum();
    assert!(length <= 1000 && !table.left_out.is_empty());
}
