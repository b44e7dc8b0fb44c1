//! What only this controller watches: runs and approvals; Jobs and Pods where the right to run them exists.

use std::{collections::BTreeSet, fmt::Debug, hash::Hash, sync::Arc};

use futures::StreamExt;
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client, Resource,
    runtime::{WatchStreamExt, reflector, reflector::Store, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{
        labels,
        v1alpha1::{DeletionApproval, DeletionRun},
    },
    core::ids::ObjectKey,
};

/// Caches of the controller, with a signal for changes.
pub struct Watches {
    runs: Store<DeletionRun>,
    approvals: Store<DeletionApproval>,
    jobs: Vec<Store<Job>>,
    pods: Vec<Store<Pod>>,
    changed: watch::Receiver<u64>,
}

impl Watches {
    /// Starts the watches.
    pub fn start(client: &Client, erasure: &BTreeSet<String>, shutdown: &CancellationToken) -> Self {
        let (signal, changed) = watch::channel(0);
        let signal = Arc::new(signal);
        let ours = watcher::Config::default().labels(&format!("{}={}", labels::MANAGED_BY, labels::MANAGER));
        let all = watcher::Config::default;
        Self {
            runs: follow(Api::all(client.clone()), all(), &signal, shutdown),
            approvals: follow(Api::all(client.clone()), all(), &signal, shutdown),
            jobs: erasure
                .iter()
                .map(|n| follow(Api::namespaced(client.clone(), n), ours.clone(), &signal, shutdown))
                .collect(),
            pods: erasure
                .iter()
                .map(|n| follow(Api::namespaced(client.clone(), n), ours.clone(), &signal, shutdown))
                .collect(),
            changed,
        }
    }

    /// Waits until every cache is filled.
    pub async fn ready(&self) {
        let _ = self.runs.wait_until_ready().await;
        let _ = self.approvals.wait_until_ready().await;
        for jobs in &self.jobs {
            let _ = jobs.wait_until_ready().await;
        }
        for pods in &self.pods {
            let _ = pods.wait_until_ready().await;
        }
    }

    /// Forgets changes up to now.
    pub fn mark_unchanged(&mut self) {
        self.changed.mark_unchanged();
    }

    /// Waits for a change.
    pub async fn changed(&mut self) -> bool {
        self.changed.changed().await.is_ok()
    }

    /// Every run, in order of creation.
    pub fn runs(&self) -> Vec<Arc<DeletionRun>> {
        let mut runs = self.runs.state();
        runs.sort_by(|a, b| {
            let key = |r: &DeletionRun| {
                (r.metadata.creation_timestamp.as_ref().map(|t| t.0), r.metadata.name.clone())
            };
            key(a).cmp(&key(b))
        });
        runs
    }

    /// Every approval.
    pub fn approvals(&self) -> Vec<DeletionApproval> {
        self.approvals.state().iter().map(|a| (**a).clone()).collect()
    }

    /// A Job.
    pub fn job(&self, key: &ObjectKey) -> Option<Arc<Job>> {
        let wanted = reflector::ObjectRef::<Job>::new(&key.name).within(&key.namespace);
        self.jobs.iter().find_map(|store| store.get(&wanted))
    }

    /// Pods of a Job by its name; the caller checks whose they are.
    pub fn pods(&self, namespace: &str, job: &str) -> Vec<Arc<Pod>> {
        let of_job = |pod: &Pod| {
            pod.metadata.namespace.as_deref() == Some(namespace)
                && pod.metadata.labels.as_ref().and_then(|l| l.get(labels::JOB_NAME)) == Some(&job.to_owned())
        };
        self.pods.iter().flat_map(Store::state).filter(|p| of_job(p)).collect()
    }
}

fn follow<K>(
    api: Api<K>,
    config: watcher::Config,
    signal: &Arc<watch::Sender<u64>>,
    shutdown: &CancellationToken,
) -> Store<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    K::DynamicType: Default + Eq + Hash + Clone,
{
    let (store, writer) = reflector::store();
    let (signal, shutdown) = (signal.clone(), shutdown.clone());
    tokio::spawn(async move {
        let mut events = Box::pin(watcher(api, config).default_backoff().reflect(writer));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                event = events.next() => match event {
                    Some(Ok(_)) => signal.send_modify(|n| *n += 1),
                    Some(Err(error)) => {
                        tracing::warn!(%error, kind = std::any::type_name::<K>(), "watching");
                    }
                    None => {
                        tracing::error!(kind = std::any::type_name::<K>(), "the watch has ended");
                        shutdown.cancel();
                        return;
                    }
                },
            }
        }
    });
    store
}
