//! Flux: its kustomize-controller. The artifact that its source-controller would publish is published by the test, so that
//! one engine less has to be built; what is fetched, applied, waited for and pruned is the real controller's doing.

use std::{path::Path, time::Duration};

use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use super::Programs;
use crate::testbed::{
    access::Access,
    error::TestbedError,
    install,
    process::{Guard, Program, Spawner, wait_for},
};

/// The namespace of its objects.
pub const NAMESPACE: &str = "flux-system";

/// A tarball under an address, as a source-controller would tell of it.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Where it can be fetched.
    pub url: String,
    /// `sha256:...` of the tarball.
    pub digest: String,
    /// What Flux calls this state of the source.
    pub revision: String,
    /// Bytes.
    pub size: u64,
}

/// A kustomize-controller that runs; dropping it ends it.
pub struct Flux {
    guards: Vec<Guard>,
    client: Client,
}

// === impl Flux ===

impl Flux {
    /// Installs its definitions and starts it with these flags beside its usual ones; `dir` takes its log.
    pub async fn start(access: &Access, dir: &Path, flags: &[&str]) -> Result<Self, TestbedError> {
        let programs = Programs::find()?;
        let client = access.client_admin().await?;
        install::define(&client, &install::directory(&programs.path("crds/flux")?)?).await?;
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        install::apply(&client, &[namespace]).await?;
        let metrics = install::free_address(access.host())?;
        let health = install::free_address(access.host())?;
        let program = Program::new("kustomize-controller", &programs.path("kustomize-controller")?, dir)
            .args(["--enable-leader-election=false", "--watch-all-namespaces", "--log-level=debug"])
            .args([format!("--metrics-addr={metrics}"), format!("--health-addr={health}")])
            .args(flags)
            .env("KUBECONFIG", access.kubeconfig_admin())
            .env("RUNTIME_NAMESPACE", NAMESPACE)
            .env("PATH", programs.search_path()?);
        let guards = vec![Spawner::start()?.spawn(program)?];
        Ok(Self { guards, client })
    }

    /// Tells of a new state of the source `name`.
    pub async fn publish(&self, name: &str, artifact: &Artifact) -> Result<(), TestbedError> {
        let Artifact { url, digest, revision, size } = artifact;
        let source = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {"interval": "1h", "url": "https://git.example.com/carnet", "ref": {"branch": "main"}},
        });
        install::apply(&self.client, &[source]).await?;
        let now = jiff::Timestamp::now();
        let status = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "status": {
            "observedGeneration": 1,
            "artifact": {"path": name, "url": url, "digest": digest, "revision": revision, "size": size,
                         "lastUpdateTime": now},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored artifact",
                            "lastTransitionTime": now, "observedGeneration": 1}],
        }});
        api(&self.client, "source.toolkit.fluxcd.io", "v1", "GitRepository")
            .patch_status(name, &PatchParams::apply("carnet-testbed").force(), &Patch::Apply(&status))
            .await
            .map(drop)
            .map_err(TestbedError::api(format!("publish an artifact of GitRepository {name}")))
    }

    /// Applies a Kustomization of `path` in the source `source`.
    pub async fn kustomization(
        &self,
        name: &str,
        source: &str,
        path: &str,
        more: Value,
    ) -> Result<(), TestbedError> {
        let mut spec = json!({
            "interval": "1h", "retryInterval": "2s", "timeout": "20s", "prune": true, "wait": true,
            "path": path, "sourceRef": {"kind": "GitRepository", "name": source},
        });
        if let (Some(spec), Value::Object(more)) = (spec.as_object_mut(), more) {
            spec.extend(more);
        }
        let object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
        });
        install::apply(&self.client, &[object]).await
    }

    /// Deletes a Kustomization and waits until Flux has taken away what it takes away with it.
    pub async fn delete(&mut self, name: &str, seconds: u64) -> Result<(), TestbedError> {
        let api = api(&self.client, "kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
        let attempt = TestbedError::api(format!("delete Kustomization {name}"));
        api.delete(name, &DeleteParams::default()).await.map_err(attempt)?;
        let limit = Duration::from_secs(seconds);
        wait_for(&format!("Kustomization {name} to be gone"), limit, &mut self.guards, async || {
            match api.get_opt(name).await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err("it is still there".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
    }

    /// Waits until Flux has said its word (`Ready` is True or False, and not because it still works) on this revision.
    /// Answers the status of `Ready`, its reason and its message.
    pub async fn verdict(
        &mut self,
        name: &str,
        revision: &str,
        seconds: u64,
        wanted: impl Fn(&str, &str, &str) -> bool,
    ) -> Result<(String, String, String), TestbedError> {
        let api = api(&self.client, "kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
        let limit = Duration::from_secs(seconds);
        wait_for(&format!("Flux's word on {name}"), limit, &mut self.guards, async || {
            let found = api.get(name).await.map_err(|e| e.to_string())?;
            let status = found.data.get("status").cloned().unwrap_or_default();
            let tried = status["lastAttemptedRevision"].as_str().unwrap_or_default().to_owned();
            let (answer, reason, message) = ready(&status);
            let said = format!("Ready={answer} {reason}: {message} (revision {tried})");
            if tried == revision && wanted(&answer, &reason, &message) {
                Ok((answer, reason, message))
            } else {
                Err(said)
            }
        })
        .await
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        self.guards.iter().map(Guard::log_end).collect()
    }
}

fn ready(status: &Value) -> (String, String, String) {
    let text = |c: &Value, field: &str| c[field].as_str().unwrap_or_default().to_owned();
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let found = conditions
        .filter(|c| c["type"] == "Ready")
        .map(|c| (text(c, "status"), text(c, "reason"), text(c, "message")));
    found.reduce(|_, last| last).unwrap_or_default()
}

fn api(client: &Client, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let resource = if kind == "GitRepository" {
        ApiResource { plural: "gitrepositories".into(), ..resource }
    } else {
        resource
    };
    Api::namespaced_with(client.clone(), NAMESPACE, &resource)
}
