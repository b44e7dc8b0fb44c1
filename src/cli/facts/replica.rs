//! What a replica says of itself, through the API server.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Client, ResourceExt, core::Request};

use super::Asked;
use crate::platform::status::{API_VERSION, OperatorStatus};

/// Where the report is, unless the Pod names its port.
const PORT: i32 = 8080;
/// How long a replica may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// A replica.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Name of its Pod.
    pub pod: String,
    /// Its report.
    pub answer: Asked<OperatorStatus>,
    /// Whether nobody may ask it by us: a right that is missing is no finding about Carnet.
    pub forbidden: bool,
}

/// Asks a replica by the proxy of the API server: nothing is opened on this machine, and rights decide.
pub async fn ask(client: &Client, pod: &Pod) -> Replica {
    let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
    let target = format!("{name}:{}", port(pod));
    let request =
        Request::new(format!("/api/v1/namespaces/{namespace}/pods")).get_subresource("proxy/status", &target);
    let request = match request {
        Ok(request) => request,
        Err(error) => return Replica { pod: name, answer: Err(error.to_string()), forbidden: false },
    };
    let Ok(answer) = tokio::time::timeout(PATIENCE, client.request_text(request)).await else {
        let why = format!("no answer within {} s", PATIENCE.as_secs());
        return Replica { pod: name, answer: Err(why), forbidden: false };
    };
    match answer {
        Ok(text) => Replica { pod: name, answer: read(&text), forbidden: false },
        Err(kube::Error::Api(status)) if status.code == 403 => {
            let forbidden = is_a_missing_right(&status.message);
            let why = if forbidden {
                format!("you may not `get pods/proxy` in namespace {namespace}")
            } else {
                let said = status.message.lines().next().unwrap_or_default().trim().to_owned();
                let said = if said.is_empty() { "without a word".into() } else { said };
                format!("403 Forbidden, though no right of yours is missing; who answered says: {said}")
            };
            Replica { pod: name, answer: Err(why), forbidden }
        }
        Err(error) => Replica { pod: name, answer: Err(error.to_string()), forbidden: false },
    }
}

/// Whether the API server itself refuses, and because of a right. Whatever stands between it and the Pod (a mesh, a proxy, an
/// admission policy for the proxy) can answer with the same code, and in its own words.
fn is_a_missing_right(message: &str) -> bool {
    message.contains("cannot get resource \"pods/proxy\"")
}

fn read(text: &str) -> Asked<OperatorStatus> {
    let status: OperatorStatus =
        serde_json::from_str(text).map_err(|e| format!("its report cannot be read: {e}"))?;
    if status.api_version == API_VERSION {
        Ok(status)
    } else {
        Err(format!("its report is {}, this kubectl-carnet reads {API_VERSION}", status.api_version))
    }
}

fn port(pod: &Pod) -> i32 {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
    ports.find(|port| port.name.as_deref() == Some("metrics")).map_or(PORT, |port| port.container_port)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_port_is_the_pod_s_own_where_it_names_one() {
        let pod = |ports| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": "a"},
                "spec": {"containers": [{"name": "operator", "ports": ports}]}}))
            .unwrap()
        };
        assert_eq!(port(&pod(json!([{"name": "metrics", "containerPort": 9090}]))), 9090);
        assert_eq!(port(&pod(json!([{"name": "webhook", "containerPort": 9443}]))), PORT);
    }

    #[test]
    fn a_403_is_a_missing_right_only_where_the_api_server_says_so() {
        let of_rbac = "pods \"carnet-a:8080\" is forbidden: User \"dpo\" cannot get resource \"pods/proxy\" in API group \
                       \"\" in the namespace \"carnet-system\"";
        assert!(is_a_missing_right(of_rbac));
        for other in [
            "RBAC: access denied",
            "",
            "<html>Forbidden</html>",
            "pods \"carnet-a:8080\" is forbidden: policy x",
        ] {
            assert!(!is_a_missing_right(other), "{other}");
        }
    }

    #[test]
    fn a_report_of_another_version_is_refused_by_name() {
        let text = json!({"apiVersion": "status.carnet.dev/v9", "version": "9", "lawPack": "x", "mode": "Warn",
            "replica": "a", "leads": false, "now": "", "enforcement": {"state": "Intact"},
            "caches": {"loaded": true}, "exemptNamespaces": [], "erasureNamespaces": []});
        assert!(read(&text.to_string()).unwrap_err().contains("status.carnet.dev/v9"));
    }
}
