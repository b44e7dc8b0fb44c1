//! What is there when a case is asked, as the operator's caches would have it.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use carnet::{
    admission::PodLookup,
    api::v1alpha1 as api,
    core::{ids::ObjectKey, law::LawPack, settings::Settings},
    index::{Change, Context, Entry, Kind, PodFacts, State, TableEvent, Watched, facts, key},
    operator::config::{Cli, Command},
    parse,
};
use clap::Parser;
use kube::Resource;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::table::Case;

/// Marks the objects of a case for this harness.
const MARK: &str = "carnet.dev/case";

static LAW: LazyLock<Arc<LawPack>> =
    LazyLock::new(|| Arc::new(parse::law::built_in().expect("the built-in pack")));

/// A case's world.
pub struct World {
    pub state: State,
    pub pods: Pods,
    pub config_maps: BTreeMap<ObjectKey, Arc<BTreeMap<String, String>>>,
    pub settings: Arc<Settings>,
    context: Context,
    /// What is asked about.
    pub judged: Vec<Judged>,
}

/// An object that is asked about.
pub struct Judged {
    /// As it is asked for.
    pub object: Value,
    /// As it is before, where it is there already.
    pub before: Option<Value>,
}

/// Pods that are there.
#[derive(Default)]
pub struct Pods(pub BTreeMap<ObjectKey, Arc<PodFacts>>);

impl PodLookup for Pods {
    fn pod(&self, key: &ObjectKey) -> Option<Arc<PodFacts>> {
        self.0.get(key).cloned()
    }

    fn running(&self) -> Vec<Arc<PodFacts>> {
        self.0.values().cloned().collect()
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
            context: Context { law, settings },
        };
        let mut before = vec![];
        for object in objects(case)? {
            match object.mark {
                Mark::Judged => {
                    // What is deleted is there until then.
                    if case.operation == "DELETE" {
                        world.add(object.value.clone())?;
                    }
                    world.judged.push(Judged { object: object.value, before: None });
                }
                Mark::Before => {
                    world.add(object.value.clone())?;
                    before.push(object.value);
                }
                Mark::There => {
                    world.add(object.value)?;
                }
            }
        }
        let id =
            |o: &Value| [&o["kind"], &o["metadata"]["namespace"], &o["metadata"]["name"]].map(Value::clone);
        for judged in &mut world.judged {
            judged.before = before.iter().find(|object| id(object) == id(&judged.object)).cloned();
        }
        Ok(world)
    }

    /// Puts an object in, as the index takes it up; whether it is there then.
    pub fn add(&mut self, mut object: Value) -> Result<bool, String> {
        let context = &self.context;
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
            return Ok(false);
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
            "PersistentVolumeClaim" => facts::cloned(read(object)?)
                .map(|clone| Change::Clone(TableEvent::Apply(at, Arc::new(clone)))),
            "EndpointSlice" => facts::endpoints(read(object)?)
                .map(|endpoints| Change::Endpoints(TableEvent::Apply(at, Arc::new(endpoints)))),
            "Pod" => {
                let pod = facts::pod(read(object)?);
                self.pods.0.extend(pod.map(|pod| (at, Arc::new(pod))));
                return Ok(true);
            }
            "ConfigMap" => {
                let data: BTreeMap<String, String> =
                    serde_json::from_value(object["data"].take()).map_err(|e| e.to_string())?;
                self.config_maps.insert(at, Arc::new(data));
                return Ok(true);
            }
            "Job" if self.settings.derogations_for_jobs => {
                let job = facts::unowned_job(&read(object)?);
                job.map(|uid| Change::Job(TableEvent::Apply(at, uid)))
            }
            // Nobody watches it.
            _ => return Ok(true),
        };
        let is_there = change.is_some();
        if let Some(change) = change {
            self.state.apply(change);
        }
        Ok(is_there)
    }
}

/// What an object is to its case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The object of the question.
    Judged,
    /// The object as it is when an update, a binding or a subresource arrives.
    Before,
    /// There already, and not judged.
    There,
}

/// An object of a case, its mark taken off.
pub struct Marked {
    pub mark: Mark,
    pub value: Value,
}

/// Every object of a case.
pub fn objects(case: &Case) -> Result<Vec<Marked>, String> {
    let mut all = vec![];
    for text in case.manifests() {
        let read: Vec<Value> =
            serde_saphyr::from_multiple(&text).map_err(|e| format!("{}: not YAML: {e}", case.id))?;
        for mut value in read {
            let mark = value["metadata"]["labels"].as_object_mut().and_then(|labels| labels.remove(MARK));
            let mark = match mark.as_ref().and_then(Value::as_str) {
                Some("judged") => Mark::Judged,
                Some("before") => Mark::Before,
                Some("running") | None => Mark::There,
                Some(other) => return Err(format!("mark {other}")),
            };
            all.push(Marked { mark, value });
        }
    }
    Ok(all)
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
