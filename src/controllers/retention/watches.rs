//! What only this controller watches: runs and approvals; Jobs and Pods where the right to run them exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::{
    Api, Client, Resource,
    runtime::{WatchStreamExt, reflector, reflector::Store, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::policy_status::OptIn;
use crate::{
    api::{
        labels,
        v1alpha1::{DeletionApproval, DeletionRun},
    },
    core::ids::ObjectKey,
};

/// How long the watches of an opted-in namespace may take before the others go on without it. A namespace's own people can take
/// the operator's right there away; that is no reason to keep what is due elsewhere.
const PATIENCE: Duration = Duration::from_secs(10);

/// Caches of a namespace in which Jobs may run.
struct InNamespace {
    jobs: Store<Job>,
    pods: Store<Pod>,
}

/// Caches of the controller, with a signal for changes.
pub struct Watches {
    runs: Store<DeletionRun>,
    approvals: Store<DeletionApproval>,
    opted_in: BTreeMap<String, InNamespace>,
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
            opted_in: erasure
                .iter()
                .map(|n| {
                    let jobs = follow(Api::namespaced(client.clone(), n), ours.clone(), &signal, shutdown);
                    let pods = follow(Api::namespaced(client.clone(), n), ours.clone(), &signal, shutdown);
                    (n.clone(), InNamespace { jobs, pods })
                })
                .collect(),
            changed,
        }
    }

    /// Waits until the caches are filled; those of opted-in namespaces for a while.
    pub async fn ready(&self) {
        let _ = self.runs.wait_until_ready().await;
        let _ = self.approvals.wait_until_ready().await;
        let each = self.opted_in.values().map(async |caches| {
            let _ = caches.jobs.wait_until_ready().await;
            let _ = caches.pods.wait_until_ready().await;
        });
        let _ = tokio::time::timeout(PATIENCE, futures::future::join_all(each)).await;
    }

    /// Whether a namespace was opted in, and the right to look at Jobs and Pods there was given too.
    pub fn opt_in(&self, namespace: &str) -> OptIn {
        let Some(InNamespace { jobs, pods }) = self.opted_in.get(namespace) else { return OptIn::No };
        let seen = jobs.wait_until_ready().now_or_never().is_some_and(|ready| ready.is_ok())
            && pods.wait_until_ready().now_or_never().is_some_and(|ready| ready.is_ok());
        if seen { OptIn::Yes } else { OptIn::RightMissing }
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
        self.opted_in.get(&*key.namespace)?.jobs.get(&wanted)
    }

    /// Pods of a Job by its name; the caller checks whose they are.
    pub fn pods(&self, namespace: &str, job: &str) -> Vec<Arc<Pod>> {
        let of_job = |pod: &Pod| {
            pod.metadata.namespace.as_deref() == Some(namespace)
                && pod.metadata.labels.as_ref().and_then(|l| l.get(labels::JOB_NAME)) == Some(&job.to_owned())
        };
        self.opted_in
            .get(namespace)
            .into_iter()
            .flat_map(|caches| caches.pods.state())
            .filter(|p| of_job(p))
            .collect()
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
        // What goes on failing in the same words is said once.
        let mut said = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        if !matches!(event, watcher::Event::Init) {
                            said = None;
                        }
                        signal.send_modify(|n| *n += 1);
                    }
                    Some(Err(error)) => {
                        let error = error.to_string();
                        if said.as_ref() != Some(&error) {
                            tracing::warn!(error, kind = std::any::type_name::<K>(), "watching");
                            said = Some(error);
                        }
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
