//! The watches: from the cluster into the index.

use std::{fmt::Debug, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::{batch::v1::Job, core::v1 as k8s, discovery::v1::EndpointSlice};
use kube::{
    Api, Client, Resource,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    api::v1alpha1 as api,
    core::ids::ObjectKey,
    index::{Change, Context, Entry, Index, Kind, Sight, TableEvent, Watched, facts, key, run_writer},
    platform::{
        Gate, PlatformError, client_heard_by,
        metrics::{Metrics, WatchLabel},
    },
};

/// How many changes may wait for the writer: a full queue slows the watches down, it loses nothing.
const QUEUE: usize = 4096;
/// How often silence is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Starts the watches and the writer; they end with `shutdown`. `gate` is open while decisions may be made from the index.
///
/// A watch is taken up anew three times within `stale_after`, with a bookmark before each end: two of these may fail
/// before it counts as silent, and a right that was taken away shows.
pub async fn spawn(
    index: &Arc<Index>,
    context: &Context,
    stale_after: Duration,
    (metrics, gate): (&Arc<Metrics>, Gate),
    shutdown: &CancellationToken,
) -> Result<(), PlatformError> {
    let heard = index.clone();
    let client = client_heard_by(Arc::new(move |watch| heard.freshness().heard(watch))).await?;
    let (changes, queue) = mpsc::channel(QUEUE);
    // Whatever ends here, by a panic too, ends the process: what is left would judge by the past.
    let (writer, end) = (index.clone(), shutdown.clone());
    tokio::spawn(async move {
        let _end = end.clone().drop_guard();
        run_writer(writer, queue, end).await;
    });
    metrics.caches.stale_after.set(stale_after.as_secs_f64());
    tokio::spawn(look(index.clone(), metrics.clone(), gate, shutdown.clone()));
    // The API server counts in whole seconds, and kube takes no more than 294.
    let each = u32::try_from((stale_after / 3).as_secs()).unwrap_or(u32::MAX).clamp(1, 290);
    let config = watcher::Config::default().timeout(each);
    let watches = Watches { client, index: index.clone(), changes, config, shutdown: shutdown.clone() };

    watches.declared::<api::Party>(context);
    watches.declared::<api::DataStore>(context);
    watches.declared::<api::TransferSafeguard>(context);
    watches.declared::<api::TransferException>(context);
    watches.declared::<api::DataPrivacyFrameworkSnapshot>(context);
    watches.declared::<api::RetentionPolicy>(context);
    watches.declared::<api::LegalHold>(context);
    watches.native("namespaces", |n: k8s::Namespace| Some(facts::namespace(&n)), Change::Namespace);
    let nodes = context.clone();
    watches.native(
        "nodes",
        move |n: k8s::Node| Some(Arc::new(facts::node(n, &nodes.law, &nodes.settings))),
        Change::Node,
    );
    let settings = context.settings.clone();
    watches.native(
        "persistentvolumes",
        move |v: k8s::PersistentVolume| facts::volume(v, &settings).map(Arc::new),
        Change::Volume,
    );
    watches.native(
        "persistentvolumeclaims",
        |claim: k8s::PersistentVolumeClaim| facts::cloned(claim).map(Arc::new),
        Change::Clone,
    );
    watches.selected(
        "endpointslices",
        // Most are Pods' own addresses, and there are as many as Services.
        facts::SLICES_BY_HAND,
        |slice: EndpointSlice| facts::endpoints(slice).map(Arc::new),
        Change::Endpoints,
    );
    watches.native("pods", |p: k8s::Pod| facts::pod(p).map(Arc::new), Change::Pod);
    if context.settings.read_config_maps {
        watches.native(
            "configmaps",
            |c: k8s::ConfigMap| Some(Arc::new(c.data.unwrap_or_default())),
            Change::ConfigMap,
        );
    }
    if context.settings.derogations_for_jobs {
        watches.native("jobs", |job: Job| facts::unowned_job(&job), Change::Job);
    }
    Ok(())
}

/// Keeps gate and metrics at what the index says of itself.
async fn look(index: Arc<Index>, metrics: Arc<Metrics>, gate: Gate, shutdown: CancellationToken) {
    let mut was = Sight::Loading;
    let mut revision = 0;
    while shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
        for (watch, silent) in index.freshness().silences() {
            metrics.caches.silence.set(WatchLabel { watch }, silent.as_secs_f64());
        }
        let published = index.revision().snapshot;
        if published != revision {
            revision = published;
            metrics.caches.revision.count(usize::try_from(published).unwrap_or(usize::MAX));
            metrics.caches.published.instant(Some(Timestamp::now()));
        }
        let sight = index.sight();
        match sight {
            Sight::Clear => gate.open(),
            Sight::Loading | Sight::Stale { .. } => gate.close(),
        }
        match (sight, was) {
            (Sight::Stale { watch, silent }, Sight::Clear | Sight::Loading) => {
                tracing::error!(watch, silent = silent.as_secs(), "a watch is silent: judging no reviews");
            }
            (Sight::Clear, Sight::Stale { .. }) => tracing::info!("every watch is heard again"),
            _ => {}
        }
        was = sight;
    }
}

struct Watches {
    client: Client,
    index: Arc<Index>,
    config: watcher::Config,
    changes: mpsc::Sender<Change>,
    shutdown: CancellationToken,
}

impl Watches {
    fn declared<K: Kind>(&self, context: &Context) {
        let api: Api<Watched<K>> = Api::all(self.client.clone());
        let context = context.clone();
        let events = watcher(api, self.config.clone()).default_backoff();
        self.follow(
            K::plural(&()).into_owned(),
            events,
            move |watched| {
                let entry = Entry::new(watched, &context);
                (entry.key(), Some(entry))
            },
            K::change,
        );
    }

    fn native<K, V>(
        &self,
        what: &'static str,
        reduce: impl Fn(K) -> Option<V> + Send + 'static,
        change: fn(TableEvent<V>) -> Change,
    ) where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
        V: Send + 'static,
    {
        self.selected(what, "", reduce, change);
    }

    /// Only objects whose labels are so.
    fn selected<K, V>(
        &self,
        what: &'static str,
        labels: &str,
        reduce: impl Fn(K) -> Option<V> + Send + 'static,
        change: fn(TableEvent<V>) -> Change,
    ) where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
        V: Send + 'static,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let config = match labels {
            "" => self.config.clone(),
            labels => self.config.clone().labels(labels),
        };
        let events = watcher(api, config).default_backoff();
        self.follow(what.into(), events, move |object| (key(object.meta()), reduce(object)), change);
    }

    /// `reduce` gives the key, and none when the object counts as gone.
    fn follow<K, V>(
        &self,
        what: String,
        events: impl Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send + 'static,
        reduce: impl Fn(K) -> (ObjectKey, Option<V>) + Send + 'static,
        change: fn(TableEvent<V>) -> Change,
    ) where
        K: Send + 'static,
        V: Send + 'static,
    {
        let (changes, index, shutdown) = (self.changes.clone(), self.index.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            let _end = shutdown.clone().drop_guard();
            let mut events = Box::pin(events);
            loop {
                let event = tokio::select! {
                    () = shutdown.cancelled() => return,
                    event = events.next() => event,
                };
                let event = match event {
                    Some(Ok(event)) => event,
                    Some(Err(error)) => {
                        tracing::warn!(%error, kind = what, "watching");
                        continue;
                    }
                    None => {
                        // Without this watch decisions would go on with what was once true.
                        tracing::error!(kind = what, "the watch has ended: ending the process");
                        return;
                    }
                };
                // A list is as good as a word on the watch, and the client hears only these.
                if matches!(event, watcher::Event::InitDone) {
                    index.freshness().heard(&what);
                }
                let event = match event {
                    watcher::Event::Init => TableEvent::Init,
                    watcher::Event::InitDone => TableEvent::InitDone,
                    watcher::Event::InitApply(object) => match reduce(object) {
                        (key, Some(value)) => TableEvent::InitApply(key, value),
                        (_, None) => continue,
                    },
                    watcher::Event::Apply(object) => match reduce(object) {
                        (key, Some(value)) => TableEvent::Apply(key, value),
                        (key, None) => TableEvent::Delete(key),
                    },
                    watcher::Event::Delete(object) => TableEvent::Delete(reduce(object).0),
                };
                if changes.send(change(event)).await.is_err() {
                    return;
                }
            }
        });
    }
}
