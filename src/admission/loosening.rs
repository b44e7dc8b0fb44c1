//! Edits that take away what is judged while Pods run that stand on it. Each is refused with their number until somebody says
//! why; what a change of an object means is asked of the same code that judges those Pods.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

use super::{ReviewState, envelope::Answer};
use crate::{
    api::{
        labels,
        v1alpha1::{DataStoreSpec, OnwardTransfer, PartySpec},
    },
    core::{
        ids::{ObjectKey, PartyName},
        safeguard::Safeguard,
        snapshot::Snapshot,
        transfer::{Request, Sending, Use, Workload, decide},
    },
    detect::{self, Detection},
    index::PodFacts,
    placement::node_place,
};

/// What an edit takes away, and how many running Pods stand on it.
pub(super) struct Loosening {
    /// In words, as clauses behind "this edit of ...".
    pub takes: Vec<String>,
    pub pods: usize,
}

impl Loosening {
    /// Of a kind whose edits take nothing away.
    pub const NONE: Self = Self { takes: vec![], pods: 0 };

    /// The refusal of the edit; none where nothing is taken away, nobody stands on it, or somebody says why.
    pub fn refusal(&self, kind: &str, key: &ObjectKey, old: &ObjectMeta, new: &ObjectMeta) -> Option<Answer> {
        let Self { takes, pods } = self;
        if takes.is_empty() || *pods == 0 || acknowledges(old, new) {
            return None;
        }
        let name = if key.namespace.is_empty() { key.name.to_string() } else { key.to_string() };
        let (takes, stand) = (takes.join(", "), standing(*pods));
        let say = labels::ACKNOWLEDGE;
        let message = format!(
            "this edit of {kind} {name} {takes}, and {stand} on it: set its annotation {say} to the reason in the same edit"
        );
        Some(Answer::forbid("loosening", message))
    }
}

fn standing(pods: usize) -> String {
    if pods == 1 { "1 running Pod stands".into() } else { format!("{pods} running Pods stand") }
}

/// Whether the edit brings a reason: one that was there before spoke of something else.
fn acknowledges(old: &ObjectMeta, new: &ObjectMeta) -> bool {
    let said = |meta: &ObjectMeta| {
        let text = meta.annotations.as_ref()?.get(labels::ACKNOWLEDGE)?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    said(new).is_some_and(|reason| said(old) != Some(reason))
}

/// What an edit of a store takes away from what is judged.
pub(super) fn of_store(old: &DataStoreSpec, new: &DataStoreSpec) -> Vec<String> {
    let mut takes = vec![];
    match (&old.origins, &new.origins) {
        (None, Some(_)) => takes.push("names origins where every regime was judged".into()),
        (Some(old), new) => {
            let new = new.as_deref();
            // Without origins every regime is judged.
            let gone = old.iter().filter(|o| new.is_some_and(|new| !new.contains(o)));
            takes.extend(gone.map(|origin| format!("drops origin {origin}")));
        }
        (None, None) => {}
    }
    for dataset in &old.datasets {
        let Some(now) = new.datasets.iter().find(|d| d.name == dataset.name) else {
            takes.push(format!("drops dataset {}", dataset.name));
            continue;
        };
        let gone = dataset.categories.iter().filter(|c| !now.categories.contains(c));
        takes.extend(gone.map(|category| format!("drops category {category} of dataset {}", dataset.name)));
        let of_role = |d: &crate::api::v1alpha1::Dataset| json(&(&d.role, &d.controller_ref));
        if dataset.collected.is_none() && now.collected.is_some() {
            takes.push(format!("says of dataset {} how it was collected", dataset.name));
        }
        if of_role(dataset) != of_role(now) {
            takes.push(format!("changes the role of dataset {}", dataset.name));
        }
    }
    let (before, after) = (json(&old.access), json(&new.access));
    for (what, entries) in before.as_object().into_iter().flatten() {
        let kept = after.get(what).and_then(Value::as_array);
        for entry in entries.as_array().into_iter().flatten() {
            if kept.is_none_or(|kept| !kept.contains(entry)) {
                takes.push(format!("drops {} of access.{what}", named(entry)));
            }
        }
    }
    for copy in old.copies.iter().filter(|copy| !new.copies.iter().any(|c| c.name == copy.name)) {
        takes.push(format!("drops copy {}", copy.name));
    }
    if old.location != new.location {
        takes.push("moves its location".into());
    }
    if json(&old.exporter_ref) != json(&new.exporter_ref) {
        takes.push("changes its exporter".into());
    }
    if json(&(&old.role, &old.controller_ref)) != json(&(&new.role, &new.controller_ref)) {
        takes.push("changes its role".into());
    }
    takes
}

/// What an edit of a Party takes away: namespaces that it runs, and every entry of a list of those whom it lets in or passes data
/// on to.
pub(super) fn of_party(old: &PartySpec, new: &PartySpec) -> Vec<String> {
    let (before, after) = (json(old), json(new));
    let lists = ["/runs/namespaces", "/accessFrom", "/hosts"];
    let mut takes = vec![];
    for list in lists {
        let kept = after.pointer(list).and_then(Value::as_array);
        for entry in before.pointer(list).and_then(Value::as_array).into_iter().flatten() {
            if kept.is_none_or(|kept| !kept.contains(entry)) {
                takes.push(format!(
                    "drops {} of {}",
                    named(entry),
                    list.trim_start_matches('/').replace('/', ".")
                ));
            }
        }
    }
    for edge in &old.onward_to {
        let to = &edge.party_ref.name;
        let now: Vec<_> = new.onward_to.iter().filter(|e| e.party_ref.name == *to).collect();
        // Without categories everything is handed on.
        let same = |e: &&OnwardTransfer| {
            let handed_on = e.categories.as_ref();
            handed_on.is_none_or(|now| {
                edge.categories.as_ref().is_some_and(|old| old.iter().all(|c| now.contains(c)))
            })
        };
        if now.is_empty() {
            takes.push(format!("drops {to} of onwardTo"));
        } else if !now.iter().any(same) {
            takes.push(format!("narrows what is handed on to {to}"));
        }
    }
    if old.controlled_from.is_some() && old.controlled_from != new.controlled_from {
        takes.push("changes from where it is controlled".into());
    }
    if old.country != new.country {
        takes.push(format!("moves it to {}", new.country));
    }
    takes
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn named(entry: &Value) -> String {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    match (entry, text("namespace"), text("name")) {
        (Value::String(name), ..) => name.clone(),
        (_, Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (_, None, Some(name)) => name.to_owned(),
        (other, ..) => other.to_string(),
    }
}

/// A running Pod with the stores that it uses.
struct Running<'a> {
    pod: &'a PodFacts,
    uses: Vec<Use>,
    sends: Vec<Sending>,
}

/// Runs over every Pod on a node that uses a store, in namespaces that are judged and that stay. Which stores a Pod uses is
/// found out for those alone that `may` be meant.
fn count(
    state: &ReviewState<'_>,
    may: impl Fn(&PodFacts) -> bool,
    is_meant: impl Fn(&Running<'_>) -> bool,
) -> usize {
    let snapshot = &*state.snapshot;
    let stays = |namespace: &str| {
        !snapshot.settings.is_exempt(namespace)
            && snapshot.namespaces.get(namespace).is_none_or(|n| !n.terminating)
    };
    let config_maps = state.config_maps.filter(|_| snapshot.settings.read_config_maps);
    let pods = state.pods.running();
    let pods = pods.iter().filter(|pod| pod.node().is_some() && stays(&pod.key.namespace) && may(pod));
    pods.filter(|pod| {
        let Detection { uses, sends, .. } = detect::uses(snapshot, &pod.subject(config_maps));
        !uses.is_empty() && is_meant(&Running { pod, uses, sends })
    })
    .count()
}

/// Pods that use the store.
pub(super) fn using(state: &ReviewState<'_>, store: &ObjectKey) -> usize {
    if state.snapshot.namespaces.get(&*store.namespace).is_some_and(|n| n.terminating) {
        return 0;
    }
    count(state, |_| true, |running| running.uses.iter().any(|used| used.store == *store))
}

/// Pods that the Party runs, or that use a store of which it is the exporter.
pub(super) fn of(state: &ReviewState<'_>, party: &str) -> usize {
    let snapshot = &*state.snapshot;
    let is_meant = |running: &Running<'_>| {
        let runs = snapshot.runs.get(&*running.pod.key.namespace).is_some_and(|p| **p == *party);
        let exports = |used: &Use| snapshot.judged_store(&used.store).is_some_and(|s| *s.exporter == *party);
        runs || running.uses.iter().any(exports)
    };
    count(state, |_| true, is_meant)
}

/// Pods that are violations with the safeguard as it is to be, and are none now.
///
/// Whom a hop reaches is what safeguards are looked up by. Where the safeguard names nobody who receives, now or then, nothing
/// is looked up otherwise: only what reaches one whom it names is judged twice.
pub(super) fn uncovered_by(state: &ReviewState<'_>, safeguard: &Arc<Safeguard>, now: Timestamp) -> usize {
    let snapshot = &*state.snapshot;
    let was = snapshot.safeguards.get(&safeguard.name);
    let names: BTreeSet<&PartyName> =
        was.iter().flat_map(|was| was.importers()).chain(safeguard.importers()).collect();
    let then = snapshot.with_safeguard(safeguard);
    let handing: BTreeSet<&PartyName> =
        snapshot.parties.keys().filter(|party| hands_on_to(snapshot, party, &names)).collect();
    let by_host =
        handing.iter().any(|party| snapshot.parties.get(*party).is_some_and(|party| !party.hosts.is_empty()));
    // Who runs it, to whom its hosts belong, and, only where it says so itself, where it writes.
    let may = |pod: &PodFacts| {
        snapshot.runs.get(&*pod.key.namespace).is_some_and(|party| {
            by_host || handing.contains(party) || pod.annotations.contains_key(labels::USES)
        })
    };
    let is_meant = |Running { pod, uses, sends }: &Running<'_>| {
        let place = [node_place(snapshot, pod.node().unwrap_or_default())];
        let ObjectKey { namespace, name } = &pod.key;
        let one_off = snapshot.is_one_off(namespace, &pod.owner.made_by());
        let workload = Workload { kind: "Pod", namespace, name, labels: &pod.labels, one_off };
        let request = Request { workload, uses, sends, places: &place, now };
        let verdict = decide(snapshot, &request);
        let reaches =
            verdict.flows.iter().any(|f| f.flow.importer.as_ref().is_some_and(|i| names.contains(i)));
        reaches && !verdict.is_violation() && decide(&then, &request).is_violation()
    };
    count(state, may, is_meant)
}

/// Whether a party is one of these, or data that it receives may be handed on to one of them, over however many.
fn hands_on_to(snapshot: &Snapshot, party: &PartyName, names: &BTreeSet<&PartyName>) -> bool {
    let mut seen = BTreeSet::from([party]);
    let mut open = vec![party];
    while let Some(party) = open.pop() {
        if names.contains(party) {
            return true;
        }
        let edges = snapshot.parties.get(party).map_or(&[][..], |party| &party.onward);
        open.extend(edges.iter().map(|edge| &edge.to).filter(|to| seen.insert(*to)));
    }
    false
}
