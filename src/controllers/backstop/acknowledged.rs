//! Says aloud that something was let go by an acknowledgement: in the log, and as an Event.

use std::collections::HashMap;

use k8s_openapi::{api::core::v1::ObjectReference, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use tokio::sync::watch;

use super::{NAME, Shared, Standing};
use crate::{
    api::{
        labels,
        v1alpha1::{DataStore, TransferSafeguard},
    },
    index::State,
    platform::{EventKind, Events, Note},
};

/// An acknowledged object: its kind, its names, the reason, and the Pods that stood on it while it was there.
struct Acknowledged {
    kind: String,
    meta: ObjectMeta,
    reason: String,
    pods: i64,
}

/// Runs until shutdown. Not in the rhythm of the compiler: what is marked and deleted at once must be seen.
pub async fn run(shared: Shared, standing: watch::Receiver<Option<Standing>>) {
    let events = Events::new(shared.client.clone(), NAME, &shared.identity);
    let mut changes = shared.index.subscribe();
    let mut before = HashMap::new();
    loop {
        let (now, there) = {
            let state = shared.index.state();
            (marked(&state, standing.borrow().as_ref()), uids(&state))
        };
        for (uid, gone) in before.iter().filter(|(uid, _)| !there.contains(*uid)) {
            let Acknowledged { kind, meta, reason, pods } = gone;
            let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref().unwrap_or_default());
            tracing::warn!(kind, namespace, name, reason, pods, "deleted with an acknowledgement");
            let on = ObjectReference {
                api_version: Some("carnet.dev/v1alpha1".into()),
                kind: Some(kind.clone()),
                namespace: namespace.map(Into::into),
                name: Some(name.into()),
                uid: Some(String::clone(uid)),
                ..ObjectReference::default()
            };
            let note = Note {
                kind: EventKind::Warning,
                reason: "Acknowledged",
                action: "Delete",
                note: format!("deleted while running Pods stood on it, acknowledged: {reason}"),
            };
            if *pods > 0 {
                events.publish(&on, &note).await;
            }
        }
        before = now;
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

fn marked(state: &State, standing: Option<&Standing>) -> HashMap<String, Acknowledged> {
    let stores = state.stores.iter().map(|(_, e)| (kind::<DataStore>(), &e.meta));
    let safeguards = state.safeguards.iter().map(|(_, e)| (kind::<TransferSafeguard>(), &e.meta));
    stores
        .chain(safeguards)
        .filter_map(|(kind, meta)| {
            let reason = meta.annotations.as_ref()?.get(labels::ACKNOWLEDGE)?.trim();
            let (uid, reason) = (meta.uid.clone()?, (!reason.is_empty()).then(|| reason.to_owned())?);
            let pods = standing.map_or(0, |standing| pods(standing, meta));
            Some((uid, Acknowledged { kind, meta: meta.clone(), reason, pods }))
        })
        .collect()
}

fn uids(state: &State) -> std::collections::HashSet<String> {
    let stores = state.stores.iter().filter_map(|(_, e)| e.meta.uid.clone());
    stores.chain(state.safeguards.iter().filter_map(|(_, e)| e.meta.uid.clone())).collect()
}

fn kind<K: kube::Resource<DynamicType = ()>>() -> String {
    K::kind(&()).into_owned()
}

fn pods(standing: &Standing, meta: &ObjectMeta) -> i64 {
    let name = meta.name.as_deref().unwrap_or_default();
    let found = match meta.namespace.as_deref() {
        Some(namespace) => standing.stores.get(&crate::core::ids::ObjectKey::new(namespace, name)),
        None => standing.safeguards.get(name),
    };
    found.copied().unwrap_or_default()
}
