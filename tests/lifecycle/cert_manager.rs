//! The webhook's certificate from cert-manager: the real one, whose controllers `make test-cert-manager` builds.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::testbed::{
    CertManager,
    accounts::{Accounts, until},
};
use k8s_openapi::api::{admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Secret};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
    core::ApiResource,
};
use serde_json::json;

use crate::{
    cases,
    load::Stream,
    world::{NAMESPACE, World},
};

cases![
    with_cert_manager_the_webhook_is_believed_and_a_renewal_goes_unnoticed,
    without_it_again_the_operator_makes_its_own,
];

/// Pods a second while a certificate is renewed.
const RATE: u32 = 10;
/// The Secret that cert-manager writes.
const CERTIFICATE: &str = "carnet-webhook-tls";
/// From a Secret's change until a kubelet has written it into a volume, and the operator has read it there.
const CHANGE_OVER: u64 = 150;

/// Whether it is wanted: its controllers take minutes to build.
pub fn is_wanted() -> bool {
    std::env::var_os("CARNET_CERT_MANAGER").is_some()
}

async fn with_cert_manager_the_webhook_is_believed_and_a_renewal_goes_unnoticed(w: Arc<World>) -> Result<()> {
    w.absent().await?;
    let cert_manager = CertManager::start(&w.cluster, w.scratch.path()).await?;
    let asked = w.under_cert_manager().await;
    asked.with_context(|| format!("cert-manager's log ends with:\n{}", cert_manager.log_end()))
}

async fn without_it_again_the_operator_makes_its_own(w: Arc<World>) -> Result<()> {
    w.declared().await?;
    ensure!(w.authority_of_webhook().await?.is_some(), "nobody has written caBundle");
    Accounts::refused(&w.admin, 20).await.map(drop).map_err(Into::into)
}

impl World {
    async fn under_cert_manager(&self) -> Result<()> {
        let mut install = Self::upgrade();
        install.push("--set=webhook.certManager.enabled=true");
        self.tools.helm(&install).await?;
        self.answered().await?;
        self.accounts().await?.declare(&self.admin).await?;
        let refusal = Accounts::refused(&self.admin, 20).await?;
        ensure!(refusal.contains("identity/accounts"), "it does not say which store: {refusal}");

        let secrets: Api<Secret> = Api::namespaced(self.admin.clone(), NAMESPACE);
        ensure!(
            secrets.get_opt("carnet-webhook-ca").await?.is_none(),
            "the operator made an authority of its own"
        );
        ensure!(
            self.authority_of_webhook().await? == Some(self.certificate("ca.crt").await?),
            "not of that authority"
        );
        let can = ["auth", "can-i", "list", "secrets", "-n", NAMESPACE, "--as"];
        let operator = format!("system:serviceaccount:{NAMESPACE}:carnet-operator");
        let may = self.tools.try_kubectl(&[can.as_slice(), &[&operator]].concat()).await?;
        ensure!(may.output.trim() == "no", "the operator may read Secrets: {}", may.output);

        // Renewed as `cmctl renew` does it. Whole seconds: another certificate must end at another one.
        let (before, ends) = (self.certificate("tls.crt").await?, self.served_until().await?);
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let stream = Stream::start(&self.admin, RATE);
        let renewed = self.renewed(&before, &ends).await;
        for sample in stream.end().await? {
            ensure!(sample.is_right(), "while the certificate was renewed: {sample:?}");
        }
        renewed?;
        Accounts::refused(&self.admin, 5).await.map(drop).map_err(Into::into)
    }

    /// Has the certificate renewed and waits until every replica serves by the next.
    async fn renewed(&self, before: &str, ends: &[String]) -> Result<()> {
        let resource = ApiResource {
            group: "cert-manager.io".to_owned(),
            version: "v1".to_owned(),
            api_version: "cert-manager.io/v1".to_owned(),
            kind: "Certificate".to_owned(),
            plural: "certificates".to_owned(),
        };
        let certificates: Api<kube::api::DynamicObject> =
            Api::namespaced_with(self.admin.clone(), NAMESPACE, &resource);
        let mut certificate = certificates.get("carnet-webhook").await?;
        let now = jiff::Timestamp::now();
        let issuing = json!({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
            "message": "the test asks for it", "lastTransitionTime": now.round(jiff::Unit::Second)?});
        let conditions =
            certificate.data.pointer_mut("/status/conditions").context("it has no conditions")?;
        conditions.as_array_mut().context("conditions are a list")?.push(issuing);
        let patch = Patch::Merge(json!({"status": {"conditions": conditions}}));
        certificates.patch_status("carnet-webhook", &PatchParams::default(), &patch).await?;
        until("another certificate", 60, || async {
            Ok(self.certificate("tls.crt").await.is_ok_and(|now| now != before).then_some(()))
        })
        .await?;
        until("every replica to serve by it", CHANGE_OVER, || async {
            let now = self.served_until().await.unwrap_or_default();
            Ok((now.len() == ends.len() && now.iter().all(|end| !ends.contains(end))).then_some(()))
        })
        .await
        .map_err(Into::into)
    }

    /// When the certificates end by which the replicas serve.
    async fn served_until(&self) -> Result<Vec<String>> {
        let mut ends = Vec::new();
        for replica in self.replicas().await? {
            let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{}:8080/proxy/metrics", replica.pod);
            let metrics = self.tools.kubectl(&["get", "--raw", &path]).await?;
            let leaf = |line: &&str| line.contains("webhook_certificate_expiry") && line.contains("leaf");
            let line = metrics.lines().find(leaf).context("no metric of the certificate's end")?;
            ends.push(line.rsplit(' ').next().unwrap_or_default().to_owned());
        }
        ensure!(!ends.is_empty(), "no replica runs");
        Ok(ends)
    }

    /// A part of the Secret that cert-manager writes.
    async fn certificate(&self, key: &str) -> Result<String> {
        let secrets: Api<Secret> = Api::namespaced(self.admin.clone(), NAMESPACE);
        let mut data = secrets.get(CERTIFICATE).await?.data.unwrap_or_default();
        let part = data.remove(key).with_context(|| format!("{CERTIFICATE} has no {key}"))?;
        Ok(String::from_utf8(part.0)?)
    }

    /// The authority that the API server believes, if all of Carnet's webhooks name the same.
    async fn authority_of_webhook(&self) -> Result<Option<String>> {
        let all: Api<ValidatingWebhookConfiguration> = Api::all(self.admin.clone());
        let ours = all.list(&ListParams::default()).await?.items.into_iter();
        let hooks = ours.filter(|c| c.metadata.name.as_deref() == Some("carnet")).filter_map(|c| c.webhooks);
        let mut bundles: Vec<_> = hooks.flatten().map(|hook| hook.client_config.ca_bundle).collect();
        bundles.dedup();
        match bundles.as_slice() {
            [Some(bundle)] => Ok(Some(String::from_utf8(bundle.0.clone())?)),
            _ => Ok(None),
        }
    }
}
