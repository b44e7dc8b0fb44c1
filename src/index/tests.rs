mod order;

use std::sync::LazyLock;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{api::v1alpha1 as api, parse};

/// The law takes a while to read, and thousands of objects are read by it.
fn context() -> Context {
    static LAW: LazyLock<Arc<LawPack>> = LazyLock::new(|| Arc::new(parse::law::built_in().unwrap()));
    Context { law: LAW.clone(), settings: Arc::default() }
}

fn entry<K: Kind>(value: serde_json::Value) -> Entry<K> {
    let watched: Watched<K> = serde_json::from_value(value).unwrap();
    Entry::new(watched, &context())
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

#[tokio::test]
async fn nothing_is_published_before_every_watch_has_listed() {
    let Context { law, settings } = context();
    let index = Arc::new(Index::new(law, settings));
    let (send, queue) = mpsc::channel(64);
    let shutdown = CancellationToken::new();
    let writer = tokio::spawn(run_writer(index.clone(), queue, shutdown.clone()));
    send.send(party("a", "IE", &json!(null))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!index.is_loaded() && index.snapshot().parties.is_empty());
    for done in Change::every_list_is_done() {
        send.send(done).await.unwrap();
    }
    index.loaded().await;
    assert!(index.snapshot().parties.contains_key("a"));
    shutdown.cancel();
    writer.await.unwrap();
}

fn store(uid: &str, spec: &serde_json::Value) -> Entry<api::DataStore> {
    entry(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "accounts", "namespace": "identity", "uid": uid}, "spec": spec,
    }))
}

fn readable() -> serde_json::Value {
    json!({
        "exporterRef": {"name": "ltd"}, "role": "Controller", "location": {"country": "IE"},
        "engine": {"postgres": {"credentialsSecretRef": {"name": "erasure"}}},
        "datasets": [{"name": "d", "categories": ["account"]}],
        "access": {"secrets": [{"name": "old"}]},
    })
}

/// A host that cannot be read, and another Secret.
fn unreadable() -> serde_json::Value {
    let mut spec = readable();
    spec["access"] = json!({"secrets": [{"name": "new"}], "hosts": ["a b"]});
    spec
}

/// A spec that does not even fit the schema.
fn misfit() -> serde_json::Value {
    let mut spec = unreadable();
    spec["datasets"] = json!("none");
    spec
}

fn apply(state: &mut State, entry: Entry<api::DataStore>) -> Effect {
    state.apply(Change::DataStore(TableEvent::Apply(entry.key(), entry)))
}

fn secrets(snapshot: &Snapshot) -> Vec<String> {
    let reach = &snapshot.reach;
    let mut all: Vec<_> =
        reach.secrets.keys().chain(reach.erasure_secrets.keys()).map(|k| k.name.to_string()).collect();
    all.sort();
    all
}

#[test]
fn a_store_that_cannot_be_read_still_leads_to_its_users() {
    for spec in [unreadable(), misfit()] {
        let mut state = empty();
        apply(&mut state, store("u", &spec));
        let snapshot = state.snapshot();
        assert_eq!(secrets(&snapshot), ["erasure", "new"]);
        let key = ObjectKey::new("identity", "accounts");
        assert!(snapshot.stores.is_empty() && snapshot.judged_store(&key).is_none());
        assert_eq!(snapshot.invalid.len(), 1);
    }
}

#[test]
fn what_a_store_last_meant_judges_its_users_and_erases_nothing() {
    let mut state = empty();
    apply(&mut state, store("u", &readable()));
    let key = ObjectKey::new("identity", "accounts");
    for spec in [unreadable(), misfit()] {
        assert_eq!(apply(&mut state, store("u", &spec)), Effect::Snapshot);
        let snapshot = state.snapshot();
        assert_eq!(secrets(&snapshot), ["erasure", "new", "old"]);
        assert!(snapshot.judged_store(&key).is_some());
        // Whoever deletes looks here.
        assert!(snapshot.stores.is_empty());
    }
    apply(&mut state, store("u", &readable()));
    let snapshot = state.snapshot();
    assert!(snapshot.unreadable_stores.is_empty() && snapshot.stores.len() == 1);
    assert_eq!(secrets(&snapshot), ["erasure", "old"]);
}

#[test]
fn what_a_store_last_meant_outlives_a_new_list_but_not_the_object() {
    let list = |state: &mut State, entry: Entry<api::DataStore>| {
        state.apply(Change::DataStore(TableEvent::Init));
        state.apply(Change::DataStore(TableEvent::InitApply(entry.key(), entry)));
        state.apply(Change::DataStore(TableEvent::InitDone));
    };
    let key = ObjectKey::new("identity", "accounts");
    let mut state = empty();
    apply(&mut state, store("u", &readable()));
    list(&mut state, store("u", &unreadable()));
    assert!(state.snapshot().judged_store(&key).is_some());
    list(&mut state, store("another", &unreadable()));
    assert!(state.snapshot().judged_store(&key).is_none());
}

#[test]
fn what_else_cannot_be_read_carries_nothing() {
    let mut state = empty();
    state.apply(party("p", "IE", &json!(null)));
    state.apply(party("p", "XX", &json!(null)));
    let safeguard: Entry<api::TransferSafeguard> = entry(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "s"},
        "spec": {"scope": {"any": true}, "instrument": {"adequacy": {"decision": "no such row", "importers": []}}},
    }));
    let exception: Entry<api::TransferException> = entry(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "TransferException", "metadata": {"name": "e"}, "spec": {},
    }));
    state.apply(Change::TransferSafeguard(TableEvent::Apply(safeguard.key(), safeguard)));
    state.apply(Change::TransferException(TableEvent::Apply(exception.key(), exception)));
    let snapshot = state.snapshot();
    assert_eq!(snapshot.invalid.len(), 3);
    assert!(snapshot.parties.is_empty() && snapshot.runs.is_empty());
    assert!(snapshot.safeguards.is_empty() && snapshot.by_importer.is_empty());
    assert!(snapshot.exceptions.is_empty() && snapshot.exceptions_in.is_empty());
}
