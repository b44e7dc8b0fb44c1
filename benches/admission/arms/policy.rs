//! The rule as a ValidatingAdmissionPolicy, with its claims as a parameter: judged inside the API server.

use std::collections::BTreeMap;

use anyhow::Result;
use carnet::testbed::install;
use kube::Client;
use serde_json::{Value, json};

use super::super::rule::{ALLOWED, CLAIMED, CLAIMS, REGION, secret};

/// The policy.
pub const NAME: &str = "pinned-to-region.example.com";

/// The names of the Secrets that a Pod refers to, those of `claimed` alone, in CEL; `claimed` takes `NAME`.
pub fn uses(claimed: &str) -> String {
    let is = |name: &str| claimed.replace("NAME", name);
    let container = format!(
        "c.?envFrom.orValue([]).exists(e, has(e.secretRef) && {}) || \
         c.?env.orValue([]).exists(e, has(e.valueFrom) && has(e.valueFrom.secretKeyRef) && {})",
        is("e.secretRef.?name.orValue('')"),
        is("e.valueFrom.secretKeyRef.?name.orValue('')")
    );
    format!(
        "object.spec.containers.exists(c, {container}) || \
         object.spec.?initContainers.orValue([]).exists(c, {container}) || \
         object.spec.?volumes.orValue([]).exists(v, (has(v.secret) && {}) || (has(v.projected) && \
         v.projected.?sources.orValue([]).exists(s, has(s.secret) && {}))) || \
         object.spec.?imagePullSecrets.orValue([]).exists(p, {})",
        is("v.secret.?secretName.orValue('')"),
        is("s.secret.?name.orValue('')"),
        is("p.?name.orValue('')")
    )
}

/// Whether a Pod is pinned to regions that are allowed, in CEL.
pub fn pinned() -> String {
    let regions = ALLOWED.map(|region| format!("'{region}'")).join(", ");
    format!(
        "object.spec.?nodeSelector[?'{REGION}'].orValue('') in [{regions}] || \
         [object.spec.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution.?nodeSelectorTerms.orValue([])]\
         .exists(ts, size(ts) > 0 && ts.all(t, t.?matchExpressions.orValue([]).exists(m, m.key == '{REGION}' && \
         m.operator == 'In' && m.?values.orValue([]).all(r, r in [{regions}]))))"
    )
}

/// Installs the policy.
pub async fn install(client: &Client) -> Result<()> {
    let data: BTreeMap<String, String> = (0..CLAIMS).map(|n| (secret(n), String::new())).collect();
    let objects: [Value; 3] = [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "claims", "namespace": CLAIMED}, "data": data}),
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": NAME},
            "spec": {"failurePolicy": "Fail", "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
                "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                    "operations": ["CREATE"]}]},
                "validations": [{"expression": format!("!({}) || {}", uses("NAME in params.data"), pinned()),
                    "message": "this Pod uses a claimed Secret and is not pinned to an allowed region"}]}}),
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": NAME},
            "spec": {"policyName": NAME, "validationActions": ["Deny"],
                "paramRef": {"name": "claims", "parameterNotFoundAction": "Allow"}}}),
    ];
    Ok(install::apply(client, &objects).await?)
}
