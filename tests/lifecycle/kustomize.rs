//! The same without Helm: `kubectl apply -k deploy/`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::accounts::{Accounts, STORE_NAMESPACE};

use crate::{
    cases,
    world::{NAMESPACE, World, project},
};

cases![
    kubectl_installs_it_and_a_pod_is_refused_and_admitted_under_a_safeguard,
    what_kubectl_installed_deletes_from_plan_to_proof_and_is_uninstalled,
];

/// A kustomization of one's own, as the documents say it: what is shipped, and two flags more.
const OWN: &str = "
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [DEPLOY/overlays/enforce]
patches:
- target: {kind: Deployment, name: carnet-operator}
  patch: |-
    - {op: add, path: /spec/template/spec/containers/0/args/-, value: --claims-from=identity}
    - {op: add, path: /spec/template/spec/containers/0/args/-, value: --erasure-namespaces=identity}
";

async fn kubectl_installs_it_and_a_pod_is_refused_and_admitted_under_a_safeguard(
    w: Arc<World>,
) -> Result<()> {
    w.present_by_kubectl().await?;
    w.accounts().await?.declare(&w.admin).await?;
    Accounts::refused(&w.admin, 20).await?;
    w.an_unrelated_pod_runs("unrelated", "us1").await?;
    w.admitted_under_a_safeguard().await
}

async fn what_kubectl_installed_deletes_from_plan_to_proof_and_is_uninstalled(w: Arc<World>) -> Result<()> {
    let rendered = w.present_by_kubectl().await?;
    w.accounts().await?.declare(&w.admin).await?;
    w.deleted_from_plan_to_proof().await?;
    let before = w.declared_objects().await?;
    ensure!(before.iter().any(|o| o.starts_with("DeletionRun")), "no evidence: {before:?}");
    // As docs/uninstall.md has it: all but the definitions and the namespace.
    let but = "app.kubernetes.io/component notin (definition, namespace)";
    w.tools.kubectl(&["delete", "--ignore-not-found", "-f", &rendered, "-l", but, "--timeout=90s"]).await?;
    // What was applied by hand goes by hand.
    let opt_in = w.opt_in()?;
    w.tools.kubectl(&["delete", "--ignore-not-found", "-f", &opt_in, "--timeout=30s"]).await?;
    w.only_declarations_are_left(&before).await?;
    w.an_unrelated_pod_runs("afterwards", "eu1").await
}

impl World {
    /// Carnet is installed by kubectl and ready; where it is so already, it stays. Answers the file of what is applied.
    async fn present_by_kubectl(&self) -> Result<String> {
        let own = self.own_kustomization()?;
        let own = own.to_str().context("a path in UTF-8")?;
        let rendered = self.tools.kubectl(&["kustomize", own]).await?;
        if !self.is_by_kubectl().await? {
            self.absent().await?;
            let namespace = ["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s"];
            self.tools.kubectl(&namespace).await?;
            self.no_run_was_there().await?;
            self.load_images(&rendered)?;
        }
        // What Helm left of its definitions is Kustomize's from now on.
        self.tools.kubectl(&["apply", "--server-side", "--force-conflicts", "-k", own]).await?;
        self.tools.kubectl(&["apply", "--server-side", "-f", &self.opt_in()?]).await?;
        self.rolled_out().await?;
        self.answered().await?;
        let file = self.scratch.path().join("rendered.yaml");
        std::fs::write(&file, rendered)?;
        Ok(file.to_str().context("a path in UTF-8")?.to_owned())
    }

    /// Whether what is installed is no release of Helm's.
    async fn is_by_kubectl(&self) -> Result<bool> {
        let mark = "jsonpath={.metadata.name}:{.metadata.annotations.meta\\.helm\\.sh/release-name}";
        let args =
            ["get", "deployment", "carnet-operator", "-n", NAMESPACE, "--ignore-not-found", "-o", mark];
        Ok(self.tools.kubectl(&args).await? == "carnet-operator:")
    }

    /// Takes away what earlier runs left, for the next is told by it. Carnet's policies keep it while they are there, and a
    /// moment longer.
    async fn no_run_was_there(&self) -> Result<()> {
        let known = ["get", "crd", "deletionruns.carnet.dev", "--ignore-not-found", "-o", "name"];
        if self.tools.kubectl(&known).await?.is_empty() {
            return Ok(());
        }
        let kinds = "retentionpolicies,deletionruns,deletionapprovals,jobs";
        let mut complaint = String::new();
        for _ in 0..20 {
            let args = ["delete", kinds, "--all", "-n", STORE_NAMESPACE, "--timeout=30s"];
            let answer = self.tools.try_kubectl(&args).await?;
            if answer.success {
                return Ok(());
            }
            complaint = answer.complaint;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        bail!("what earlier runs left stays: {complaint}")
    }

    /// The file that opens the store's namespace to deletion Jobs, as its first lines say it.
    fn opt_in(&self) -> Result<String> {
        let shipped = std::fs::read_to_string(project().join("deploy/opt-in/namespace.yaml"))?;
        let file = self.scratch.path().join("opt-in.yaml");
        std::fs::write(&file, shipped.replace("NAMESPACE", STORE_NAMESPACE))?;
        Ok(file.to_str().context("a path in UTF-8")?.to_owned())
    }

    /// Writes that kustomization; Kustomize takes no absolute path.
    fn own_kustomization(&self) -> Result<PathBuf> {
        let dir = self.scratch.path().join("own").canonicalize().or_else(|_| {
            std::fs::create_dir(self.scratch.path().join("own"))?;
            self.scratch.path().join("own").canonicalize()
        })?;
        let up = "../".repeat(dir.components().count() - 1);
        let deploy = project().canonicalize()?.join("deploy");
        let deploy = deploy.strip_prefix("/")?.to_str().context("a path in UTF-8")?;
        std::fs::write(dir.join("kustomization.yaml"), OWN.replace("DEPLOY", &format!("{up}{deploy}")))?;
        Ok(dir)
    }
}
