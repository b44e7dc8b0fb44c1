//! Pods, created at a steady rate and deleted again: half of them unrelated to any store, a quarter lawful, a quarter not.
//! No scheduler takes them up, so that nothing is measured but the way into the API server.

use std::time::Duration;

use anyhow::{Result, ensure};
use carnet::testbed::{BUSYBOX_IMAGE, accounts::USER_NAMESPACE};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use serde_json::json;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// Longer than any time-out of a webhook; a client that waits longer has lost its connection.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a Pod has to do with the declared store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unrelated,
    Lawful,
    Violating,
}

/// What came of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Admitted,
    /// The API server's answer, whatever it says.
    Refused(String),
    /// There was no answer.
    Unanswered(String),
}

/// One creation.
#[derive(Clone, Debug)]
pub struct Sample {
    pub sent: Instant,
    pub took: Duration,
    pub kind: Kind,
    pub outcome: Outcome,
}

/// Creations under way.
pub struct Stream {
    stop: CancellationToken,
    task: JoinHandle<Vec<Sample>>,
}

impl Stream {
    /// Starts to create so many Pods a second.
    pub fn start(client: &Client, rate: u32) -> Self {
        let stop = CancellationToken::new();
        let pods: Api<Pod> = Api::namespaced(client.clone(), USER_NAMESPACE);
        let task = tokio::spawn(send(pods, Duration::from_secs(1) / rate, stop.clone()));
        Self { stop, task }
    }

    /// Sends no more, and waits for the last answers.
    pub async fn end(self) -> Result<Vec<Sample>> {
        self.stop.cancel();
        let samples = self.task.await?;
        ensure!(!samples.is_empty(), "no Pod was sent");
        Ok(samples)
    }
}

impl Sample {
    /// Whether it was answered as it must be.
    pub fn is_right(&self) -> bool {
        match self.outcome {
            Outcome::Admitted => self.kind != Kind::Violating,
            Outcome::Refused(_) => self.kind == Kind::Violating,
            Outcome::Unanswered(_) => false,
        }
    }

    /// Whether any part of it fell into that time.
    pub fn touches(&self, (from, to): (Instant, Instant)) -> bool {
        self.sent <= to && self.sent + self.took >= from
    }
}

async fn send(pods: Api<Pod>, every: Duration, stop: CancellationToken) -> Vec<Sample> {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    // Names differ from those of an earlier stream.
    let began = jiff::Timestamp::now().as_millisecond();
    let (mut open, mut samples) = (JoinSet::new(), Vec::new());
    for number in 0_u32.. {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
        }
        let kind = match number % 4 {
            1 => Kind::Lawful,
            3 => Kind::Violating,
            _ => Kind::Unrelated,
        };
        open.spawn(one(pods.clone(), format!("load-{began}-{number}"), kind));
        while let Some(done) = open.try_join_next() {
            samples.extend(done.ok());
        }
    }
    while let Some(done) = open.join_next().await {
        samples.extend(done.ok());
    }
    samples
}

async fn one(pods: Api<Pod>, name: String, kind: Kind) -> Sample {
    let pod = pod(&name, kind);
    let sent = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, pods.create(&PostParams::default(), &pod)).await;
    let took = sent.elapsed();
    let outcome = match answer {
        Ok(Ok(_)) => Outcome::Admitted,
        Ok(Err(kube::Error::Api(status))) => Outcome::Refused(status.message),
        Ok(Err(error)) => Outcome::Unanswered(error.to_string()),
        Err(_) => Outcome::Unanswered(format!("no answer in {} s", PATIENCE.as_secs())),
    };
    if !matches!(outcome, Outcome::Refused(_)) {
        // It may have come in unanswered.
        let _ = tokio::time::timeout(PATIENCE, pods.delete(&name, &DeleteParams::default().grace_period(0)))
            .await;
    }
    Sample { sent, took, kind, outcome }
}

fn pod(name: &str, kind: Kind) -> Pod {
    let env = match kind {
        Kind::Unrelated => json!([]),
        Kind::Lawful | Kind::Violating => json!([{"secretRef": {"name": "accounts-readonly"}}]),
    };
    let region = if kind == Kind::Lawful { "eu-west-1" } else { "us-east-1" };
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"app": "load"}},
        "spec": {
            "schedulerName": "nobody",
            "automountServiceAccountToken": false,
            "nodeSelector": {"topology.kubernetes.io/region": region},
            "containers": [{"name": "app", "image": BUSYBOX_IMAGE, "envFrom": env}],
        },
    }))
    .expect("a Pod")
}
