//! The parameter objects as they stand in the cluster: what somebody edits or deletes is put right at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::StreamExt;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt, watcher},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    api::v1alpha1::{TransferBackstop, TransferBackstopSpec},
    core::ids::ObjectKey,
    index::{Watched, key},
};

/// One object.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its uid.
    pub uid: String,
    /// What it says; none where that does not fit the schema.
    pub spec: Option<TransferBackstopSpec>,
}

type Objects = HashMap<ObjectKey, Seen>;

/// All of them.
pub struct Live {
    objects: Arc<Mutex<Objects>>,
    /// Counts changes; zero until all were listed.
    pub changes: watch::Receiver<u64>,
}

impl Live {
    /// Follows them until `shutdown`; a watch that ends by itself ends the process.
    pub fn follow(client: Client, shutdown: CancellationToken) -> Self {
        let objects: Arc<Mutex<Objects>> = Arc::default();
        let (changed, changes) = watch::channel(0);
        let table = objects.clone();
        tokio::spawn(async move {
            let _end = shutdown.clone().drop_guard();
            let api: Api<Watched<TransferBackstop>> = Api::all(client);
            let mut events = Box::pin(watcher(api, watcher::Config::default()).default_backoff());
            let mut listing = Objects::new();
            loop {
                let event = tokio::select! {
                    () = shutdown.cancelled() => return,
                    event = events.next() => event,
                };
                let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                match event {
                    // Nothing is known before the list is whole.
                    Some(Ok(watcher::Event::Init)) => {
                        listing.clear();
                        continue;
                    }
                    Some(Ok(watcher::Event::InitApply(object))) => {
                        note(&mut listing, object);
                        continue;
                    }
                    Some(Ok(watcher::Event::InitDone)) => *table = std::mem::take(&mut listing),
                    Some(Ok(watcher::Event::Apply(object))) => note(&mut table, object),
                    Some(Ok(watcher::Event::Delete(object))) => {
                        table.remove(&key(kube::Resource::meta(&object)));
                    }
                    Some(Err(error)) => {
                        tracing::warn!(%error, "watching transferbackstops");
                        continue;
                    }
                    None => {
                        tracing::error!("the watch of transferbackstops has ended: ending the process");
                        return;
                    }
                }
                drop(table);
                changed.send_modify(|n| *n += 1);
            }
        });
        Self { objects, changes }
    }

    /// The objects as they were last seen.
    pub fn objects(&self) -> HashMap<ObjectKey, Seen> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn note(table: &mut Objects, object: Watched<TransferBackstop>) {
    let (meta, spec) = match object {
        Watched::Fits(object) => (object.metadata, Some(object.spec)),
        Watched::Misfits { meta, .. } => (*meta, None),
    };
    let key = key(&meta);
    table.insert(key, Seen { uid: meta.uid.unwrap_or_default(), spec });
}
