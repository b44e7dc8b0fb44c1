//! What the chart installs beside its defaults, for a test cluster.

use std::{net::SocketAddr, path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    binaries::Binaries,
    error::TestbedError,
    install::{NAMESPACE, SERVICE_ACCOUNT, documents_of, point_webhooks},
    process::run,
};

/// The operator's rights, those to write reports among them, and, where there is one, the webhook that steers, as the chart
/// has them with these values.
///
/// The rights get a name of their own: what is installed by default is applied after them.
pub fn more(project: &Path, values: &[&str], webhook: SocketAddr) -> Result<Vec<Value>, TestbedError> {
    let mut helm = Command::new(Binaries::find()?.path("helm")?);
    helm.args(["template", "carnet"]).arg(project.join("charts/carnet")).args(["--namespace", NAMESPACE]);
    for value in values {
        helm.args(["--set", value]);
    }
    let rendered = documents_of(&run("render the chart", &mut helm)?, "the chart")?;
    let is =
        |object: &Value, kind: &str, name: &str| object["kind"] == kind && object["metadata"]["name"] == name;
    let mut all = vec![json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "carnet-operator-more"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "carnet-operator-more"},
        "subjects": [{"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE}]})];
    for mut object in rendered {
        if is(&object, "ClusterRole", SERVICE_ACCOUNT) {
            object["metadata"]["name"] = "carnet-operator-more".into();
            all.push(object);
        } else if is(&object, "MutatingWebhookConfiguration", "carnet") {
            point_webhooks(&mut object, webhook);
            all.push(object);
        } else if ["ClusterRole", "ClusterRoleBinding"]
            .iter()
            .any(|kind| is(&object, kind, "carnet-open-reports"))
        {
            all.push(object);
        }
    }
    Ok(all)
}
