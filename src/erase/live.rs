//! Live reads under the Pod's ServiceAccount.

use std::time::Duration;

use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, ListParams},
};

use super::cluster::{ClusterView, Policies, Stores, ViewError, read_hold};
use crate::{
    api::v1alpha1::{DataStore, DeletionRun, LegalHold, RetentionPolicy},
    core::{hold::Hold, law::LawPack},
    parse::{self, RegionCheck},
};

/// A read that takes longer counts as failed: no batch waits for it with the answer of before.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cluster as its API server answers.
#[derive(Clone)]
pub struct LiveCluster {
    client: Client,
    namespace: String,
    run: String,
    law: std::sync::Arc<LawPack>,
}

impl LiveCluster {
    /// Reads for one run. The law is asked for countries alone, which change nothing of what is deleted.
    pub fn new(client: Client, namespace: &str, run: &str, law: LawPack) -> Self {
        Self { client, namespace: namespace.into(), run: run.into(), law: law.into() }
    }

    /// A list without a resource version: the API server answers from a quorum.
    async fn list<K>(&self, namespace: Option<&str>) -> Result<Vec<serde_json::Value>, ViewError>
    where
        K: Resource<DynamicType = ()>,
    {
        let kind = ApiResource::erase::<K>(&());
        let api: Api<DynamicObject> = match namespace {
            Some(ns) => Api::namespaced_with(self.client.clone(), ns, &kind),
            None => Api::all_with(self.client.clone(), &kind),
        };
        let list = in_time(api.list(&ListParams::default())).await?;
        let values = list.items.into_iter().map(serde_json::to_value);
        values.collect::<Result<_, _>>().map_err(|e| ViewError(e.to_string()))
    }
}

async fn in_time<T>(read: impl Future<Output = kube::Result<T>>) -> Result<T, ViewError> {
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(answer) => answer.map_err(|e| ViewError(e.to_string())),
        Err(_) => Err(ViewError(format!("no answer in {} s", PATIENCE.as_secs()))),
    }
}

impl ClusterView for LiveCluster {
    async fn run(&self) -> Result<DeletionRun, ViewError> {
        let api: Api<DeletionRun> = Api::namespaced(self.client.clone(), &self.namespace);
        in_time(api.get(&self.run)).await
    }

    async fn policies(&self) -> Result<Policies, ViewError> {
        let mut policies = Policies::default();
        for item in self.list::<RetentionPolicy>(Some(&self.namespace)).await? {
            let read =
                serde_json::from_value::<RetentionPolicy>(item).ok().and_then(|p| parse::policy(&p).ok());
            policies.some_unreadable |= read.is_none();
            policies.readable.extend(read);
        }
        Ok(policies)
    }

    async fn stores(&self) -> Result<Stores, ViewError> {
        let mut stores = Stores::default();
        for item in self.list::<DataStore>(Some(&self.namespace)).await? {
            let object = serde_json::from_value::<DataStore>(item).ok();
            let read = object.and_then(|o| parse::store(&o, &self.law, RegionCheck::Lenient).ok());
            stores.some_unreadable |= read.is_none();
            stores.readable.extend(read);
        }
        Ok(stores)
    }

    async fn holds(&self) -> Result<Vec<Hold>, ViewError> {
        Ok(self.list::<LegalHold>(None).await?.into_iter().map(read_hold).collect())
    }
}
