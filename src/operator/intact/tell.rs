//! The log and the Events: where a person finds them, `kubectl -n carnet-system get events`.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::{apps::v1::Deployment, core::v1::ObjectReference};
use kube::{Api, Client};

use crate::{
    enforcement::{Deviation, Id},
    index::Index,
    platform::{EventKind, Events, Note},
};

/// The operator's own Deployment.
pub const DEPLOYMENT: &str = "carnet-operator";
/// Objects that are spoken of after one change; what is beyond is counted.
const NAMED: usize = 10;
/// How long an Event may take: the watch must not wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a person can do.
const NEXT: &str =
    "the operator does not restore it: apply what was installed again (helm upgrade, kubectl apply -k)";

/// Tells what changed since it last told.
pub struct Tell {
    events: Events,
    deployments: Api<Deployment>,
    namespace: String,
    told: BTreeMap<Id, String>,
    led: bool,
    had_deployment: bool,
}

impl Tell {
    /// Events of this replica about the operator of `namespace`.
    pub fn new(client: Client, namespace: &str, identity: &str) -> Self {
        Self {
            events: Events::new(client.clone(), "enforcement", identity),
            deployments: Api::namespaced(client, namespace),
            namespace: namespace.into(),
            told: BTreeMap::new(),
            led: false,
            had_deployment: false,
        }
    }

    /// Whether it last spoke as the leader.
    pub fn led(&self) -> bool {
        self.led
    }

    /// Says what is new: to the log, and as the leader in Events.
    pub async fn tell(&mut self, deviations: &[Deviation], leads: bool, index: &Index) {
        let now = by_object(deviations);
        let was_told = std::mem::replace(&mut self.told, now);
        // Who has just begun to lead says everything: the one before may not have come to it. The same Event counts up.
        let anew = leads && !self.led;
        self.led = leads;
        let new: Vec<(&Id, &String)> =
            self.told.iter().filter(|(id, text)| anew || was_told.get(*id) != Some(text)).collect();
        let restored = self.told.is_empty() && !was_told.is_empty();
        if new.is_empty() && !restored {
            return;
        }
        let regarding = tokio::time::timeout(PATIENCE, regarding(&self.deployments, &self.namespace)).await;
        let (on, own) = regarding.unwrap_or_else(|_| (reference(&self.namespace), Own::Unasked));
        let leaves = leaving(&own, &mut self.had_deployment) || namespace_ends(index, &self.namespace);
        let mut notes = vec![];
        for (id, text) in new.iter().take(NAMED) {
            if leaves {
                tracing::info!(kind = %id.kind, name = id.name, what = text.as_str(), "enforcement is being uninstalled");
                continue;
            }
            tracing::error!(kind = %id.kind, name = id.name, what = text.as_str(), "enforcement is not as installed");
            let missing = deviations.iter().any(|d| d.is_missing() && d.kind == id.kind && d.name == id.name);
            let reason = if missing { "EnforcementMissing" } else { "EnforcementChanged" };
            notes.push(Note {
                kind: EventKind::Warning,
                reason,
                action: "Compare",
                note: format!("{text}; {NEXT}"),
            });
        }
        if new.len() > NAMED {
            tracing::error!(objects = new.len() - NAMED, "more objects are not as installed");
        }
        if restored {
            tracing::info!("enforcement is as installed again");
            notes.push(Note {
                kind: EventKind::Normal,
                reason: "EnforcementIntact",
                action: "Compare",
                note: "policies, bindings and webhook are as installed again".into(),
            });
        }
        if leads {
            for note in notes {
                let _ = tokio::time::timeout(PATIENCE, self.events.publish(&on, &note)).await;
            }
        }
    }
}

/// One text for each object: what is missing, or the fields that differ.
fn by_object(deviations: &[Deviation]) -> BTreeMap<Id, String> {
    /// Leaves room in an Event's note for what to do.
    const LONGEST: usize = 800;
    let mut all: BTreeMap<Id, String> = BTreeMap::new();
    for deviation in deviations {
        let id = Id { kind: deviation.kind, name: deviation.name.clone() };
        let text = all.entry(id).or_default();
        let sentence = deviation.to_string();
        if text.is_empty() {
            *text = sentence;
        } else if text.len() + sentence.len() < LONGEST {
            let object = format!("{} {}: ", deviation.kind, deviation.name);
            text.push_str("; ");
            text.push_str(sentence.strip_prefix(&object).unwrap_or(&sentence));
        } else if !text.ends_with("; and more") {
            text.push_str("; and more");
        }
    }
    all
}

/// What is known of our Deployment.
enum Own {
    /// It is there, and going or not.
    There { going: bool },
    /// There is none.
    Gone,
    /// It could not be asked for.
    Unasked,
}

async fn regarding(deployments: &Api<Deployment>, namespace: &str) -> (ObjectReference, Own) {
    let mut on = reference(namespace);
    match deployments.get_opt(DEPLOYMENT).await {
        Ok(Some(there)) => {
            on.uid = there.metadata.uid;
            (on, Own::There { going: there.metadata.deletion_timestamp.is_some() })
        }
        Ok(None) => (on, Own::Gone),
        Err(error) => {
            tracing::debug!(%error, "reading our Deployment");
            (on, Own::Unasked)
        }
    }
}

/// Our Deployment, as what an Event is about.
pub fn reference(namespace: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("apps/v1".into()),
        kind: Some("Deployment".into()),
        namespace: Some(namespace.into()),
        name: Some(DEPLOYMENT.into()),
        ..ObjectReference::default()
    }
}

/// Whether Carnet is being uninstalled: its Deployment is going, or was there and is gone.
fn leaving(own: &Own, had_deployment: &mut bool) -> bool {
    match own {
        Own::There { going } => {
            *had_deployment = true;
            *going
        }
        Own::Gone => *had_deployment,
        Own::Unasked => false,
    }
}

fn namespace_ends(index: &Index, namespace: &str) -> bool {
    index.snapshot().namespaces.get(namespace).is_some_and(|n| n.terminating)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::Kind;

    fn deviation(field: Option<&str>) -> Deviation {
        Deviation {
            kind: Kind::ValidatingAdmissionPolicy,
            name: "holds.carnet.dev".into(),
            field: field.map(Into::into),
            expected: field.map(|_| "\"Fail\"".into()),
            found: field.map(|_| "\"Ignore\"".into()),
            release: None,
        }
    }

    #[test]
    fn an_object_is_spoken_of_once_with_all_its_fields() {
        let texts = by_object(&[deviation(Some("spec.a")), deviation(Some("spec.b"))]);
        let texts: Vec<_> = texts.into_values().collect();
        expect_test::expect![[r#"
            [
                "ValidatingAdmissionPolicy holds.carnet.dev: spec.a is \"Ignore\", installed was \"Fail\"; spec.b is \"Ignore\", installed was \"Fail\"",
            ]
        "#]]
        .assert_debug_eq(&texts);
    }

    #[test]
    fn a_text_leaves_room_for_what_to_do() {
        let many: Vec<_> = (0..100).map(|n| deviation(Some(&format!("spec.field{n}")))).collect();
        let text = by_object(&many).into_values().next().unwrap();
        assert!(text.ends_with("; and more") && text.len() + NEXT.len() < 1024, "{}", text.len());
    }

    #[test]
    fn a_deployment_that_was_there_and_is_gone_is_an_uninstall_and_one_that_never_was_is_not() {
        let mut had = false;
        assert!(!leaving(&Own::Gone, &mut had));
        assert!(!leaving(&Own::There { going: false }, &mut had));
        assert!(leaving(&Own::Gone, &mut had));
        assert!(!leaving(&Own::Unasked, &mut had), "what could not be asked is no uninstall");
    }
}
