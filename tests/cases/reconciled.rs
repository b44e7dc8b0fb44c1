//! The second door: what the reconciler says of everything that runs already, over what would have been written.

use std::sync::Arc;

use carnet::{
    core::{ids::ObjectKey, snapshot::Snapshot},
    detect::{ConfigMapLookup, uses},
    index::{PodFacts, facts},
    picture::{Picture, Using, judge},
    placement::{Candidates, candidates},
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::{
    review, said,
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
                let pod = pod_of(&object)?;
                pods.push(with_claims(&mut world, &object, pod)?);
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
        violating += usize::from(pictures.iter().any(is_broken));
        each.extend(pictures);
    }
    let alone = judge(&snapshot, &[], case.at());
    let said = || said::everything(&world, &snapshot, each.iter().chain([&alone]), case.at());
    let found = |picture: &Picture| picture.findings.values().any(|count| *count > 0);
    Ok(match case.expected {
        Expected::Block => violating == pods.len() && violating + refused > 0,
        // What is refused when it is written is said to whoever writes it.
        Expected::Finding => refused > 0 || said().contains(case.code.as_str()),
        Expected::Residual | Expected::Admitted => {
            violating == 0
                && refused == 0
                && !each.iter().any(found)
                && alone.stores.values().all(|store| store.violating_copies.is_empty())
        }
    })
}

/// Whether a Pod breaks a declared rule: of its flows, or by the Secret that it uses.
fn is_broken(picture: &Picture) -> bool {
    picture.violating_pods > 0 || picture.stores.values().any(|store| store.erasing.pods > 0)
}

/// The Pod with the claims that its StatefulSet makes for it, which are there then.
fn with_claims(world: &mut World, of: &Value, mut pod: Value) -> Result<Value, String> {
    for template in of["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let (volume, name) = (&template["metadata"]["name"], &pod["metadata"]["name"]);
        let claim = format!("{}-{}", text(volume), text(name));
        world.add(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": pod["metadata"]["namespace"]}, "spec": template["spec"]}))?;
        let mounted = json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}});
        match &mut pod["spec"]["volumes"] {
            Value::Array(volumes) => volumes.push(mounted),
            none => *none = json!([mounted]),
        }
    }
    Ok(pod)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The Pod itself, or the one that a template makes.
fn pod_of(object: &Value) -> Result<Value, String> {
    if object["kind"] == "Pod" {
        return Ok(object.clone());
    }
    let template = TEMPLATES.iter().find_map(|at| object.pointer(at).filter(|t| t.is_object())).cloned();
    let template = template.ok_or_else(|| format!("kind {}", object["kind"]))?;
    let meta = &object["metadata"];
    let owner = json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "name": meta["name"],
        "uid": OWNER, "controller": true});
    Ok(json!({"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": {
        "name": format!("{}-0", text(&meta["name"])), "namespace": meta["namespace"],
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
