//! Every query of alerts and dashboard, asked of a real Prometheus that scrapes real replicas: one cluster that is well and
//! one in which everything is wrong.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use carnet::{
    platform::metrics::Metrics,
    testbed::{Prometheus, PrometheusOptions},
};
use serde_json::Value;

use crate::{
    ALERTS, alerts, dashboard, project,
    worlds::{ApiServer, Replica},
};

/// Fires only where nothing is scraped at all; `promtool` tests it.
const OF_ABSENCE: &str = "CarnetDown";

const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

struct Scene {
    prometheus: Prometheus,
    _replicas: Vec<Replica>,
    _api_servers: [ApiServer; 2],
}

impl Scene {
    async fn start() -> Result<Self> {
        let well = vec![Replica::start(false, "the-law")];
        let ill = vec![Replica::start(true, "the-law"), Replica::start(true, "an-older-law")];
        let api_servers = [ApiServer::start(false).await?, ApiServer::start(true).await?];
        let addresses = |of: &[Replica], api_server: &ApiServer| {
            of.iter().map(|replica| replica.address).chain([api_server.address]).collect::<Vec<_>>()
        };
        let jobs = vec![
            ("well".to_owned(), addresses(&well, &api_servers[0])),
            ("ill".to_owned(), addresses(&ill, &api_servers[1])),
        ];
        let prometheus = Prometheus::start(PrometheusOptions { jobs, rules: vec![project(ALERTS)] }).await?;
        let replicas = well.into_iter().chain(ill).collect();
        let scene = Self { prometheus, _replicas: replicas, _api_servers: api_servers };
        for _ in 0..300 {
            let seen = scene.prometheus.query("count(count_over_time(up[1m]) >= 4 and up == 1)").await?;
            if seen.first().is_some_and(|series| series["value"][1] == "5") {
                return Ok(scene);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("nothing was scraped: {}", scene.prometheus.ask("/api/v1/targets").await?);
    }

    /// The series of a query; an error where there is none, or one without a number.
    async fn shown(&self, expression: &str) -> Result<Vec<Value>> {
        let series = self.prometheus.query(expression).await.with_context(|| expression.to_owned())?;
        ensure!(!series.is_empty(), "nothing is found by {expression}");
        for one in &series {
            ensure!(one["value"][1] != "NaN", "no number is found by {expression}: {one}");
        }
        Ok(series)
    }

    /// Like [`Self::shown`], again and again: on a busy machine a scrape can come too late, and its series be gone until
    /// the next one.
    async fn soon_shown(&self, expression: &str) -> Result<()> {
        let mut seen = self.shown(expression).await;
        for _ in 0..TRIES {
            if seen.is_ok() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            seen = self.shown(expression).await;
        }
        seen.map(drop)
    }

    /// The jobs in which an alert is raised, once they are those that are expected.
    async fn soon_jobs(&self, expression: &str, expected: &[&str]) -> Result<Vec<String>> {
        let mut found = self.jobs(expression).await?;
        for _ in 0..TRIES {
            if found == expected {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            found = self.jobs(expression).await?;
        }
        Ok(found)
    }

    /// Whether every alert is active with text that could be expanded, and every metric taken for what it is.
    async fn tells(&self) -> Result<()> {
        let rules = self.prometheus.ask("/api/v1/rules?type=alert").await?;
        let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
        let rules = list(&rules, "groups").into_iter().flat_map(|group| list(&group, "rules"));
        for rule in rules.filter(|rule| rule["name"] != OF_ABSENCE) {
            let active = list(&rule, "alerts");
            ensure!(!active.is_empty(), "{} neither waits nor fires", rule["name"]);
            for alert in active {
                let text = alert["annotations"].to_string();
                ensure!(!text.contains("error expanding") && !text.contains("<no value>"), "{text}");
            }
        }
        let known = self.prometheus.ask("/api/v1/targets/metadata").await?;
        let types: BTreeMap<_, _> = known
            .as_array()
            .into_iter()
            .flatten()
            .map(|known| (known["metric"].as_str(), known["type"].as_str()))
            .collect();
        for described in Metrics::default().described() {
            let kind = types.get(&Some(described.name.as_str()));
            ensure!(kind == Some(&Some(described.kind)), "{} is taken for {kind:?}", described.name);
        }
        let targets = self.prometheus.ask("/api/v1/targets").await?;
        for target in list(&targets, "activeTargets") {
            ensure!(target["health"] == "up" && target["lastError"] == "", "{target}");
        }
        Ok(())
    }

    async fn jobs(&self, expression: &str) -> Result<Vec<String>> {
        let series = self.prometheus.query(expression).await.with_context(|| expression.to_owned())?;
        let mut jobs: Vec<_> =
            series.iter().filter_map(|s| s["metric"]["job"].as_str().map(str::to_owned)).collect();
        jobs.sort();
        jobs.dedup();
        Ok(jobs)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_finds_what_it_asks_for_and_every_alert_knows_the_well_from_the_ill() -> Result<()> {
    let scene = Scene::start().await?;

    for panel in dashboard::panels() {
        for expression in &panel.expressions {
            scene.soon_shown(expression).await.with_context(|| format!("panel {}", panel.title))?;
        }
    }

    for alert in alerts() {
        let expected: &[&str] = if alert.name == OF_ABSENCE { &[] } else { &["ill"] };
        let found = scene.soon_jobs(&alert.expression, expected).await.with_context(|| alert.name.clone())?;
        ensure!(found == expected, "{} is raised in {found:?}: {}", alert.name, alert.expression);
    }

    let mut told = scene.tells().await;
    for _ in 0..TRIES {
        if told.is_ok() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        told = scene.tells().await;
    }
    told?;

    // These checks can fail.
    ensure!(scene.shown("carnet_transfers_violating_podz").await.is_err(), "an unknown metric is found");
    ensure!(scene.shown("max(carnet_leader").await.is_err(), "half a query is answered");
    ensure!(scene.shown("0 / 0").await.is_err(), "no number is a number");
    Ok(())
}
