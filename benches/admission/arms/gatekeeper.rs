//! The rule as a Gatekeeper constraint: Rego, with claims and regions as the constraint's parameters.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::Result;
use carnet::testbed::{Authority, Beside, accounts::until, install};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use serde_json::{Map, Value, json};

use super::{
    super::{
        arm::{Arm, Dirs, Judge, on_its_core, write_identity},
        corpus::Item,
        plane::Plane,
        rule::{ALLOWED, REGION, claims},
    },
    webhook,
};

const NAMESPACE: &str = "gatekeeper-system";
const KIND: &str = "PinnedToRegion";
/// The constraint.
pub const NAME: &str = "claimed-secrets";

/// Secrets by every reference that the corpus makes, each name once; looked up among the claims by key.
const REGO: &str = r#"package pinnedtoregion

violation[{"msg": msg}] {
  used[name]
  input.parameters.claims[concat("/", [input.review.namespace, name])]
  not pinned
  msg := sprintf("Secret %v is claimed: pin the Pod to one of %v", [name, input.parameters.regions])
}

lists := {"containers", "initContainers"}

used[name] { name := input.review.object.spec[lists[_]][_].envFrom[_].secretRef.name }
used[name] { name := input.review.object.spec[lists[_]][_].env[_].valueFrom.secretKeyRef.name }
used[name] { name := input.review.object.spec.volumes[_].secret.secretName }
used[name] { name := input.review.object.spec.volumes[_].projected.sources[_].secret.name }
used[name] { name := input.review.object.spec.imagePullSecrets[_].name }

pinned { allowed[input.review.object.spec.nodeSelector["REGION"]] }

pinned {
  terms := input.review.object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms
  count(terms) > 0
  count([term | term := terms[_]; not within(term)]) == 0
}

within(term) {
  expression := term.matchExpressions[_]
  expression.key == "REGION"
  expression.operator == "In"
  count([value | value := expression.values[_]; not allowed[value]]) == 0
}

allowed[region] { region := input.parameters.regions[_] }
"#;

/// Starts Gatekeeper on an API server of its own.
pub async fn start(plane: Plane, dirs: &Dirs, probes: &[Item]) -> Result<Judge> {
    let client = plane.client.clone();
    install::define(&client, &install::directory(&dirs.peers.join("crds/gatekeeper"))?).await?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    install::apply(&client, &[namespace, template()]).await?;

    let host: IpAddr = plane.access().host();
    let authority = Authority::new("gatekeeper")?;
    let certificates = dirs.work.join("gatekeeper-certs");
    write_identity(&certificates, &authority.server("gatekeeper", &[host], &[])?)?;
    // Its audit defines the constraint's kind, as a process of its own; it is not needed any more then.
    let definer = process("gatekeeper-audit", &plane, dirs, &certificates, &["generate", "status"])?.0;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let definition = format!("{}.constraints.gatekeeper.sh", KIND.to_lowercase());
    until("Gatekeeper to define the constraint's kind", 90, || definitions.get_opt(&definition)).await?;
    drop(definer);
    // Defined is not yet served.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (process, addr) = process("gatekeeper", &plane, dirs, &certificates, &["webhook"])?;
    let url = format!("https://{addr}/v1/admit");
    install::apply(&client, &[constraint(&ALLOWED), webhook("gatekeeper", &url, authority.certificate())])
        .await?;
    Judge::ready(Arm::Gatekeeper, plane, process, ("gatekeeper", "pods.gatekeeper.example.com"), probes).await
}

/// Gatekeeper for these operations, and where its webhooks are. As its manifests start it; mutation and audit itself, which the
/// rule does not need, are left out.
fn process(
    name: &str,
    plane: &Plane,
    dirs: &Dirs,
    certificates: &Path,
    operations: &[&str],
) -> Result<(Beside, SocketAddr)> {
    let host = plane.access().host();
    let [addr, health, metrics] = [(); 3].map(|()| install::free_address(host));
    let (addr, health, metrics) = (addr?, health?, metrics?);
    let mut argv = on_its_core(&dirs.peers.join("gatekeeper"));
    argv.extend(
        [
            format!("--kubeconfig={}", plane.access().kubeconfig_admin().display()),
            format!("--host={host}"),
            format!("--port={}", addr.port()),
            format!("--cert-dir={}", certificates.display()),
            format!("--health-addr={health}"),
            format!("--prometheus-port={}", metrics.port()),
            format!("--exempt-namespace={NAMESPACE}"),
            "--disable-opa-builtin={http.send}".to_owned(),
            "--disable-cert-rotation".to_owned(),
            "--debug-use-fake-pod".to_owned(),
        ]
        .map(Into::into),
    );
    argv.extend(operations.iter().map(|operation| format!("--operation={operation}").into()));
    let env = [("POD_NAMESPACE", NAMESPACE.into()), ("GOMAXPROCS", "1".into())];
    Ok((Beside::start(name, argv, &env, &dirs.work)?, addr))
}

fn template() -> Value {
    json!({"apiVersion": "templates.gatekeeper.sh/v1", "kind": "ConstraintTemplate",
        "metadata": {"name": KIND.to_lowercase()},
        "spec": {"crd": {"spec": {"names": {"kind": KIND}, "validation": {"openAPIV3Schema": {"type": "object",
            "properties": {
                "claims": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "regions": {"type": "array", "items": {"type": "string"}}}}}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": REGO.replace("REGION", REGION)}]}})
}

/// The constraint, with these regions allowed.
pub fn constraint(regions: &[&str]) -> Value {
    let claims: Map<String, Value> = claims().into_iter().map(|claim| (claim, Value::Bool(true))).collect();
    json!({"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": KIND, "metadata": {"name": NAME},
        "spec": {"match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]},
            "parameters": {"claims": claims, "regions": regions}}})
}
