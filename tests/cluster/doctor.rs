//! `kubectl carnet doctor` and `status` on a real API server: each thing is broken in turn, and doctor names it.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use carnet::testbed::install;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{
    cases,
    world::{World, eventually, project},
};

cases![
    doctor_names_what_is_wrong_with_enforcement,
    doctor_names_what_is_wrong_with_the_operator,
    doctor_names_what_is_wrong_around_it,
    doctor_has_the_api_server_ask_the_webhook,
    who_may_see_nothing_is_told_so_and_the_exit_code_says_it,
    status_shows_the_installation_on_one_screen,
];

/// The plugin as a person runs it: its exit code and what it wrote.
pub async fn carnet(kubeconfig: &Path, arguments: &[&str]) -> Result<(i32, String)> {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_kubectl-carnet"))
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(arguments)
        .output()
        .await?;
    let code = output.status.code().context("an exit code")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(errors.is_empty(), "{errors}");
    Ok((code, String::from_utf8(output.stdout)?))
}

/// Codes of what doctor finds.
async fn findings(w: &World) -> Result<BTreeSet<String>> {
    let (_, text) = carnet(&w.kubeconfig_of_admin(), &["doctor", "-o", "json"]).await?;
    let report: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
    let all = report["findings"].as_array().context("findings")?;
    Ok(all.iter().filter_map(|f| f["code"].as_str()).map(Into::into).collect())
}

/// The installation around the operator of this test, which is a process: Service, Deployment (its Pods are played), Lease.
struct Around {
    objects: Vec<Value>,
    configuration: Value,
}

fn lease(renewed: &str, seconds: i32) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "carnet-operator", "namespace": "carnet-system"},
        "spec": {"holderIdentity": "carnet-operator-played", "leaseDurationSeconds": seconds, "renewTime": renewed}})
}

fn deployment(replicas: i32, flags: &[&str]) -> Value {
    let mut args = vec!["run", "--leader-elect", "--erasure-namespaces=identity"];
    args.extend(flags);
    let labels = json!({"app.kubernetes.io/name": "carnet-operator", "app.kubernetes.io/part-of": "carnet"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "carnet-operator", "namespace": "carnet-system", "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app.kubernetes.io/name": "carnet-operator"}},
            "template": {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0,
                "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [
                {"name": "operator", "image": "played", "args": args,
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    "ports": [{"name": "webhook", "containerPort": 9443}]}]}}}})
}

impl Around {
    async fn set_up(w: &World) -> Result<Self> {
        let mut installed = w.installed.objects.clone();
        for object in installed.iter_mut().filter(|o| o["kind"] == "ValidatingWebhookConfiguration") {
            for hook in object["webhooks"].as_array_mut().into_iter().flatten() {
                hook["clientConfig"] = json!({"service":
                    {"name": "carnet-webhook", "namespace": "carnet-system", "path": "/review"}});
                // Nobody answers, and doctor asks again and again.
                hook["timeoutSeconds"] = json!(1);
            }
        }
        let text: String = installed.iter().map(|object| format!("---\n{object}\n")).collect();
        let mut configuration = installed
            .iter()
            .find(|o| o["kind"] == "ValidatingWebhookConfiguration")
            .context("a webhook configuration")?
            .clone();
        // With the bundle that the operator wrote, so that one that was deleted can come back whole.
        let there = w.api(&w.admin, &configuration)?.get("carnet").await?;
        let bundle = there.data["webhooks"][0]["clientConfig"]["caBundle"].clone();
        for hook in configuration["webhooks"].as_array_mut().into_iter().flatten() {
            hook["clientConfig"]["caBundle"] = bundle.clone();
        }
        let objects = vec![
            json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "carnet-webhook", "namespace": "carnet-system"},
                "spec": {"selector": {"app.kubernetes.io/name": "carnet-operator"},
                    "ports": [{"name": "https", "port": 443, "targetPort": 9443}]}}),
            deployment(2, &[]),
            lease("2100-01-01T00:00:00.000000Z", 15),
            json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "carnet-enforcement", "namespace": "carnet-system"},
                "data": {"enforcement.yaml": text}}),
        ];
        w.put(&objects).await?;
        w.put(&[configuration.clone()]).await?;
        let around = Self { objects, configuration };
        around.until_well(w).await?;
        Ok(around)
    }

    /// What stays wrong: played Pods answer nothing, the API server neither, and the Lease is held by none of them.
    fn played() -> BTreeSet<String> {
        ["ReplicaSilent", "LeaderUnknown", "WebhookNotReached"].map(Into::into).into()
    }

    async fn until_well(&self, w: &World) -> Result<()> {
        let mut last = BTreeSet::new();
        for _ in 0..60 {
            last = findings(w).await?;
            if last.is_subset(&Self::played()) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        bail!("doctor goes on finding {last:?}")
    }

    /// Waits until doctor finds this.
    async fn until(&self, w: &World, code: &str) -> Result<()> {
        let mut last = BTreeSet::new();
        for _ in 0..60 {
            last = findings(w).await?;
            if last.contains(code) {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        bail!("doctor does not find {code}, but {last:?}")
    }

    /// Applies what breaks it, waits for the finding, and applies what mends it.
    async fn applied(&self, w: &World, broken: Value, mended: Value, code: &str) -> Result<()> {
        w.put(&[broken]).await?;
        let found = self.until(w, code).await;
        w.put(&[mended]).await?;
        found
    }

    /// Deletes an object, waits for the finding, and applies it again.
    async fn deleted(&self, w: &World, object: &Value, code: &str) -> Result<()> {
        delete(w, object).await?;
        let found = self.until(w, code).await;
        w.put(std::slice::from_ref(object)).await?;
        found
    }

    async fn take_down(self, w: &World) -> Result<()> {
        for object in &self.objects {
            delete(w, object).await?;
        }
        let installed = install::objects(&project(), w.webhook())?;
        let map = installed.into_iter().filter(|o| o["metadata"]["name"] == "carnet-enforcement");
        w.put(&map.collect::<Vec<_>>()).await?;
        // Its address comes back, and the bundle stays the operator's.
        let by_url = w.installed.object("ValidatingWebhookConfiguration", "carnet")?.clone();
        w.put(&[by_url]).await?;
        patch(w, &self.configuration, &self.bundles()).await?;
        let pods = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "carnet-system"}});
        eventually("the played Pods to be gone", 20, || async {
            Ok(w.api(&w.admin, &pods)?.list(&Default::default()).await?.items.is_empty().then_some(()))
        })
        .await
    }

    fn bundles(&self) -> Value {
        let hooks = self.configuration["webhooks"].as_array().cloned().unwrap_or_default();
        let bundle = |hook: &Value| hook["clientConfig"]["caBundle"].clone();
        hooks
            .iter()
            .enumerate()
            .map(|(n, hook)| {
                json!({"op": "add", "path": format!("/webhooks/{n}/clientConfig/caBundle"), "value": bundle(hook)})
            })
            .collect()
    }
}

async fn delete(w: &World, object: &Value) -> Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let api = w.api(&w.admin, object)?;
    match api.delete(name, &kube::api::DeleteParams::background()).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_not_found() => {}
        Err(error) => return Err(error.into()),
    }
    eventually(&format!("{name} to be gone"), 10, || async {
        Ok(api.get_opt(name).await?.is_none().then_some(()))
    })
    .await
}

async fn patch(w: &World, object: &Value, patch: &Value) -> Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let patch = Patch::Json::<()>(serde_json::from_value(patch.clone())?);
    w.api(&w.admin, object)?.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

async fn doctor_names_what_is_wrong_with_enforcement(w: Arc<World>) -> Result<()> {
    let around = Around::set_up(&w).await?;
    let named = enforcement(&w, &around).await;
    around.take_down(&w).await?;
    named
}

async fn enforcement(w: &World, around: &Around) -> Result<()> {
    let binding = w.installed.object("ValidatingAdmissionPolicyBinding", "runner-pods.carnet.dev")?;
    around.deleted(w, binding, "EnforcementMissing").await?;
    let policy = w.installed.object("ValidatingAdmissionPolicy", "legal-holds.carnet.dev")?;
    let mut weak = policy.clone();
    weak["spec"]["failurePolicy"] = "Ignore".into();
    around.applied(w, weak, policy.clone(), "EnforcementChanged").await?;
    let mut old = binding.clone();
    old["metadata"]["name"] = "old.carnet.dev".into();
    w.put(&[old.clone()]).await?;
    around.until(w, "LeftoverPolicies").await?;
    delete(w, &old).await?;

    let configuration = &around.configuration;
    let mut elsewhere = configuration.clone();
    elsewhere["webhooks"][0]["clientConfig"]["service"]["name"] = "carnet-other".into();
    around.applied(w, elsewhere, configuration.clone(), "WebhookElsewhere").await?;
    // The operator looks once a minute and writes it again: it may be quicker than doctor.
    eventually("doctor to find the missing bundle", 30, || async {
        let gone = json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]);
        patch(w, configuration, &gone).await.ok();
        Ok(findings(w).await?.contains("CaBundle").then_some(()))
    })
    .await?;
    patch(w, configuration, &around.bundles()).await?;

    delete(w, configuration).await?;
    around.until(w, "WebhookMissing").await?;
    // While nobody is asked, something comes in that cannot be read.
    let unread = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "unread", "namespace": "identity"},
        "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "engine": {"external": {"description": "a test"}},
            "location": {"country": "IE"}, "access": {"hosts": ["https://unread.example.com"]},
            "datasets": [{"name": "d", "categories": ["account.contact"]}]}});
    eventually("it to come in", 20, || async { Ok(w.put(std::slice::from_ref(&unread)).await.ok()) }).await?;
    let mut found = around.until(w, "Unreadable").await;
    delete(w, &unread).await?;
    let both = ["one", "other"].map(|name| {
        json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": name},
            "spec": {"legalName": name, "country": "IE", "runs": {"namespaces": ["contested"]}}})
    });
    w.put(&both).await?;
    found = found.and(around.until(w, "NamespaceContested").await);
    for party in &both {
        delete(w, party).await?;
    }
    w.put(std::slice::from_ref(configuration)).await?;
    found?;
    around.until_well(w).await
}

async fn doctor_names_what_is_wrong_with_the_operator(w: Arc<World>) -> Result<()> {
    let around = Around::set_up(&w).await?;
    let named = operator(&w, &around).await;
    around.take_down(&w).await?;
    named
}

async fn operator(w: &World, around: &Around) -> Result<()> {
    let [service, deployment_, lease_, _] = &around.objects[..] else { bail!("four objects") };
    around.deleted(w, service, "ServiceMissing").await?;
    around.until_well(w).await?;
    around.applied(w, deployment(0, &[]), deployment_.clone(), "OperatorNotRunning").await?;
    around.until_well(w).await?;
    around.applied(w, lease("2026-01-01T00:00:00.000000Z", 15), lease_.clone(), "LeaseStale").await?;
    around.deleted(w, lease_, "NoLeader").await?;
    let exempt = deployment(2, &["--exempt-namespaces=kube-system,analytics"]);
    around.applied(w, exempt, deployment_.clone(), "ExemptNamespacesDiffer").await?;
    around.until_well(w).await?;
    let mut elsewhere = service.clone();
    elsewhere["spec"]["selector"] = json!({"app.kubernetes.io/name": "nobody"});
    around.applied(w, elsewhere, service.clone(), "NoEndpoints").await?;
    around.deleted(w, deployment_, "OperatorMissing").await?;
    around.until_well(w).await
}

async fn doctor_names_what_is_wrong_around_it(w: Arc<World>) -> Result<()> {
    let around = Around::set_up(&w).await?;
    let named = rest(&w, &around).await;
    around.take_down(&w).await?;
    named
}

async fn rest(w: &World, around: &Around) -> Result<()> {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "somewhere"}});
    w.put(std::slice::from_ref(&node)).await?;
    around.until(w, "NodesWithoutRegion").await?;
    delete(w, &node).await?;

    let opened = install::documents(&project().join("deploy/opt-in/namespace.yaml"))?;
    let binding = opened
        .iter()
        .find(|o| o["kind"] == "RoleBinding" && o["metadata"]["name"] == "carnet-erasure")
        .context("a RoleBinding carnet-erasure in deploy/opt-in")?;
    let of = |namespace: &str| -> Result<Value> {
        Ok(serde_json::from_str(&binding.to_string().replace("NAMESPACE", namespace))?)
    };
    around.deleted(w, &of("identity")?, "ErasureNotAllowed").await?;
    w.put(&[of("billing")?]).await?;
    around.until(w, "ErasureNotTold").await?;
    delete(w, &of("billing")?).await?;

    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "legalholds.carnet.dev"}});
    let description =
        "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/reference/description";
    let api = w.api(&w.admin, &crd)?;
    let before = api.get("legalholds.carnet.dev").await?;
    let was = before.data.pointer(description).context("a description")?.clone();
    patch(w, &crd, &json!([{"op": "replace", "path": description, "value": "of another time"}])).await?;
    let found = around.until(w, "DefinitionsOfOtherVersion").await;
    patch(w, &crd, &json!([{"op": "replace", "path": description, "value": was}])).await?;
    found?;

    let mut second = deployment(0, &[]);
    second["metadata"]["namespace"] = "billing".into();
    w.put(&[second.clone()]).await?;
    around.until(w, "SecondInstallation").await?;
    delete(w, &second).await?;
    around.until_well(w).await
}

/// A firewall between API server and replicas is played by Pods behind whose addresses nobody listens.
async fn doctor_has_the_api_server_ask_the_webhook(w: Arc<World>) -> Result<()> {
    let of_the_way = |found: &BTreeSet<String>| found.iter().any(|code| code.starts_with("WebhookNot"));
    let before = findings(&w).await?;
    ensure!(!of_the_way(&before), "the operator of this test answers: {before:?}");
    let around = Around::set_up(&w).await?;
    let named = way(&w, &around).await;
    around.take_down(&w).await?;
    named?;
    eventually("the webhook to answer again", 20, || async {
        Ok((!of_the_way(&findings(&w).await?)).then_some(()))
    })
    .await
}

async fn way(w: &World, around: &Around) -> Result<()> {
    around.until(w, "WebhookNotReached").await?;
    let (_, text) = carnet(&w.kubeconfig_of_admin(), &["doctor"]).await?;
    ensure!(text.contains("failed calling webhook \"validate.carnet.dev\""), "{text}");
    let mut narrower = around.configuration.clone();
    narrower["webhooks"][0]["rules"][0]["resources"] = json!(["datastores"]);
    around.applied(w, narrower, around.configuration.clone(), "WebhookNotAsked").await?;
    let party =
        json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "Party", "metadata": {"name": "carnet-doctor"}});
    ensure!(w.api(&w.admin, &party)?.get_opt("carnet-doctor").await?.is_none(), "a dry run was stored");
    around.until_well(w).await
}

async fn who_may_see_nothing_is_told_so_and_the_exit_code_says_it(w: Arc<World>) -> Result<()> {
    let nobody = w.kubeconfig_of_user("nobody@example.com", &[])?;
    for command in ["doctor", "status"] {
        let (code, text) = carnet(&nobody, &[command]).await?;
        ensure!(code == 2, "{command} ended with {code}: {text}");
        ensure!(text.contains("you may not list datastores"), "{text}");
    }
    Ok(())
}

async fn status_shows_the_installation_on_one_screen(w: Arc<World>) -> Result<()> {
    let around = Around::set_up(&w).await?;
    let shown = status(&w, &around).await;
    around.take_down(&w).await?;
    shown
}

/// When safeguards lapse is reckoned by the operator's own law, and nothing is said where that is not to be had.
async fn law_of_its_own(w: &World) -> Result<()> {
    let unknown = "? the operator judges by a law pack of its own (--law-pack)";
    w.put(&[deployment(2, &["--law-pack=/etc/carnet-law/pack.yaml"])]).await?;
    let (_, text) = carnet(&w.kubeconfig_of_admin(), &["status"]).await?;
    ensure!(text.contains(unknown), "{text}");
    let pack = std::fs::read_to_string(project().join("law/pack.yaml"))?;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "carnet-law-pack", "namespace": "carnet-system"}, "data": {"pack.yaml": pack}});
    w.put(std::slice::from_ref(&map)).await?;
    let shown = carnet(&w.kubeconfig_of_admin(), &["status"]).await;
    delete(w, &map).await?;
    let (_, text) = shown?;
    ensure!(!text.contains("law pack of its own"), "{text}");
    Ok(())
}

async fn status(w: &World, around: &Around) -> Result<()> {
    let (_, text) = carnet(&w.kubeconfig_of_admin(), &["status"]).await?;
    ensure!(text.contains("enforcement   intact"), "{text}");
    ensure!(text.contains("leader        carnet-operator-played"), "{text}");
    ensure!(text.contains("believed until 20"), "{text}");
    ensure!(text.lines().count() < 60, "more than a screen: {text}");
    let (_, json) = carnet(&w.kubeconfig_of_admin(), &["status", "-o", "json"]).await?;
    let screen: Value = serde_json::from_str(&json)?;
    ensure!(screen["installation"]["enforcement"] == "Intact", "{json}");
    law_of_its_own(w).await?;
    w.put(&[deployment(2, &[])]).await?;
    let binding = w.installed.object("ValidatingAdmissionPolicyBinding", "runner-pods.carnet.dev")?;
    delete(w, binding).await?;
    let after = carnet(&w.kubeconfig_of_admin(), &["status"]).await;
    w.put(std::slice::from_ref(binding)).await?;
    let (code, text) = after?;
    ensure!(code == 1 && text.contains("! enforcement is not intact (deviations: 1)"), "{code}: {text}");
    around.until_well(w).await
}
