//! The watches: from the cluster into the index.

use std::{fmt::Debug, sync::Arc};

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1 as k8s;
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
    index::{Change, Context, Entry, Index, Kind, TableEvent, Watched, facts, key, run_writer},
};

/// How many changes may wait for the writer: a full queue slows the watches down, it loses nothing.
const QUEUE: usize = 4096;

/// Starts the watches and the writer; they end with `shutdown`.
pub fn spawn(client: &Client, index: &Arc<Index>, context: &Context, shutdown: &CancellationToken) {
    let (changes, queue) = mpsc::channel(QUEUE);
    tokio::spawn(run_writer(index.clone(), queue, shutdown.clone()));
    let watches = Watches { client: client.clone(), changes, shutdown: shutdown.clone() };

    watches.declared::<api::Party>(context);
    watches.declared::<api::DataStore>(context);
    watches.declared::<api::TransferSafeguard>(context);
    watches.declared::<api::TransferException>(context);
    watches.declared::<api::RetentionPolicy>(context);
    watches.declared::<api::LegalHold>(context);
    watches.native("namespaces", |n: k8s::Namespace| Some(facts::namespace(&n)), Change::Namespace);
    let nodes = context.clone();
    watches.native(
        "nodes",
        move |n: k8s::Node| Some(Arc::new(facts::node(n, &nodes.law, &nodes.settings))),
        Change::Node,
    );
    watches.native("pods", |p: k8s::Pod| facts::pod(p).map(Arc::new), Change::Pod);
    if context.settings.read_config_maps {
        watches.native(
            "configmaps",
            |c: k8s::ConfigMap| Some(Arc::new(c.data.unwrap_or_default())),
            Change::ConfigMap,
        );
    }
}

struct Watches {
    client: Client,
    changes: mpsc::Sender<Change>,
    shutdown: CancellationToken,
}

impl Watches {
    fn declared<K: Kind>(&self, context: &Context) {
        let api: Api<Watched<K>> = Api::all(self.client.clone());
        let context = context.clone();
        let events = watcher(api, watcher::Config::default()).default_backoff();
        self.follow(
            K::kind(&()).into_owned(),
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
        let api: Api<K> = Api::all(self.client.clone());
        let events = watcher(api, watcher::Config::default()).default_backoff();
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
        let (changes, shutdown) = (self.changes.clone(), self.shutdown.clone());
        tokio::spawn(async move {
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
                        shutdown.cancel();
                        return;
                    }
                };
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
