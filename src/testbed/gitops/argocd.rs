//! Argo CD: its application controller and its repo server, with a Redis of Debian's between them. The repository is a
//! directory of this machine, read by its `file://` address.

use std::{net::SocketAddr, path::Path, time::Duration};

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    config::Kubeconfig,
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use super::Programs;
use crate::testbed::{
    access::Access,
    binaries::system,
    error::{TestbedError, make_dir},
    install,
    process::{Guard, Program, Spawner, wait_for},
};

/// The namespace of its objects.
pub const NAMESPACE: &str = "argocd";

/// An Argo CD that runs; dropping it ends it.
pub struct ArgoCd {
    guards: Vec<Guard>,
    client: Client,
    server: String,
}

// === impl ArgoCd ===

impl ArgoCd {
    /// Installs its definitions and settings (`health`: entries for its ConfigMap `argocd-cm`) and starts it; `dir` takes
    /// its logs and what its repo server keeps.
    pub async fn start(
        access: &Access,
        dir: &Path,
        health: &[(String, String)],
    ) -> Result<Self, TestbedError> {
        let programs = Programs::find()?;
        let client = access.client_admin().await?;
        install::define(&client, &install::directory(&programs.path("crds/argocd")?)?).await?;
        let server = settle(access, &client, health).await?;

        let address = || install::free_address(access.host());
        let (redis, repo) = (address()?, address()?);
        let spawner = Spawner::start()?;
        let store = Program::new("redis", &system("redis-server", "as root, run hack/gitops/apt.sh")?, dir)
            .args(["--bind", &redis.ip().to_string(), "--port", &redis.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(dir);
        let mut guards = vec![spawner.spawn(store)?];
        let work = dir.join("argocd-work");
        make_dir(&work)?;
        let common = |name: &str| -> Result<Program, TestbedError> {
            Ok(Program::new(name, &programs.path("argocd")?, dir)
                .env("ARGOCD_BINARY_NAME", name)
                .env("KUBECONFIG", access.kubeconfig_admin())
                .env("PATH", programs.search_path()?)
                .env("TMPDIR", &work)
                .env("HOME", &work)
                .env("ARGOCD_GPG_ENABLED", "false")
                .env("ARGOCD_TLS_DATA_PATH", work.join("tls"))
                .env("ARGOCD_SSH_DATA_PATH", work.join("ssh"))
                .env("ARGOCD_PLUGINSOCKFILEPATH", work.join("plugins")))
        };
        let metrics = address()?;
        let repo_server = common("argocd-repo-server")?
            .args(["--disable-tls", "--client-ca-path", "", "--redis", &redis.to_string()])
            .args(["--address", &repo.ip().to_string(), "--port", &repo.port().to_string()])
            .args([
                "--metrics-address",
                &metrics.ip().to_string(),
                "--metrics-port",
                &metrics.port().to_string(),
            ]);
        guards.push(spawner.spawn(repo_server)?);
        listening("Argo CD's repo server", repo, &mut guards).await?;
        let metrics = address()?;
        let controller = common("argocd-application-controller")?
            .args(["--namespace", NAMESPACE, "--kubeconfig"])
            .arg(access.kubeconfig_admin())
            .args([
                "--repo-server",
                &repo.to_string(),
                "--repo-server-plaintext",
                "--redis",
                &redis.to_string(),
            ])
            .args(["--app-resync", "10", "--metrics-port", &metrics.port().to_string()]);
        guards.push(spawner.spawn(controller)?);
        Ok(Self { guards, client, server })
    }

    /// Applies an Application of this `source` in the repository at `url`, synced by itself.
    pub async fn application(&self, name: &str, url: &str, source: Value) -> Result<(), TestbedError> {
        self.application_in(name, "default", url, source).await
    }

    /// Like [`ArgoCd::application`], for a namespace.
    pub async fn application_in(
        &self,
        name: &str,
        namespace: &str,
        url: &str,
        source: Value,
    ) -> Result<(), TestbedError> {
        let mut from = json!({"repoURL": url, "targetRevision": "HEAD"});
        if let (Some(from), Value::Object(source)) = (from.as_object_mut(), source) {
            from.extend(source);
        }
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "project": "default", "source": from,
                "destination": {"server": self.server, "namespace": namespace},
                "syncPolicy": {
                    "automated": {"prune": true, "selfHeal": true},
                    "syncOptions": ["ServerSideApply=true", "CreateNamespace=true"],
                    "retry": {"limit": 8, "backoff": {"duration": "1s", "factor": 1, "maxDuration": "5s"}},
                },
            },
        });
        install::apply(&self.client, &[object]).await
    }

    /// Asks it to look at the repository now.
    pub async fn refresh(&self, name: &str) -> Result<(), TestbedError> {
        let patch = json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}});
        self.applications()
            .patch(name, &kube::api::PatchParams::default(), &kube::api::Patch::Merge(&patch))
            .await
            .map(drop)
            .map_err(TestbedError::api(format!("refresh Application {name}")))
    }

    /// Waits until the status of an Application is as wanted, and answers it.
    pub async fn status(
        &mut self,
        name: &str,
        what: &str,
        seconds: u64,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value, TestbedError> {
        let api = self.applications();
        let limit = Duration::from_secs(seconds);
        wait_for(&format!("{what} of Application {name}"), limit, &mut self.guards, async || {
            let found = api.get(name).await.map_err(|e| e.to_string())?;
            let status = found.data.get("status").cloned().unwrap_or_default();
            if wanted(&status) {
                return Ok(status);
            }
            Err(format!(
                "sync {} health {} operation {}: {}; {}",
                status["sync"]["status"],
                status["health"]["status"],
                status["operationState"]["phase"],
                status["operationState"]["message"],
                unsettled(&status),
            ))
        })
        .await
    }

    fn applications(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
        Api::namespaced_with(self.client.clone(), NAMESPACE, &ApiResource::from_gvk(&kind))
    }

    /// The last lines of its logs.
    pub fn log_end(&self) -> String {
        self.guards.iter().map(|guard| format!("{}\n", guard.log_end())).collect()
    }
}

/// The objects of an Application that are not as they should be.
fn unsettled(status: &Value) -> String {
    let resources = status["resources"].as_array().into_iter().flatten();
    let others = resources.filter(|r| {
        r["status"] != "Synced" || !matches!(r["health"]["status"].as_str(), None | Some("Healthy"))
    });
    others.map(|r| format!("{} {}: {} {}; ", r["kind"], r["name"], r["status"], r["health"])).collect()
}

/// Writes its settings; answers the address by which Applications name the cluster.
async fn settle(
    access: &Access,
    client: &Client,
    health: &[(String, String)],
) -> Result<String, TestbedError> {
    let path = access.kubeconfig_admin();
    let kubeconfig = Kubeconfig::read_from(path).map_err(|source| TestbedError::Kubeconfig {
        path: path.display().to_string(),
        source: Box::new(source),
    })?;
    let cluster = kubeconfig.clusters.first().and_then(|c| c.cluster.clone()).unwrap_or_default();
    let user = kubeconfig.auth_infos.first().and_then(|u| u.auth_info.clone()).unwrap_or_default();
    let server = cluster.server.unwrap_or_default();
    let config = json!({"tlsClientConfig": {
        "caData": cluster.certificate_authority_data,
        "certData": user.client_certificate_data,
        "keyData": kubeconfig_key(&serde_json::to_value(&kubeconfig).unwrap_or_default()),
    }});
    let labels = json!({"app.kubernetes.io/part-of": "argocd"});
    let map = |name: &str, data: Value| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
               "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}})
    };
    let mut settings = serde_json::Map::new();
    settings.insert("timeout.reconciliation".into(), json!("5s"));
    settings.insert("timeout.reconciliation.jitter".into(), json!("0s"));
    settings.extend(health.iter().map(|(name, text)| (name.clone(), json!(text))));
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        map("argocd-cm", Value::Object(settings)),
        json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"server.secretkey": "a-key-of-a-test"},
               "metadata": {"name": "argocd-secret", "namespace": NAMESPACE, "labels": labels}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cluster", "namespace": NAMESPACE,
               "labels": {"argocd.argoproj.io/secret-type": "cluster"}},
               "stringData": {"name": "test", "server": server, "config": config.to_string()}}),
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
               "metadata": {"name": "default", "namespace": NAMESPACE},
               "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
                        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}}),
    ];
    let others = ["rbac-cm", "gpg-keys-cm", "ssh-known-hosts-cm", "tls-certs-cm", "cmd-params-cm"];
    objects.extend(others.map(|name| map(&format!("argocd-{name}"), json!({}))));
    install::apply(client, &objects).await?;
    Ok(server)
}

/// The key is kept out of debug output by its type, and read where it is written.
fn kubeconfig_key(kubeconfig: &Value) -> Value {
    kubeconfig.pointer("/users/0/user/client-key-data").cloned().unwrap_or_default()
}

async fn listening(what: &str, address: SocketAddr, guards: &mut [Guard]) -> Result<(), TestbedError> {
    wait_for(what, Duration::from_mins(1), guards, async || {
        tokio::net::TcpStream::connect(address).await.map(drop).map_err(|e| e.to_string())
    })
    .await
}
