//! `--on-lapse Evict`: Pods whose data nothing covers any more are evicted, one by one and by the Eviction API. What has no
//! controller stays, since it would not come back; what is not known for sure, or would be too much at once, waits.

mod act;
mod live;
mod outlook;
mod plan;
mod say;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

pub use outlook::{Outlook, Standing};
pub use plan::Limits;

use self::{
    act::{Acted, evict},
    live::Live,
    plan::Planner,
    say::Say,
};
use super::publish::Publisher;
use crate::{
    controllers::Shared,
    index::Sight,
    picture::{Lapsed, LapsedPod},
    platform::{client_without_retries, metrics::EvictionLabel},
};

/// What cannot be done now is looked at again after this.
const AGAIN: Duration = Duration::from_secs(5);

/// What evicting needs beside the cluster.
pub struct Evicting {
    /// How many, how fast.
    pub limits: Limits,
    /// What is to go, whenever that was judged anew.
    pub lapsed: watch::Receiver<Arc<Lapsed>>,
    /// Takes what came of it, for conditions.
    pub outlook: watch::Sender<Option<Outlook>>,
    /// Takes Events.
    pub publisher: Publisher,
}

/// Runs until shutdown.
pub async fn run(shared: Shared, evicting: Evicting) {
    let Evicting { limits, mut lapsed, outlook, publisher } = evicting;
    let Some(client) = shared.shutdown.run_until_cancelled(connect()).await else { return };
    let mut planner = Planner::new(limits);
    let mut say = Say::new(publisher);
    // Evicting or not, this is what conditions stand on from now on.
    outlook.send_replace(Some(Outlook::default()));
    loop {
        let found = lapsed.borrow_and_update().clone();
        planner.learn(&found, Timestamp::now());
        if let Sight::Stale { watch, .. } = shared.index.sight() {
            planner.put_off(format!("nothing was heard of {watch} for too long"), until(AGAIN));
        }
        while let Some(pod) = planner.next(Timestamp::now()) {
            if shared.shutdown.is_cancelled() {
                return;
            }
            let done = one(&shared, &client, &pod, &mut planner, &mut say).await;
            shared.metrics.transfers.evictions.get_or_create(&EvictionLabel { result: done }).inc();
        }
        let seen = planner.outlook();
        say.of(&shared, &found, &seen);
        shared.metrics.transfers.evictions_waiting.count(planner.waiting());
        shared.metrics.transfers.evictions_held.count(planner.held());
        outlook.send_if_modified(|told| {
            let differs = told.as_ref() != Some(&seen);
            *told = Some(seen);
            differs
        });
        let pause = planner.pause(Timestamp::now()).unwrap_or(Duration::MAX).min(AGAIN);
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            changed = lapsed.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One Pod: looked at once more, then evicted. Returns the word for metrics.
async fn one(
    shared: &Shared,
    client: &kube::Client,
    pod: &LapsedPod,
    planner: &mut Planner,
    say: &mut Say,
) -> &'static str {
    let sentence = match live::look(shared, pod).await {
        Ok(Live::Violates(sentence)) => sentence,
        Ok(Live::Goes) => {
            planner.evicted(pod);
            return "gone";
        }
        Ok(Live::Lawful) => {
            planner.try_again(pod, until(AGAIN));
            return "lawful";
        }
        // Of what one Pod's answer stands on, others' do as well.
        Ok(Live::Unsure(why)) => {
            planner.put_off(why, until(AGAIN));
            return "put-off";
        }
        Err(error) => {
            tracing::warn!(%error, pod = %pod.key, "looking at a Pod before its eviction");
            planner.put_off("the API server did not answer".into(), until(AGAIN));
            return "failed";
        }
    };
    match evict(client, pod).await {
        Acted::Evicted => {
            tracing::info!(pod = %pod.key, uid = pod.uid, why = sentence, "evicted");
            planner.evicted(pod);
            say.evicted(pod, &sentence);
            "evicted"
        }
        Acted::Gone => {
            planner.evicted(pod);
            "gone"
        }
        Acted::Blocked(why) => {
            tracing::warn!(pod = %pod.key, why, "the eviction is blocked");
            planner.blocked(pod, &why, Timestamp::now());
            say.blocked(pod, &why);
            "blocked"
        }
        Acted::Failed(error) => {
            tracing::warn!(%error, pod = %pod.key, "evicting");
            planner.failed(pod, Timestamp::now());
            "failed"
        }
    }
}

/// A client that leaves it to us when to ask again: a budget's refusal is an answer, and not a server that is busy.
async fn connect() -> kube::Client {
    loop {
        match client_without_retries().await {
            Ok(client) => return client,
            Err(error) => tracing::warn!(%error, "trying again"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn until(pause: Duration) -> Timestamp {
    Timestamp::now().saturating_add(pause).unwrap_or(Timestamp::MAX)
}
