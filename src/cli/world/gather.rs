//! The lists. What a person may not list is noted where an answer can do without, and an error where it cannot.

use std::{fmt::Debug, io, path::PathBuf, sync::Arc};

use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        admissionregistration::v1::ValidatingWebhookConfiguration,
        apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
        batch::v1::{CronJob, Job},
        core::v1::{ConfigMap, PersistentVolume, PersistentVolumeClaim, Pod},
        discovery::v1::EndpointSlice,
    },
};
use kube::{
    Api, Client, Resource,
    api::{ListParams, ObjectList},
};
use serde::de::DeserializeOwned;

use super::{Declared, Judging, Template, Workload, World, template};
use crate::{
    api::v1alpha1 as api,
    cli::{
        facts::{CONFIGURATION, DEPLOYMENT, NAMESPACE, law_of_operator},
        list::{each, list},
    },
    core::ids::ObjectKey,
    index::{Kind, Watched, facts, key, owner_of},
    parse::law,
};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The cluster did not answer.
    #[error("failed to {attempt}")]
    Cluster {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// The law pack's file cannot be read.
    #[error("failed to read the law pack {}", path.display())]
    LawFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The law pack cannot be used.
    #[error("failed to load the law pack")]
    Law(#[from] law::LawError),
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// What is declared, and nodes.
    Declared,
    /// Running Pods of the namespace too.
    RunningIn,
    /// Running Pods too.
    Running,
    /// And what makes Pods and does not run now.
    Templates,
}

/// Looks at the cluster; judged by `law_pack` instead of the operator's where it is given. Pods of `namespace` alone where it is given and all of them may not be listed.
pub async fn gather(
    client: &Client,
    judging: &Judging,
    law_pack: Option<&PathBuf>,
    look: Look,
    namespace: Option<&str>,
) -> Result<World, WorldError> {
    let mut notes = vec![];
    let own = match &judging.operator_namespace {
        Some(name) => name.clone(),
        None => operator_namespace(client).await,
    };
    let deployment = match Api::<Deployment>::namespaced(client.clone(), &own).get_opt(DEPLOYMENT).await {
        Ok(found) => {
            if found.is_none() {
                notes.push(format!("no operator in {own}: judged as by one without flags"));
            }
            found
        }
        Err(error) => {
            let why = why::<Deployment>(&error);
            notes.push(format!(
                "the operator's flags in {own} are not known ({why}): judged as by one without flags"
            ));
            None
        }
    };
    let law = match law_pack {
        Some(path) => from_file(path)?,
        None => match law_of_operator(client, &own, deployment.as_ref()).await {
            Ok(law) => law,
            Err(why) => {
                notes.push(format!("{why}; judged by the built-in pack"));
                law::built_in()?
            }
        },
    };
    let settings = judging.settings(deployment.as_ref(), &law);
    let mut world = World {
        law: Arc::new(law),
        settings: Arc::new(settings),
        declared: Declared {
            parties: declared::<api::Party>(client).await?,
            stores: declared::<api::DataStore>(client).await?,
            safeguards: declared::<api::TransferSafeguard>(client).await?,
            exceptions: declared::<api::TransferException>(client).await?,
            framework_lists: declared::<api::DataPrivacyFrameworkSnapshot>(client).await?,
            ..Declared::default()
        },
        namespaces: all(client).await?,
        nodes: all(client).await?,
        notes,
        ..World::default()
    };
    match list(&Api::<PersistentVolume>::all(client.clone())).await {
        Ok(volumes) => world.volumes = volumes,
        Err(error) => {
            let why = why::<PersistentVolume>(&error);
            world.notes.push(format!("{why}: what volumes say of where they are is not seen"));
        }
    }
    aliases(client, &mut world).await;
    if world.settings.read_config_maps {
        config_maps(client, namespace, &mut world).await;
    }
    match look {
        Look::Declared => {}
        Look::RunningIn => {
            let mut take = |pod: Pod| world.pods.extend(facts::pod(pod).map(Arc::new));
            each(&api_of::<Pod>(client, namespace), &mut take).await.map_err(failed::<Pod>())?;
            owners(client, namespace, &mut world).await;
        }
        Look::Running => running(client, namespace, &mut world).await?,
        Look::Templates => {
            running(client, namespace, &mut world).await?;
            templates(client, &mut world).await;
        }
    }
    Ok(world)
}

/// Other names for what a store names: copies of its claims, and Services behind which its addresses are.
async fn aliases(client: &Client, world: &mut World) {
    let mut clones = vec![];
    let mut take = |claim: PersistentVolumeClaim| clones.extend(facts::cloned(claim).map(Arc::new));
    let asked = each(&Api::<PersistentVolumeClaim>::all(client.clone()), &mut take).await;
    if let Err(error) = asked {
        let why = why::<PersistentVolumeClaim>(&error);
        world.notes.push(format!("{why}: claims that started with the files of others are not seen"));
    }
    world.clones = clones;
    let mut slices = vec![];
    let mut take = |slice: EndpointSlice| {
        let of = key(&slice.metadata);
        slices.extend(facts::endpoints(slice).map(|endpoints| (of, Arc::new(endpoints))));
    };
    let asked = each(&Api::<EndpointSlice>::all(client.clone()), &mut take).await;
    if let Err(error) = asked {
        let why = why::<EndpointSlice>(&error);
        world.notes.push(format!("{why}: addresses that somebody wrote behind a Service are not seen"));
    }
    world.endpoints = slices;
}

/// What else has days by which a person looks again.
pub async fn retained(client: &Client, world: &mut World) {
    match list(&Api::<Watched<api::LegalHold>>::all(client.clone())).await {
        Ok(holds) => world.declared.holds = holds,
        Err(error) => world.notes.push(why::<api::LegalHold>(&error)),
    }
    match list(&Api::<Watched<api::RetentionPolicy>>::all(client.clone())).await {
        Ok(policies) => world.declared.policies = policies,
        Err(error) => world.notes.push(why::<api::RetentionPolicy>(&error)),
    }
}

/// A law pack of a file.
pub fn from_file(path: &PathBuf) -> Result<crate::core::law::LawPack, WorldError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| WorldError::LawFile { path: path.clone(), source })?;
    Ok(law::from_yaml(&text)?)
}

/// Where the webhook's configuration points; the usual namespace where that is not known.
async fn operator_namespace(client: &Client) -> String {
    let api = Api::<ValidatingWebhookConfiguration>::all(client.clone());
    let found = api.get_opt(CONFIGURATION).await.ok().flatten();
    let hooks = found.and_then(|configuration| configuration.webhooks).unwrap_or_default();
    let service = hooks.into_iter().find_map(|hook| hook.client_config.service);
    service.map_or_else(|| NAMESPACE.into(), |service| service.namespace)
}

/// What the API server says, in a few words.
fn why<K: Resource<DynamicType = ()>>(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 403 => format!("you may not look at {}", K::plural(&())),
        kube::Error::Api(status) => status.message.clone(),
        error => error.to_string(),
    }
}

fn failed<K: Resource<DynamicType = ()>>() -> impl FnOnce(kube::Error) -> WorldError {
    |source| WorldError::Cluster { attempt: format!("list {}", K::plural(&())), source: Box::new(source) }
}

async fn declared<K: Kind>(client: &Client) -> Result<Vec<Watched<K>>, WorldError> {
    list(&Api::<Watched<K>>::all(client.clone())).await.map_err(failed::<K>())
}

async fn all<K>(client: &Client) -> Result<Vec<K>, WorldError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    list(&Api::<K>::all(client.clone())).await.map_err(failed::<K>())
}

async fn running(client: &Client, namespace: Option<&str>, world: &mut World) -> Result<(), WorldError> {
    let mut pods = vec![];
    let mut take = |pod: Pod| pods.extend(facts::pod(pod).map(Arc::new));
    let everywhere = each(&Api::<Pod>::all(client.clone()), &mut take).await;
    let only = match (everywhere, namespace) {
        (Ok(()), _) => None,
        (Err(kube::Error::Api(status)), Some(here)) if status.code == 403 => {
            each(&Api::<Pod>::namespaced(client.clone(), here), &mut take).await.map_err(failed::<Pod>())?;
            world
                .notes
                .push(format!("you may list Pods of namespace {here} alone: others are not looked at"));
            Some(here)
        }
        (Err(error), _) => return Err(failed::<Pod>()(error)),
    };
    world.pods = pods;
    owners(client, only, world).await;
    Ok(())
}

async fn owners(client: &Client, namespace: Option<&str>, world: &mut World) {
    above::<ReplicaSet>(client, namespace, world).await;
    above::<Job>(client, namespace, world).await;
}

/// Who made what makes Pods: their metadata alone.
async fn above<K>(client: &Client, namespace: Option<&str>, world: &mut World)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api = api_of::<K>(client, namespace);
    let mut page = ListParams::default().limit(500);
    loop {
        match api.list_metadata(&page).await {
            Ok(ObjectList { items, metadata, .. }) => {
                for object in items {
                    let meta = object.metadata;
                    if K::kind(&()) == "Job"
                        && let Some(uid) = facts::unowned(&meta)
                    {
                        world.unowned_jobs.insert(key(&meta), uid);
                    }
                    let here = meta.namespace.unwrap_or_default();
                    let references = meta.owner_references.unwrap_or_default();
                    let controller = references.iter().find(|r| r.controller == Some(true));
                    if let (Some(uid), Some(reference)) = (meta.uid, controller) {
                        world.owners.insert(uid, owner_of(reference, &here));
                    }
                }
                match metadata.continue_.filter(|token| !token.is_empty()) {
                    Some(token) => page = page.continue_token(&token),
                    None => return,
                }
            }
            Err(error) => {
                let why = why::<K>(&error);
                world.notes.push(format!("{why}: Pods are told by the object that made them"));
                return;
            }
        }
    }
}

fn api_of<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(name) => Api::namespaced(client.clone(), name),
        None => Api::all(client.clone()),
    }
}

async fn config_maps(client: &Client, namespace: Option<&str>, world: &mut World) {
    let mut found = vec![];
    let mut take = |map: ConfigMap| {
        found.push((key(&map.metadata), Arc::new(map.data.unwrap_or_default())));
    };
    let mut asked = each(&Api::<ConfigMap>::all(client.clone()), &mut take).await;
    if asked.is_err() && namespace.is_some() {
        asked = each(&api_of::<ConfigMap>(client, namespace), &mut take).await;
    }
    if let Err(error) = asked {
        let why = why::<ConfigMap>(&error);
        world.notes.push(format!("{why}: host names in ConfigMaps, which the operator reads, are not seen"));
    }
    world.config_maps = found.into_iter().collect::<std::collections::BTreeMap<ObjectKey, _>>();
}

async fn templates(client: &Client, world: &mut World) {
    templates_of::<Deployment>(client, world).await;
    templates_of::<StatefulSet>(client, world).await;
    templates_of::<DaemonSet>(client, world).await;
    templates_of::<CronJob>(client, world).await;
    templates_of::<Job>(client, world).await;
}

async fn templates_of<K>(client: &Client, world: &mut World)
where
    K: Workload + Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let mut found: Vec<Template> = vec![];
    let api = Api::<K>::all(client.clone());
    let asked = each(&api, |object: K| {
        if !object.is_over() {
            found.push(template(object));
        }
    });
    if let Err(error) = asked.await {
        let why = why::<K>(&error);
        world.notes.push(format!("{why}: those of which no Pod runs now are not looked at"));
    }
    world.templates.extend(found.into_iter().filter(|template| template.above.is_none()));
}
