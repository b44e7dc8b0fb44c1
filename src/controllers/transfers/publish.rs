//! Publishes events beside the controller, no faster than the cluster should bear.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::ObjectReference;
use tokio::sync::mpsc;

use super::{NAME, Shared};
use crate::{
    index::Owner,
    platform::{Events, Note, metrics::Metrics},
};

/// Events that may wait.
const QUEUE: usize = 2048;
/// Events that go out at once.
const BURST: u32 = 50;
/// After a burst, one for each of these.
const EACH: Duration = Duration::from_millis(100);

/// The way to the publisher.
#[derive(Clone)]
pub struct Publisher {
    queue: mpsc::Sender<(Owner, Note, bool)>,
    metrics: Arc<Metrics>,
}

impl Publisher {
    /// Hands an event over. Where too many wait it is dropped and counted; conditions and metrics stay exact.
    pub fn publish(&self, owner: Owner, note: Note) {
        self.hand(owner, note, false);
    }

    /// Hands over an event that is said once.
    pub fn publish_once(&self, owner: Owner, note: Note) {
        self.hand(owner, note, true);
    }

    fn hand(&self, owner: Owner, note: Note, once: bool) {
        if self.queue.try_send((owner, note, once)).is_err() {
            self.metrics.transfers.events_dropped.inc();
        }
    }
}

/// Starts the publisher; it ends with the controller.
pub fn spawn(shared: &Shared) -> Publisher {
    let (queue, mut waiting) = mpsc::channel::<(Owner, Note, bool)>(QUEUE);
    let events = Events::new(shared.client.clone(), NAME, &shared.identity);
    let shutdown = shared.shutdown.clone();
    tokio::spawn(async move {
        let mut left = BURST;
        loop {
            let next = tokio::select! {
                () = shutdown.cancelled() => return,
                next = tokio::time::timeout(EACH, waiting.recv()) => next,
            };
            match next {
                Ok(Some((owner, note, once))) => {
                    if once {
                        events.publish_once(&reference(owner), &note).await;
                    } else {
                        events.publish(&reference(owner), &note).await;
                    }
                    left = left.saturating_sub(1);
                    if left == 0 {
                        tokio::time::sleep(EACH).await;
                        left = 1;
                    }
                }
                Ok(None) => return,
                Err(_idle) => left = (left + 1).min(BURST),
            }
        }
    });
    Publisher { queue, metrics: shared.metrics.clone() }
}

fn reference(owner: Owner) -> ObjectReference {
    ObjectReference {
        api_version: Some(owner.api_version),
        kind: Some(owner.kind),
        // An object of no namespace has none, and its Events are in `default`.
        namespace: Some(owner.namespace).filter(|namespace| !namespace.is_empty()),
        name: Some(owner.name),
        uid: Some(owner.uid),
        ..ObjectReference::default()
    }
}
