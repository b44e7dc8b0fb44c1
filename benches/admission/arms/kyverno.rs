//! The rule as a Kyverno ValidatingPolicy: CEL, with the claims as a variable.

use std::net::IpAddr;

use anyhow::Result;
use carnet::testbed::{Authority, Beside, install};
use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::{
    super::{
        arm::{Arm, Dirs, Judge, on_its_core},
        corpus::Item,
        plane::Plane,
        rule::claims,
    },
    policy::{pinned, uses},
    webhook,
};

const NAMESPACE: &str = "kyverno";
const POLICY: &str = "pinned-to-region";
const PAIR: &str = "kyverno-svc.kyverno.svc.kyverno-tls-pair";
const AUTHORITY: &str = "kyverno-svc.kyverno.svc.kyverno-tls-ca";

/// Starts Kyverno's admission controller on an API server of its own.
pub async fn start(plane: Plane, dirs: &Dirs, probes: &[Item]) -> Result<Judge> {
    let client = plane.client.clone();
    install::define(&client, &install::directory(&dirs.peers.join("crds/kyverno"))?).await?;
    let host: IpAddr = plane.access().host();
    let authority = Authority::new("kyverno")?;
    let pair = authority.server("kyverno-svc", &[host], &[])?;
    install::apply(&client, &around(authority.certificate(), &pair.certificate, &pair.key)).await?;

    let addr = install::free_address(host)?;
    let metrics = install::free_address(host)?;
    let mut argv = on_its_core(&dirs.peers.join("kyverno"));
    // As its chart starts it, but for what it would write for itself: reports and Events cost it more, not less.
    argv.extend(
        [
            format!("--kubeconfig={}", plane.access().kubeconfig_admin().display()),
            format!("--serverIP={addr}"),
            format!("--webhookServerHost={host}"),
            format!("--webhookServerPort={}", addr.port()),
            format!("--metricsHost={host}"),
            format!("--metricsPort={}", metrics.port()),
            format!("--caSecretName={AUTHORITY}"),
            format!("--tlsSecretName={PAIR}"),
            "--controllerRuntimeMetricsAddress=0".to_owned(),
            "--disableCertManagerController=true".to_owned(),
            "--autoUpdateWebhooks=false".to_owned(),
            "--admissionReports=false".to_owned(),
            "--omitEvents=PolicyViolation,PolicyApplied,PolicyError,PolicySkipped".to_owned(),
            "--generateValidatingAdmissionPolicy=false".to_owned(),
        ]
        .map(Into::into),
    );
    let env = [
        ("KYVERNO_NAMESPACE", NAMESPACE),
        ("KYVERNO_SERVICEACCOUNT_NAME", "kyverno-admission-controller"),
        ("KYVERNO_DEPLOYMENT", "kyverno-admission-controller"),
        ("KYVERNO_POD_NAME", "kyverno-0"),
        ("KYVERNO_SVC", "kyverno-svc"),
        ("INIT_CONFIG", "kyverno"),
        ("METRICS_CONFIG", "kyverno-metrics"),
        ("GOMAXPROCS", "1"),
    ]
    .map(|(name, value)| (name, value.into()));
    let process = Beside::start("kyverno", argv, &env, &dirs.work)?;
    let url = format!("https://{addr}/vpol/{POLICY}");
    install::apply(&client, &[policy(), webhook("kyverno-bench", &url, authority.certificate())]).await?;
    let names = ("kyverno-bench", "pods.kyverno-bench.example.com");
    Judge::ready(Arm::Kyverno, plane, process, names, probes).await
}

/// What it reads of its namespace.
fn around(authority: &str, certificate: &str, key: &str) -> [Value; 5] {
    let bytes = |pem: &str| ByteString(pem.as_bytes().to_vec());
    let secret = |name: &str, data: Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": NAMESPACE}, "data": data})
    };
    let map = |name: &str, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data});
    [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        map(
            "kyverno",
            json!({"resourceFilters": "[*/*,kyverno,*] [Event,*,*] [*/*,kube-system,*]",
            "excludeGroups": "system:nodes", "generateSuccessEvents": "false"}),
        ),
        map("kyverno-metrics", json!({"namespaces": "{\"exclude\": [], \"include\": []}"})),
        secret(AUTHORITY, json!({"tls.crt": bytes(authority), "tls.key": bytes(key)})),
        secret(PAIR, json!({"tls.crt": bytes(certificate), "tls.key": bytes(key)})),
    ]
}

fn policy() -> Value {
    let claims: Vec<String> = claims().into_iter().map(|claim| format!("'{claim}': true")).collect();
    let uses = uses("(request.namespace + '/' + NAME) in variables.claims");
    json!({"apiVersion": "policies.kyverno.io/v1beta1", "kind": "ValidatingPolicy", "metadata": {"name": POLICY},
        "spec": {"failurePolicy": "Fail", "validationActions": ["Deny"],
            "autogen": {"podControllers": {"controllers": []}},
            "evaluation": {"admission": {"enabled": true}, "background": {"enabled": false}},
            "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                "operations": ["CREATE"]}]},
            "variables": [{"name": "claims", "expression": format!("{{{}}}", claims.join(", "))}],
            "validations": [{"expression": format!("!({uses}) || {}", pinned()),
                "message": "this Pod uses a claimed Secret and is not pinned to an allowed region"}]}})
}
