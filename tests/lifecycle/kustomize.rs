//! The same without Helm: `kubectl apply -k deploy/`.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, Result, ensure};
use carnet::testbed::accounts::{Accounts, until};

use crate::{
    cases,
    world::{NAMESPACE, World, project},
};

cases![kubectl_installs_it_a_pod_is_refused_and_it_is_uninstalled];

/// A kustomization of one's own, as the documents say it: what is shipped, and one flag more.
const OWN: &str = "
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [DEPLOY/overlays/enforce]
patches:
- target: {kind: Deployment, name: carnet-operator}
  patch: |-
    - {op: add, path: /spec/template/spec/containers/0/args/-, value: --claims-from=identity}
";

async fn kubectl_installs_it_a_pod_is_refused_and_it_is_uninstalled(w: Arc<World>) -> Result<()> {
    w.absent().await?;
    w.tools.kubectl(&["delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s"]).await?;
    let own = w.own_kustomization()?;
    let own = own.to_str().context("a path in UTF-8")?;
    let rendered = w.tools.kubectl(&["kustomize", own]).await?;
    w.load_images(&rendered)?;
    // What Helm left of its definitions is Kustomize's from now on.
    w.tools.kubectl(&["apply", "--server-side", "--force-conflicts", "-k", own]).await?;
    w.rolled_out().await?;
    w.answered().await?;
    w.accounts().await?.declare(&w.admin).await?;
    until("the violation to be refused", 20, || async {
        Ok(matches!(Accounts::try_pod(&w.admin).await, Ok(Err(_))).then_some(()))
    })
    .await?;
    w.an_unrelated_pod_runs("unrelated", "us1").await?;
    let before = w.declared_objects().await?;
    ensure!(!before.is_empty(), "nothing is declared");
    // As docs/uninstall.md has it: all but the definitions and the namespace.
    let all = w.scratch.path().join("rendered.yaml");
    std::fs::write(&all, rendered)?;
    let all = all.to_str().context("a path in UTF-8")?;
    let but = "app.kubernetes.io/component notin (definition, namespace)";
    w.tools.kubectl(&["delete", "--ignore-not-found", "-f", all, "-l", but, "--timeout=90s"]).await?;
    w.only_declarations_are_left(&before).await?;
    w.an_unrelated_pod_runs("afterwards", "eu1").await
}

impl World {
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
