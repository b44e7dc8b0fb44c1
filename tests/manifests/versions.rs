//! Versions that must go together.

use std::fs;

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::json;

fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `v1_37` for 1.37.2.
fn feature_of(version: &str) -> String {
    let minor: Vec<&str> = version.trim().trim_start_matches('v').split('.').take(2).collect();
    format!("v{}", minor.join("_"))
}

#[test]
fn the_api_that_is_compiled_in_is_that_of_the_test_cluster() {
    let wanted = feature_of(&read("hack/cluster/VERSION"));
    let manifest = read("Cargo.toml");
    let line = manifest.lines().find(|l| l.starts_with("k8s-openapi = ")).expect("a line for k8s-openapi");
    assert!(line.contains(&format!("\"{wanted}\"")), "{line} has not the feature {wanted}");
}

#[test]
fn a_field_that_came_with_this_version_is_read_and_not_dropped() {
    // `restartPolicyRules` came with 1.34, `hostnameOverride` with 1.34, `protocol` of a probe with 1.37.
    let fields = json!({"hostnameOverride": "other", "containers": [{"name": "app",
        "restartPolicyRules": [{"action": "Restart"}],
        "livenessProbe": {"httpGet": {"port": 80, "protocol": "HTTP2"}}}]});
    let spec: PodSpec = serde_json::from_value(fields.clone()).expect("a Pod's spec");
    assert_eq!(serde_json::to_value(&spec).expect("JSON"), fields);
}

#[test]
fn the_documents_claim_the_version_that_was_tried_and_no_other() {
    let version = read("hack/cluster/VERSION");
    let minor = version.split('.').take(2).collect::<Vec<_>>().join(".");
    let install = read("docs/install.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let claim = format!("Carnet is tried with Kubernetes {minor} (`hack/cluster/VERSION`) and with no other");
    assert!(install.contains(&claim), "`{claim}` is not in docs/install.md");
    // What the API kinds need is another matter, and said as such.
    let least = read("charts/carnet/Chart.yaml");
    let least = least.lines().find_map(|l| l.strip_prefix("kubeVersion: \">=")).expect("the least version");
    let least = least.trim_end_matches(".0-0\"");
    assert!(
        install.contains(&format!("there from {least} on, and the chart refuses what is older")),
        "{least}"
    );
}
