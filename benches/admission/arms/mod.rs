//! The rule in each arm's own words, and how each arm is started.

pub mod gatekeeper;
pub mod kyverno;
pub mod operator;
pub mod policy;
pub mod unseeing;

use k8s_openapi::ByteString;
use serde_json::{Value, json};

/// A configuration that has Pods judged at this URL, as both peers' charts have it, with Carnet's time-out.
fn webhook(name: &str, url: &str, authority: &str) -> Value {
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{"name": format!("pods.{name}.example.com"),
            "clientConfig": {"url": url, "caBundle": ByteString(authority.as_bytes().to_vec())},
            "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 5, "failurePolicy": "Fail",
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"],
                "scope": "*"}]}]})
}
