//! Events on other people's objects: best effort, never in the way of a decision.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        core::v1::ObjectReference,
        events::v1::{Event, EventSeries},
    },
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use sha2::{Digest, Sha256};

use super::{conditions::truncate, failpoint::failpoint};

/// How loud an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How loud.
    pub kind: EventKind,
    /// One word.
    pub reason: &'static str,
    /// What was done.
    pub action: &'static str,
    /// The sentence.
    pub note: String,
}

/// Publishes events of one controller.
///
/// An event's name follows from object, reason and note: another sentence is another event, and the same one said again
/// (by a second replica, after a restart) counts up instead of filling the cluster.
pub struct Events {
    client: Client,
    controller: String,
    instance: String,
    seen: Mutex<HashMap<String, i32>>,
}

/// The most names whose counts are remembered; beyond, counting starts anew.
const REMEMBERED: usize = 4096;

impl Events {
    /// Events of `controller` from this `instance`.
    pub fn new(client: Client, controller: &str, instance: &str) -> Self {
        Self {
            client,
            controller: super::manager(controller),
            instance: instance.into(),
            seen: Mutex::default(),
        }
    }

    /// Publishes; a failure is logged.
    pub async fn publish(&self, regarding: &ObjectReference, note: &Note) {
        self.say(regarding, note, false).await;
    }

    /// Publishes what is said once: where it has been said already, by whomever, nothing is counted up.
    pub async fn publish_once(&self, regarding: &ObjectReference, note: &Note) {
        self.say(regarding, note, true).await;
    }

    async fn say(&self, regarding: &ObjectReference, note: &Note, once: bool) {
        failpoint("event-before");
        match self.try_publish(regarding, note, once).await {
            Ok(()) => failpoint("event-after"),
            Err(error) => tracing::warn!(
                %error,
                reason = note.reason,
                kind = regarding.kind.as_deref(),
                namespace = regarding.namespace.as_deref(),
                name = regarding.name.as_deref(),
                "publishing an event"
            ),
        }
    }

    async fn try_publish(
        &self,
        regarding: &ObjectReference,
        note: &Note,
        once: bool,
    ) -> Result<(), kube::Error> {
        let now = Timestamp::now();
        let namespace = regarding.namespace.as_deref().unwrap_or("default");
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let event = self.event(regarding, note, namespace, now);
        let name = event.metadata.name.clone().unwrap_or_default();
        let count = self.count(&name);
        if count == 1 {
            match api.create(&PostParams::default(), &event).await {
                Ok(_) => return Ok(()),
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => {
                    self.forget(&name);
                    return Err(error);
                }
            }
        }
        if once {
            return Ok(());
        }
        let series = EventSeries { count: count.max(2), last_observed_time: MicroTime(now) };
        let patch = Patch::Merge(serde_json::json!({ "series": series }));
        match api.patch(&name, &PatchParams::default(), &patch).await {
            Ok(_) => Ok(()),
            // It outlived its time to live: say it anew.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                api.create(&PostParams::default(), &event).await.map(drop)
            }
            Err(error) => Err(error),
        }
    }

    fn count(&self, name: &str) -> i32 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() > REMEMBERED {
            seen.clear();
        }
        let count = seen.entry(name.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// What could not be said has not been said.
    fn forget(&self, name: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn event(&self, regarding: &ObjectReference, note: &Note, namespace: &str, now: Timestamp) -> Event {
        let mut text = note.note.clone();
        truncate(&mut text, 1024);
        Event {
            metadata: ObjectMeta {
                name: Some(name_of(regarding, note)),
                namespace: Some(namespace.into()),
                ..ObjectMeta::default()
            },
            action: Some(note.action.into()),
            reason: Some(note.reason.into()),
            note: Some(text),
            type_: Some(match note.kind {
                EventKind::Normal => "Normal".into(),
                EventKind::Warning => "Warning".into(),
            }),
            event_time: Some(MicroTime(now)),
            regarding: Some(regarding.clone()),
            reporting_controller: Some(self.controller.clone()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }
}

fn name_of(regarding: &ObjectReference, note: &Note) -> String {
    let mut hash = Sha256::new();
    for part in [
        regarding.uid.as_deref().unwrap_or_default(),
        regarding.kind.as_deref().unwrap_or_default(),
        note.reason,
        &note.note,
    ] {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    let mut name = regarding.name.clone().unwrap_or_else(|| "carnet".into());
    truncate(&mut name, 230);
    name.push('.');
    for byte in &digest[..8] {
        use std::fmt::Write as _;
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_sentence_is_another_event_and_the_same_one_is_the_same() {
        let on = ObjectReference { name: Some("web".into()), uid: Some("u".into()), ..Default::default() };
        let note = |text: &str| Note {
            kind: EventKind::Warning,
            reason: "TransferNotCovered",
            action: "Judge",
            note: text.into(),
        };
        assert_eq!(name_of(&on, &note("a")), name_of(&on, &note("a")));
        assert_ne!(name_of(&on, &note("a")), name_of(&on, &note("b")));
        assert!(name_of(&on, &note("a")).starts_with("web."));
    }
}
