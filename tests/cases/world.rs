//! What is there when a case is asked, as the operator's caches would have it.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use carnet::{
    admission::{PodLookup, ReviewState, review},
    api::v1alpha1 as api,
    core::{ids::ObjectKey, law::LawPack, settings::Settings},
    index::{Change, Context, Entry, Kind, PodFacts, Sight, State, TableEvent, Watched, facts, key},
    operator::config::{Cli, Command},
    parse,
};
use clap::Parser;
use kube::Resource;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::table::Case;

/// Marks the objects of a case for this harness.
const MARK: &str = "carnet.dev/case";

static LAW: LazyLock<Arc<LawPack>> =
    LazyLock::new(|| Arc::new(parse::law::built_in().expect("the built-in pack")));

/// What the webhook answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Allowed,
    Refused,
}

/// A case's world.
pub struct World {
    state: State,
    pods: Pods,
    config_maps: BTreeMap<ObjectKey, Arc<BTreeMap<String, String>>>,
    settings: Arc<Settings>,
    /// What is asked about.
    pub judged: Vec<Value>,
}

/// Pods that are there.
#[derive(Default)]
struct Pods(BTreeMap<ObjectKey, Arc<PodFacts>>);

impl PodLookup for Pods {
    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodFacts>> {
        self.0.get(key).cloned()
    }
}

impl World {
    /// Reads a case; why it cannot be read, such as a field that no type has yet.
    pub fn of(case: &Case) -> Result<Self, String> {
        let law = LAW.clone();
        let enforce = (!case.flags.contains("--transfers=")).then_some("--transfers=Enforce");
        let words =
            ["carnet-operator", "run"].into_iter().chain(enforce).chain(case.flags.split_whitespace());
        let cli = Cli::try_parse_from(words.collect::<Vec<_>>())
            .map_err(|e| format!("flags: {}", e.to_string().lines().next().unwrap_or_default()))?;
        let Command::Run(args) = cli.command else { return Err("flags of another command".into()) };
        let settings = Arc::new(args.settings(&law).map_err(|e| e.to_string())?);
        let mut world = Self {
            state: State::new(law.clone(), settings.clone()),
            pods: Pods::default(),
            config_maps: BTreeMap::new(),
            settings: settings.clone(),
            judged: vec![],
        };
        let context = Context { law, settings };
        for text in case.manifests() {
            let all: Vec<Value> =
                serde_saphyr::from_multiple(&text).map_err(|e| format!("{}: not YAML: {e}", case.id))?;
            for object in all {
                world.add(object, &context)?;
            }
        }
        Ok(world)
    }

    fn add(&mut self, mut object: Value, context: &Context) -> Result<(), String> {
        let mark = object["metadata"]["labels"].as_object_mut().and_then(|labels| labels.remove(MARK));
        match mark.as_ref().and_then(Value::as_str) {
            Some("judged") => {
                self.judged.push(object);
                return Ok(());
            }
            Some("before") => return Err("an object as it was before".into()),
            Some("running") | None => {}
            Some(other) => return Err(format!("mark {other}")),
        }
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let at = ObjectKey::new(
            object["metadata"]["namespace"].as_str().unwrap_or_default(),
            object["metadata"]["name"].as_str().unwrap_or_default(),
        );
        let of_cluster =
            ["Party", "TransferSafeguard", "TransferException", "LegalHold", "DataPrivacyFrameworkSnapshot"]
                .contains(&kind.as_str());
        if of_cluster && !at.namespace.is_empty() {
            // The API server has no such address.
            return Ok(());
        }
        let change = match kind.as_str() {
            "Party" => declared::<api::Party>(&object, context)?.map(Change::Party),
            "DataStore" => declared::<api::DataStore>(&object, context)?.map(Change::DataStore),
            "TransferSafeguard" => {
                declared::<api::TransferSafeguard>(&object, context)?.map(Change::TransferSafeguard)
            }
            "TransferException" => {
                declared::<api::TransferException>(&object, context)?.map(Change::TransferException)
            }
            "DataPrivacyFrameworkSnapshot" => {
                declared::<api::DataPrivacyFrameworkSnapshot>(&object, context)?
                    .map(Change::DataPrivacyFrameworkSnapshot)
            }
            "LegalHold" => declared::<api::LegalHold>(&object, context)?.map(Change::LegalHold),
            "RetentionPolicy" => {
                declared::<api::RetentionPolicy>(&object, context)?.map(Change::RetentionPolicy)
            }
            "Namespace" => Some(Change::Namespace(TableEvent::Apply(at, facts::namespace(&read(object)?)))),
            "Node" => {
                let node = facts::node(read(object)?, &context.law, &context.settings);
                Some(Change::Node(TableEvent::Apply(at, Arc::new(node))))
            }
            "PersistentVolume" => facts::volume(read(object)?, &context.settings)
                .map(|volume| Change::Volume(TableEvent::Apply(at, Arc::new(volume)))),
            "Pod" => {
                let pod = facts::pod(read(object)?);
                self.pods.0.extend(pod.map(|pod| (at, Arc::new(pod))));
                None
            }
            "ConfigMap" => {
                let data: BTreeMap<String, String> =
                    serde_json::from_value(object["data"].take()).map_err(|e| e.to_string())?;
                self.config_maps.insert(at, Arc::new(data));
                None
            }
            "Job" if self.settings.derogations_for_jobs => {
                let job = facts::unowned_job(&read(object)?);
                job.map(|uid| Change::Job(TableEvent::Apply(at, uid)))
            }
            // Nobody watches it.
            _ => None,
        };
        if let Some(change) = change {
            self.state.apply(change);
        }
        Ok(())
    }

    /// Asks about an object as it is created.
    pub fn answer(&self, case: &Case, object: &Value) -> Result<Answer, String> {
        let body = envelope(case, object)?;
        let maps = |key: &ObjectKey| self.config_maps.get(key).cloned();
        let state = ReviewState {
            snapshot: Arc::new(self.state.snapshot()),
            sight: Sight::Clear,
            pods: &self.pods,
            config_maps: self.settings.read_config_maps.then_some(&maps),
        };
        let reviewed = review(&state, &body, case.at()).map_err(|e| e.to_string())?;
        if reviewed.decision.fails_the_call() {
            return Err(format!("not judged: {:?}", reviewed.decision.not_ready));
        }
        Ok(if reviewed.decision.allowed { Answer::Allowed } else { Answer::Refused })
    }
}

fn read<T: DeserializeOwned>(object: Value) -> Result<T, String> {
    serde_json::from_value(object).map_err(|e| e.to_string())
}

/// A declared object as the index takes it up; none where the webhook would not have let it be written.
fn declared<K>(object: &Value, context: &Context) -> Result<Option<TableEvent<Entry<K>>>, String>
where
    K: Kind + Resource + DeserializeOwned + Serialize,
{
    let Ok(typed) = serde_json::from_value::<K>(object.clone()) else { return Ok(None) };
    // The API server refuses a field that it does not know; serde drops it.
    let back = serde_json::to_value(&typed).map_err(|e| e.to_string())?;
    if let Some(field) = lacking(&object["spec"], &back["spec"], "spec") {
        return Err(format!("no field {field}"));
    }
    let entry = Entry::new(Watched::Fits(Box::new(typed)), context);
    Ok(entry.value.is_ok().then(|| TableEvent::Apply(key(&entry.meta), entry)))
}

/// The first field of `written` that `kept` has not.
fn lacking(written: &Value, kept: &Value, path: &str) -> Option<String> {
    match (written, kept) {
        (Value::Object(written), Value::Object(kept)) => written.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match kept.get(name) {
                Some(kept) => lacking(value, kept, &path),
                // What is written as it would be left out is left out.
                None if is_nothing(value) => None,
                None => Some(path),
            }
        }),
        (Value::Array(written), Value::Array(kept)) => {
            written.iter().zip(kept).find_map(|(written, kept)| lacking(written, kept, path))
        }
        _ => None,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    }
}

fn envelope(case: &Case, object: &Value) -> Result<Vec<u8>, String> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let (group, version) = match object["apiVersion"].as_str().unwrap_or_default().split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", object["apiVersion"].as_str().unwrap_or_default()),
    };
    let resource = match kind {
        "Pod" => "pods",
        "Deployment" => "deployments",
        "StatefulSet" => "statefulsets",
        "DaemonSet" => "daemonsets",
        "ReplicaSet" => "replicasets",
        "ReplicationController" => "replicationcontrollers",
        "Job" => "jobs",
        "CronJob" => "cronjobs",
        "Party" => "parties",
        "DataStore" => "datastores",
        "TransferSafeguard" => "transfersafeguards",
        "TransferException" => "transferexceptions",
        "RetentionPolicy" => "retentionpolicies",
        other => return Err(format!("kind {other}")),
    };
    let user = if case.user.is_empty() { "somebody" } else { &case.user };
    let groups: &[&str] = if user.starts_with("system:serviceaccount:") {
        &["system:authenticated", "system:serviceaccounts"]
    } else {
        &["system:authenticated"]
    };
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": case.id, "kind": {"group": group, "version": version, "kind": kind},
        "resource": {"group": group, "version": version, "resource": resource},
        "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"],
        "operation": "CREATE", "userInfo": {"username": user, "groups": groups},
        "object": object, "oldObject": null, "dryRun": false}});
    Ok(review.to_string().into_bytes())
}
