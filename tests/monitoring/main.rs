//! What people see Carnet by: its metrics, the alerts and the dashboard over them, against a real Prometheus and its
//! `promtool`. Without these programs it fails; it never skips.
//!
//! `UPDATE_EXPECT=1 cargo test --all-features --test monitoring` writes `docs/reference/metrics.md` anew.

mod alerts;
mod dashboard;
mod reference;
mod scraped;
mod worlds;

use std::{fs, path::PathBuf};

use serde_json::Value;

/// A file of the project.
fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(project(path)).expect("a readable file of the project")
}

/// An alert as it is written.
struct Alert {
    name: String,
    expression: String,
    severity: String,
    annotations: Value,
}

const ALERTS: &str = "charts/carnet/monitoring/alerts.yaml";

fn alerts() -> Vec<Alert> {
    let file: Value = serde_saphyr::from_str(&text(ALERTS)).expect("the alerts are YAML");
    let groups = file["groups"].as_array().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    let of =
        |rule: &Value, path: &str| rule.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    rules
        .map(|rule| Alert {
            name: of(rule, "/alert"),
            expression: of(rule, "/expr"),
            severity: of(rule, "/labels/severity"),
            annotations: rule["annotations"].clone(),
        })
        .collect()
}
