//! What is known at the end depends on what is there, not on how it came to be known.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
};

use proptest::{prelude::*, sample::select, test_runner::Config};
use serde_json::Value;

use super::*;
use crate::core::{settings::Mode, snapshot::Namespace};

/// A watch. Events of one come in their order; those of two come as they will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Watch {
    Parties,
    Stores,
    Safeguards,
    Holds,
    Namespaces,
}

const WATCHES: [Watch; 5] =
    [Watch::Parties, Watch::Stores, Watch::Safeguards, Watch::Holds, Watch::Namespaces];

/// What happens to an object of a watch. Few names and few contents, so that they meet.
#[derive(Clone, Copy, Debug)]
enum Happens {
    /// It comes or changes.
    Apply(u8, u8),
    /// It goes.
    Delete(u8),
    /// The watch lists anew; a list before it broke off after so many objects.
    List(Option<usize>),
}

fn happens() -> impl Strategy<Value = (Watch, Happens)> {
    let what = prop_oneof![
        4 => (0..3_u8, 0..3_u8).prop_map(|(name, content)| Happens::Apply(name, content)),
        2 => (0..3_u8).prop_map(Happens::Delete),
        1 => prop::option::of(0..3_usize).prop_map(Happens::List),
    ];
    (select(WATCHES.to_vec()), what)
}

fn meta(name: u8, namespace: Option<&str>) -> Value {
    json!({"name": format!("o{name}"), "namespace": namespace, "uid": format!("uid-{name}")})
}

/// An event of a watch about an object, as `event` makes it of key and value.
fn change(watch: Watch, name: u8, content: u8, kind: EventKind) -> Change {
    fn of<K: Kind>(object: Value, kind: EventKind) -> Change {
        let entry: Entry<K> = entry(object);
        K::change(kind.of(entry.key(), entry))
    }
    let declared = |kind: &str, meta: Value, spec: Value| json!({"apiVersion": "carnet.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec});
    match watch {
        Watch::Parties => {
            // One of the contents cannot be read; two claim one namespace.
            let country = ["IE", "FR", "XX"][usize::from(content)];
            let spec = json!({"legalName": "p", "country": country, "runs": {"namespaces": [format!("n{content}")]}});
            of::<api::Party>(declared("Party", meta(name, None), spec), kind)
        }
        Watch::Stores => {
            let spec = json!({"exporterRef": {"name": "o0"}, "role": "Controller", "location": {"country": "IE"},
                "engine": {"postgres": {"credentialsSecretRef": {"name": format!("erasure-{content}")}}},
                "datasets": [{"name": "d", "categories": ["account"]}],
                "access": {"secrets": [{"name": format!("app-{content}")}], "hosts": ["db.example.com"]}});
            of::<api::DataStore>(declared("DataStore", meta(name, Some("identity")), spec), kind)
        }
        Watch::Safeguards => {
            let spec = json!({"instrument": {"standardContractualClauses": {"executedOn": "2024-01-15", "parties": [
                {"exporters": ["o0"], "importers": [format!("o{content}")], "module": "ControllerToController"}]}},
                "scope": {"any": true}, "preference": content});
            of::<api::TransferSafeguard>(declared("TransferSafeguard", meta(name, None), spec), kind)
        }
        Watch::Holds => {
            // The last cannot be read: it holds everything for as long as it is there.
            let placed = ["2026-01-01", "2026-02-01", "soon"][usize::from(content)];
            let spec = json!({"reason": "Audit", "reference": "m", "placedOn": placed, "scope": {"namespaces": ["n"]}});
            of::<api::LegalHold>(declared("LegalHold", meta(name, None), spec), kind)
        }
        Watch::Namespaces => {
            let mode = [None, Some(Mode::Audit), Some(Mode::Enforce)][usize::from(content)];
            let value = Namespace { mode, terminating: content == 2 };
            Change::Namespace(kind.of(ObjectKey::new("", format!("o{name}")), value))
        }
    }
}

#[derive(Clone, Copy)]
enum EventKind {
    Apply,
    InitApply,
}

impl EventKind {
    fn of<V>(self, key: ObjectKey, value: V) -> TableEvent<V> {
        match self {
            Self::Apply => TableEvent::Apply(key, value),
            Self::InitApply => TableEvent::InitApply(key, value),
        }
    }
}

/// An event of a watch about no object.
fn bare(watch: Watch, which: &str, name: u8) -> Change {
    fn event<V>(which: &str, key: ObjectKey) -> TableEvent<V> {
        match which {
            "delete" => TableEvent::Delete(key),
            "init" => TableEvent::Init,
            _ => TableEvent::InitDone,
        }
    }
    let namespace = if watch == Watch::Stores { "identity" } else { "" };
    let key = ObjectKey::new(namespace, format!("o{name}"));
    match watch {
        Watch::Parties => Change::Party(event(which, key)),
        Watch::Stores => Change::DataStore(event(which, key)),
        Watch::Safeguards => Change::TransferSafeguard(event(which, key)),
        Watch::Holds => Change::LegalHold(event(which, key)),
        Watch::Namespaces => Change::Namespace(event(which, key)),
    }
}

/// What is there of each watch: content by name.
type There = BTreeMap<Watch, BTreeMap<u8, u8>>;

/// The events that a watch sends, one group for each thing that happens, and what is there at the end.
fn events(history: &[(Watch, Happens)]) -> (Vec<(Watch, Vec<Change>)>, There) {
    let mut there = There::new();
    let mut groups = vec![];
    for &(watch, what) in history {
        let live = there.entry(watch).or_default();
        let list = |most: usize| {
            let all = live.iter().take(most);
            let all = all.map(|(name, content)| change(watch, *name, *content, EventKind::InitApply));
            [bare(watch, "init", 0)].into_iter().chain(all).collect::<Vec<_>>()
        };
        let group = match what {
            Happens::Apply(name, content) => {
                live.insert(name, content);
                vec![change(watch, name, content, EventKind::Apply)]
            }
            Happens::Delete(name) => {
                live.remove(&name);
                vec![bare(watch, "delete", name)]
            }
            Happens::List(broken_off) => {
                let first = broken_off.map(list).unwrap_or_default();
                first.into_iter().chain(list(usize::MAX)).chain([bare(watch, "done", 0)]).collect()
            }
        };
        groups.push((watch, group));
    }
    (groups, there)
}

fn known(changes: impl IntoIterator<Item = Change>) -> Vec<String> {
    let mut state = empty();
    for change in changes {
        state.apply(change);
    }
    shown(&state.snapshot())
}

fn sorted<'a, K: Ord + Debug + 'a, V: Debug + 'a>(map: impl IntoIterator<Item = (&'a K, &'a V)>) -> String {
    format!("{:?}", map.into_iter().collect::<BTreeMap<_, _>>())
}

/// Everything of a snapshot that is not a setting, in an order of its own.
fn shown(snapshot: &Snapshot) -> Vec<String> {
    let Snapshot {
        law: _,
        settings: _,
        parties,
        stores,
        unreadable_stores,
        safeguards,
        exceptions,
        framework_list,
        policies,
        holds,
        namespaces,
        nodes,
        volumes,
        contradicted,
        invalid,
        runs,
        reach,
        by_importer,
        by_exporter,
        exceptions_in,
        unowned_jobs,
    } = snapshot;
    let crate::core::snapshot::Reach {
        secrets,
        erasure_secrets,
        secret_provider_classes,
        config_maps,
        services,
        claims,
        service_accounts,
        endpoints,
        hosts,
        buckets,
        party_hosts,
        directories,
        nfs,
    } = &**reach;
    vec![
        sorted(parties),
        sorted(stores),
        sorted(unreadable_stores),
        sorted(safeguards),
        sorted(exceptions),
        format!("{framework_list:?}"),
        sorted(policies),
        sorted(holds),
        sorted(namespaces),
        sorted(nodes),
        sorted(invalid),
        sorted(runs),
        sorted(secrets),
        sorted(erasure_secrets),
        sorted(secret_provider_classes),
        sorted(config_maps),
        sorted(services),
        sorted(claims),
        sorted(service_accounts),
        sorted(endpoints),
        sorted(hosts),
        sorted(buckets),
        sorted(party_hosts),
        format!("{directories:?}"),
        sorted(nfs),
        sorted(volumes),
        sorted(contradicted),
        sorted(by_importer),
        sorted(by_exporter),
        sorted(exceptions_in),
        sorted(unowned_jobs),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 100, failure_persistence: None, ..Config::default() })]

    #[test]
    fn what_is_known_is_what_is_there_however_it_came(history in prop::collection::vec(happens(), 0..40)) {
        let (groups, there) = events(&history);
        let listed = there.iter().rev().flat_map(|(watch, live)| {
            let all = live.iter().rev().map(|(name, content)| change(*watch, *name, *content, EventKind::Apply));
            all.collect::<Vec<_>>()
        });
        prop_assert_eq!(known(groups.into_iter().flat_map(|(_, group)| group)), known(listed));
    }

    #[test]
    fn events_of_different_watches_come_in_any_order(
        history in prop::collection::vec(happens(), 0..40),
        turns in prop::collection::vec(select(WATCHES.to_vec()), 0..200),
    ) {
        let (groups, _) = events(&history);
        let as_it_was = known(groups.into_iter().flat_map(|(_, group)| group));
        // Single events of one watch may come between those of another's list.
        let (groups, _) = events(&history);
        let mut queues: BTreeMap<Watch, VecDeque<Change>> = BTreeMap::new();
        for (watch, group) in groups {
            queues.entry(watch).or_default().extend(group);
        }
        let mut mixed = vec![];
        for watch in turns {
            mixed.extend(queues.get_mut(&watch).and_then(VecDeque::pop_front));
        }
        mixed.extend(queues.into_values().flatten());
        prop_assert_eq!(known(mixed), as_it_was);
    }
}
