//! What a running operator shows of itself: its metrics, and its log, whose filter is changed while it runs.

use std::sync::Arc;

use anyhow::{Result, ensure};
use carnet::testbed::promtool;

use crate::{
    cases,
    world::{World, eventually},
};

cases![
    a_running_operator_serves_metrics_that_promtool_accepts_and_a_leader_leaves_none_out,
    the_log_is_told_to_say_more_while_the_operator_runs,
];

async fn a_running_operator_serves_metrics_that_promtool_accepts_and_a_leader_leaves_none_out(
    w: Arc<World>,
) -> Result<()> {
    // Retention has had its first pass when these are there.
    let text = eventually("the leader's metrics", 20, || async {
        let (status, text) = w.ask_operator("GET", "/metrics", "")?;
        ensure!(status == 200, "{status}");
        Ok(text.contains("carnet_retention_policies_unreported ").then_some(text))
    })
    .await?;
    for series in [
        "carnet_build_info{",
        "carnet_leader 1",
        "carnet_ready 1",
        "carnet_transfers_flows{state=\"uncovered\"} ",
        "carnet_transfers_violating_pods ",
        "carnet_transfers_judged_timestamp_seconds ",
        "carnet_next_lapse_timestamp_seconds ",
        "carnet_next_lapse_seconds ",
        "carnet_deletion_runs{phase=\"AwaitingApproval\"} ",
        "carnet_deletion_runs_ended_total{result=\"Failed\"} ",
        "carnet_invalid_objects{kind=\"DataStore\"} ",
        "carnet_watch_silence_seconds{watch=\"pods\"} ",
        "carnet_stale_after_seconds 24",
        "carnet_snapshot_revision ",
        "carnet_snapshot_timestamp_seconds ",
        "carnet_admission_reviews_total{",
        "carnet_admission_not_ready_total{reason=\"stale\"} ",
        "carnet_admission_review_duration_seconds_bucket{le=\"+Inf\"} ",
        "process_resident_memory_bytes ",
    ] {
        ensure!(text.lines().any(|line| line.starts_with(series)), "no {series} in\n{text}");
    }
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("metrics");
    std::fs::write(&file, &text)?;
    let said = promtool(dir.path(), &["check", "metrics"], Some(&file))?;
    ensure!(said.is_empty(), "{said}");
    Ok(())
}

async fn the_log_is_told_to_say_more_while_the_operator_runs(w: Arc<World>) -> Result<()> {
    let before = w.ask_operator("GET", "/log-level", "")?;
    ensure!(before.0 == 200 && before.1.starts_with("info"), "{before:?}");
    let wrong = w.ask_operator("PUT", "/log-level", "loud")?;
    ensure!(wrong.0 == 400 && wrong.1.contains("`loud`"), "{wrong:?}");

    let unrelated = |name: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: billing}}, \
             spec: {{containers: [{{name: app, image: app}}]}}}}"
        )
    };
    let logged = |name: &str| {
        let log = w.operator_log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.into_iter().any(|line| line["target"] == "carnet::decision" && line["name"] == name)
    };
    w.create(&unrelated("unsaid")).await?;
    ensure!(!logged("unsaid"), "what concerns no store is in the log");
    let more = w.ask_operator("PUT", "/log-level", "info,carnet::decision=debug")?;
    ensure!(more == (200, "info,carnet::decision=debug\n".into()), "{more:?}");
    w.create(&unrelated("said")).await?;
    eventually("the line of the decision", 10, || async { Ok(logged("said").then_some(())) }).await?;
    ensure!(w.ask_operator("PUT", "/log-level", &before.1)?.0 == 200, "it is not changed back");
    w.delete(&unrelated("unsaid")).await?;
    w.delete(&unrelated("said")).await
}
