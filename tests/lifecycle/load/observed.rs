//! What the API server says of its calls to the webhook: its metrics, and in its log the reason of each that failed.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use kube::api::{ListParams, Request};

use crate::world::World;

/// Webhook of the Pods.
const WEBHOOK: &str = r#"name="pods.carnet.dev""#;
const OPEN: &str = "apiserver_admission_webhook_fail_open_count";
const REJECTED: &str = "apiserver_admission_webhook_rejection_count";
const DURATION: &str = "apiserver_admission_webhook_admission_duration_seconds_bucket";
/// What a call that took too long is told, by the context or by the connection.
const LATE: [&str; 3] = ["context deadline exceeded", "Client.Timeout exceeded", "i/o timeout"];

/// Counts at one instant, or between two.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Calls that failed and were passed over.
    pub open: f64,
    /// Calls that failed and became a refusal.
    pub closed: f64,
    /// Of all calls that failed, those that took too long.
    pub late: usize,
    /// Calls by the upper end of their duration; each holds those of the shorter ones too.
    durations: BTreeMap<Duration, f64>,
}

impl Observed {
    /// As it is now.
    pub async fn of(world: &World) -> Result<Self> {
        let request = Request::new("/metrics").list(&ListParams::default())?;
        let text = world.admin.request_text(request).await.context("read the API server's metrics")?;
        let mut now = Self::default();
        for line in text.lines().filter(|line| line.contains(WEBHOOK)) {
            let Some(value) = line.rsplit_once(' ').and_then(|(_, v)| v.parse::<f64>().ok()) else {
                continue;
            };
            if line.starts_with(OPEN) {
                now.open += value;
            } else if line.starts_with(REJECTED) && line.contains(r#"error_type="calling_webhook_error""#) {
                now.closed += value;
            } else if line.starts_with(DURATION)
                && let Some(end) = label(line, "le").and_then(|le| le.parse::<f64>().ok())
                && end.is_finite()
            {
                *now.durations.entry(Duration::from_secs_f64(end)).or_default() += value;
            }
        }
        let log = world.cluster.api_server_log()?;
        let failed = log.lines().filter(|line| line.contains("Failed calling webhook"));
        now.late = failed.filter(|line| LATE.iter().any(|word| line.contains(word))).count();
        Ok(now)
    }

    /// What came since then. An API server that was started anew counts from nothing, its logs go on.
    pub fn since(self, before: &Self) -> Self {
        let anew = self.durations.iter().any(|(end, n)| before.durations.get(end).is_some_and(|b| b > n))
            || self.open < before.open
            || self.closed < before.closed;
        let late = self.late - before.late;
        if anew {
            return Self { late, ..self };
        }
        Self {
            open: self.open - before.open,
            closed: self.closed - before.closed,
            late,
            durations: self
                .durations
                .into_iter()
                .map(|(end, n)| (end, n - before.durations.get(&end).copied().unwrap_or_default()))
                .collect(),
        }
    }

    /// The duration in milliseconds within which this share of the calls was answered, as far as the API server's
    /// buckets tell.
    pub fn within(&self, share: f64) -> Option<f64> {
        let all = self.durations.values().copied().fold(0.0, f64::max);
        let wanted = all * share;
        let (mut from, mut below) = (0.0, 0.0);
        for (&end, &count) in &self.durations {
            let end = end.as_secs_f64() * 1000.0;
            if count >= wanted && count > below {
                return Some(from + (end - from) * (wanted - below) / (count - below));
            }
            (from, below) = (end, count);
        }
        None
    }
}

fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
