//! Every query of alerts and dashboard, asked of a real Prometheus that scrapes real replicas: one cluster that is well and
//! one in which everything is wrong.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use carnet::{
    platform::metrics::Metrics,
    testbed::{Prometheus, PrometheusOptions},
};
use serde_json::Value;

use crate::{ALERTS, alerts, dashboard, project, worlds::Replica};

/// Fires only where nothing is scraped at all; `promtool` tests it.
const OF_ABSENCE: &str = "CarnetDown";

struct Scene {
    prometheus: Prometheus,
    _replicas: Vec<Replica>,
}

impl Scene {
    async fn start() -> Result<Self> {
        let well = vec![Replica::start(false, "the-law")];
        let ill = vec![Replica::start(true, "the-law"), Replica::start(true, "an-older-law")];
        let addresses = |of: &[Replica]| of.iter().map(|replica| replica.address).collect::<Vec<_>>();
        let jobs = vec![("well".to_owned(), addresses(&well)), ("ill".to_owned(), addresses(&ill))];
        let prometheus = Prometheus::start(PrometheusOptions { jobs, rules: vec![project(ALERTS)] }).await?;
        let scene = Self { prometheus, _replicas: well.into_iter().chain(ill).collect() };
        for _ in 0..300 {
            let seen = scene.prometheus.query("count(count_over_time(up[1m]) >= 8 and up == 1)").await?;
            if seen.first().is_some_and(|series| series["value"][1] == "3") {
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
            scene.shown(expression).await.with_context(|| format!("panel {}", panel.title))?;
        }
    }

    for alert in alerts() {
        let expected: &[&str] = if alert.name == OF_ABSENCE { &[] } else { &["ill"] };
        let found = scene.jobs(&alert.expression).await.with_context(|| alert.name.clone())?;
        ensure!(found == expected, "{} is raised in {found:?}: {}", alert.name, alert.expression);
    }

    // What fires has text that could be expanded.
    let rules = scene.prometheus.ask("/api/v1/rules?type=alert").await?;
    let active = rules["groups"].as_array().into_iter().flatten().flat_map(|group| {
        group["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|rule| rule["alerts"].as_array().into_iter().flatten())
    });
    let active: Vec<_> = active.collect();
    let expected = alerts().iter().filter(|alert| alert.name != OF_ABSENCE).count();
    ensure!(active.len() >= expected, "only {} alerts are pending or fire", active.len());
    for alert in active {
        let annotations = alert["annotations"].to_string();
        ensure!(
            !annotations.contains("error expanding") && !annotations.contains("<no value>"),
            "{annotations}"
        );
    }

    // The text is taken for what it is: each metric with its type, each target without complaint.
    let known = scene.prometheus.ask("/api/v1/targets/metadata?limit=0").await?;
    let types: BTreeMap<_, _> =
        known.as_array().into_iter().flatten().map(|m| (m["metric"].as_str(), m["type"].as_str())).collect();
    for described in Metrics::default().described() {
        let kind = types.get(&Some(described.name.as_str()));
        ensure!(kind == Some(&Some(described.kind)), "{} is taken for {kind:?}", described.name);
    }
    let targets = scene.prometheus.ask("/api/v1/targets").await?;
    for target in targets["activeTargets"].as_array().into_iter().flatten() {
        ensure!(target["health"] == "up" && target["lastError"] == "", "{target}");
    }

    // These checks can fail.
    ensure!(scene.shown("carnet_transfers_violating_podz").await.is_err(), "an unknown metric is found");
    ensure!(scene.shown("max(carnet_leader").await.is_err(), "half a query is answered");
    ensure!(scene.shown("0 / 0").await.is_err(), "no number is a number");
    Ok(())
}
