//! The second door: what the reconciler says of everything that runs already, over what would have been written.

use std::{collections::BTreeMap, sync::Arc};

use carnet::{
    api::v1alpha1::{TransferException, TransferSafeguard},
    controllers::{declared::Passive, transfers::store_status},
    core::{ids::ObjectKey, snapshot::Snapshot},
    detect::{ConfigMapLookup, uses},
    index::{PodFacts, facts},
    picture::{Picture, StorePicture, Using, judge},
    placement::{Candidates, candidates},
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::{
    review,
    table::{Case, Expected},
    world::{Judged, World},
};

/// Uid of whoever makes a Pod from a judged template.
const OWNER: &str = "00000000-0000-4000-8000-000000000009";
/// Kinds that hold a template, and where.
const TEMPLATES: [&str; 3] = ["/spec/template", "/spec/jobTemplate/spec/template", "/template"];

/// Whether the reconciler says of the judged objects what the table expects, or why it cannot be asked.
pub fn answered(case: &Case) -> Result<bool, String> {
    let mut world = World::of(case)?;
    let judged = std::mem::take(&mut world.judged);
    let mut pods = vec![];
    let mut refused = 0;
    for Judged { object, .. } in judged {
        match object["kind"].as_str().unwrap_or_default() {
            // Written, where it may be; else it is not there.
            "Party" | "DataStore" | "TransferSafeguard" | "TransferException" | "RetentionPolicy"
            | "Node" => {
                refused += usize::from(!review::is_written(case, &mut world, object)?);
            }
            _ => {
                if object["kind"] == "Job" {
                    // There, as its Pod is, and known by the uid that the Pod names.
                    let mut job = object.clone();
                    job["metadata"]["uid"] = OWNER.into();
                    world.add(job)?;
                }
                pods.push(pod_of(object)?);
            }
        }
    }
    let snapshot = world.state.snapshot();
    let maps = |key: &ObjectKey| world.config_maps.get(key).cloned();
    let maps: Option<&ConfigMapLookup<'_>> = world.settings.read_config_maps.then_some(&maps);
    // A Pod that may run in several places breaks a rule where it breaks one in any.
    let mut each: Vec<Picture> = vec![];
    let mut violating = 0;
    for pod in &pods {
        let running = everywhere(&snapshot, pod, maps)?;
        let of_one = running.iter().map(|one| judge(&snapshot, std::slice::from_ref(one), case.at()));
        let pictures: Vec<Picture> = of_one.collect();
        violating += usize::from(pictures.iter().any(|picture| picture.violating_pods > 0));
        each.extend(pictures);
    }
    let alone = judge(&snapshot, &[], case.at());
    let found = |picture: &Picture| picture.findings.values().any(|count| *count > 0);
    Ok(match case.expected {
        Expected::Block => violating == pods.len() && violating + refused > 0,
        Expected::Finding => {
            violating > 0
                || refused > 0
                || each.iter().any(found)
                || each.iter().any(|picture| picture.flows.get("same-entity").is_some_and(|flows| *flows > 0))
                || each
                    .iter()
                    .chain([&alone])
                    .any(|picture| stores_say(&snapshot, &world, picture, case.at()))
                || declared_say(&snapshot, &world, case.at())
        }
        Expected::Residual | Expected::Admitted => {
            violating == 0
                && refused == 0
                && !each.iter().any(found)
                && alone.stores.values().all(|store| store.violating_copies.is_empty())
        }
    })
}

/// The Pod itself, or the one that a template makes.
fn pod_of(mut object: Value) -> Result<Value, String> {
    if object["kind"] == "Pod" {
        return Ok(object);
    }
    let template = TEMPLATES.iter().find_map(|at| object.pointer(at).filter(|t| t.is_object())).cloned();
    let template = template.ok_or_else(|| format!("kind {}", object["kind"]))?;
    let meta = object["metadata"].take();
    let owner = json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "name": meta["name"],
        "uid": OWNER, "controller": true});
    Ok(json!({"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": {
        "name": format!("{}-0", meta["name"].as_str().unwrap_or_default()), "namespace": meta["namespace"],
        "labels": template["metadata"]["labels"], "annotations": template["metadata"]["annotations"],
        "ownerReferences": [owner]}}))
}

/// What is known of a Pod where it runs, on a node of each place that it matches.
fn everywhere(
    snapshot: &Snapshot,
    pod: &Value,
    config_maps: Option<&ConfigMapLookup<'_>>,
) -> Result<Vec<Using>, String> {
    let mut pod: Pod = serde_json::from_value(pod.clone()).map_err(|e| e.to_string())?;
    let spec = pod.spec.get_or_insert_default();
    if spec.node_name.is_some() {
        return Ok(using(snapshot, pod, config_maps).into_iter().collect());
    }
    let places = match candidates(snapshot, spec) {
        Candidates::Places(places) => places,
        Candidates::NoNode => vec![],
    };
    let on = |place| snapshot.nodes.values().find(|node| node.place == place).map(|node| node.name.clone());
    let mut nodes: Vec<String> = places.into_iter().filter_map(on).collect();
    if nodes.is_empty() {
        nodes.push("unknown".into());
    }
    let bound = nodes.into_iter().filter_map(|node| {
        let mut pod = pod.clone();
        pod.spec.get_or_insert_default().node_name = Some(node);
        using(snapshot, pod, config_maps)
    });
    Ok(bound.collect())
}

fn using(snapshot: &Snapshot, pod: Pod, config_maps: Option<&ConfigMapLookup<'_>>) -> Option<Using> {
    let facts: Arc<PodFacts> = Arc::new(facts::pod(pod)?);
    let found = uses(snapshot, &facts.subject(config_maps));
    let owner = facts.owner.clone();
    Some(Using::new(owner, facts, found))
}

/// Whether the status of a store says that something is not as it should be.
fn stores_say(snapshot: &Snapshot, world: &World, picture: &Picture, at: Timestamp) -> bool {
    const WELL: [(&str, &str); 7] = [
        ("Ready", "True"),
        ("NoViolation", "True"),
        ("ResolvedRefs", "True"),
        ("LocationKnown", "True"),
        ("Held", "False"),
        ("UsedInExemptNamespace", "False"),
        ("ClaimNotReaching", "False"),
    ];
    let wells: BTreeMap<&str, &str> = WELL.into();
    world.state.stores.iter().any(|(key, entry)| {
        let Ok(store) = &entry.value else { return true };
        let nothing = StorePicture::default();
        let about = picture.stores.get(key).unwrap_or(&nothing);
        let status = store_status(snapshot, store, (about, None), &entry.meta, None, at);
        about.waived > 0
            || status
                .conditions
                .iter()
                .any(|c| wells.get(c.type_.as_str()).is_some_and(|well| *well != c.status))
    })
}

/// Whether a safeguard or an exception says that somebody should look after it.
fn declared_say(snapshot: &Snapshot, world: &World, at: Timestamp) -> bool {
    let safeguards = world.state.safeguards.iter().any(|(_, entry)| {
        entry.value.as_ref().is_ok_and(|value| {
            let (found, _) = TransferSafeguard::findings(entry.object.as_deref(), value, snapshot, at);
            found.iter().any(|f| (f.type_, f.status) == ("Overdue", Some(true)))
        })
    });
    let exceptions = world.state.exceptions.iter().any(|(_, entry)| {
        entry.value.as_ref().is_ok_and(|value| {
            let (found, _) = TransferException::findings(entry.object.as_deref(), value, snapshot, at);
            found.iter().any(|f| (f.type_, f.status) == ("CutShort", Some(true)))
        })
    });
    safeguards || exceptions
}
