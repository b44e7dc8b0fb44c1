use kube::core::DeserializeGuard;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{api::v1alpha1 as api, core::snapshot::Namespace, parse};

fn context() -> Context {
    let law = Arc::new(parse::law::built_in().unwrap());
    Context { law, settings: Arc::default() }
}

fn entry<K: Kind>(value: serde_json::Value) -> Entry<K> {
    let guard: DeserializeGuard<K> = serde_json::from_value(value).unwrap();
    Entry::new(guard, &context())
}

fn party(name: &str, country: &str, status: &serde_json::Value) -> Change {
    let entry: Entry<api::Party> = entry(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "Party",
        "metadata": {"name": name, "uid": name},
        "spec": {"legalName": name, "country": country},
        "status": status,
    }));
    api::Party::change(TableEvent::Apply(entry.key(), entry))
}

fn empty() -> State {
    let Context { law, settings } = context();
    State::new(law, settings)
}

#[test]
fn an_object_that_cannot_be_read_is_kept_with_its_reason_and_stalls_nothing() {
    let mut state = empty();
    state.apply(party("good", "IE", &json!(null)));
    state.apply(party("bad", "XX", &json!(null)));
    let snapshot = state.snapshot();
    assert!(snapshot.parties.contains_key("good") && !snapshot.parties.contains_key("bad"));
    let reason = &snapshot.invalid[&("Party".into(), String::new(), "bad".into())];
    assert!(reason.contains("country"), "{reason}");
}

#[test]
fn an_object_that_does_not_fit_its_schema_is_kept_too() {
    let entry: Entry<api::Party> = entry(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": "odd"}, "spec": {"country": 7},
    }));
    assert!(entry.object.is_none() && entry.value.is_err());
    let mut state = empty();
    state.apply(Change::Party(TableEvent::Apply(entry.key(), entry)));
    assert_eq!(state.snapshot().invalid.len(), 1);
}

#[test]
fn a_hold_that_cannot_be_read_holds_everything() {
    let entry: Entry<api::LegalHold> = entry(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "LegalHold", "metadata": {"name": "h", "uid": "u"},
        "spec": {"reason": "Litigation", "reference": "m", "placedOn": "soon"},
    }));
    let mut state = empty();
    state.apply(Change::LegalHold(TableEvent::Apply(entry.key(), entry)));
    let snapshot = state.snapshot();
    let hold = &snapshot.holds["h"];
    assert!(hold.namespaces.is_empty() && hold.stores.is_empty() && hold.released_from.is_none());
    assert_eq!(snapshot.invalid.len(), 1);
}

#[test]
fn a_status_alone_builds_no_new_snapshot() {
    let mut state = empty();
    assert_eq!(state.apply(party("p", "IE", &json!(null))), Effect::Snapshot);
    assert_eq!(state.apply(party("p", "IE", &json!({"observedGeneration": 1}))), Effect::Objects);
    assert_eq!(state.apply(party("p", "FR", &json!(null))), Effect::Snapshot);
}

#[test]
fn the_order_of_events_of_different_watches_does_not_matter() {
    let changes = || {
        vec![
            party("a", "IE", &json!(null)),
            party("b", "FR", &json!(null)),
            Change::Namespace(TableEvent::Apply(ObjectKey::new("", "n"), Namespace::default())),
        ]
    };
    let build = |changes: Vec<Change>| {
        let mut state = empty();
        for change in changes {
            state.apply(change);
        }
        let snapshot = state.snapshot();
        let mut parties: Vec<_> = snapshot.parties.keys().cloned().collect();
        parties.sort();
        (parties, snapshot.namespaces.len())
    };
    assert_eq!(build(changes()), build(changes().into_iter().rev().collect()));
}

#[tokio::test]
async fn nothing_is_published_before_every_watch_has_listed() {
    let Context { law, settings } = context();
    let index = Arc::new(Index::new(law, settings));
    let (send, queue) = mpsc::channel(64);
    let shutdown = CancellationToken::new();
    let writer = tokio::spawn(run_writer(index.clone(), queue, shutdown.clone()));
    send.send(party("a", "IE", &json!(null))).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!index.is_loaded() && index.snapshot().parties.is_empty());
    for done in [
        Change::Party(TableEvent::InitDone),
        Change::DataStore(TableEvent::InitDone),
        Change::TransferSafeguard(TableEvent::InitDone),
        Change::TransferException(TableEvent::InitDone),
        Change::RetentionPolicy(TableEvent::InitDone),
        Change::LegalHold(TableEvent::InitDone),
        Change::Namespace(TableEvent::InitDone),
        Change::Node(TableEvent::InitDone),
        Change::Pod(TableEvent::InitDone),
    ] {
        send.send(done).await.unwrap();
    }
    index.loaded().await;
    assert!(index.snapshot().parties.contains_key("a"));
    shutdown.cancel();
    writer.await.unwrap();
}
