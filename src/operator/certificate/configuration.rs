//! The webhook's configuration, of which `caBundle` alone is ours.
//!
//! Whoever writes a bundle has read the configuration first and the Secret after it, and writes only if the configuration
//! is still as it was. So a bundle never goes back to an earlier state of the Secret, however late its writer comes.

use k8s_openapi::{
    ByteString,
    api::{admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::ObjectReference},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::CertificateError;
use crate::platform::{certs::Told, failpoint, manager};

/// The configuration of that name.
pub struct Configuration {
    api: Api<ValidatingWebhookConfiguration>,
    name: String,
}

/// A configuration as it was read.
pub struct Seen {
    uid: Option<String>,
    version: Option<String>,
    /// Names of the webhooks that match anything, and what they hold. One without rules is on its way out of the chart:
    /// what we own of it would keep it there (ADR 0013).
    webhooks: Vec<(String, Option<ByteString>)>,
}

impl Configuration {
    /// The configuration of this name.
    pub fn new(client: Client, name: &str) -> Self {
        Self { api: Api::all(client), name: name.into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For Events.
    pub fn reference(&self, seen: &Seen) -> ObjectReference {
        ObjectReference {
            api_version: Some("admissionregistration.k8s.io/v1".into()),
            kind: Some("ValidatingWebhookConfiguration".into()),
            name: Some(self.name.clone()),
            uid: seen.uid.clone(),
            ..ObjectReference::default()
        }
    }

    /// Reads it; none = it is not there.
    pub async fn read(&self) -> Result<Option<Seen>, CertificateError> {
        let there = self.api.get_opt(&self.name).await.map_err(|e| self.failed("reading", e))?;
        Ok(there.map(|there| Seen {
            uid: there.metadata.uid,
            version: there.metadata.resource_version,
            webhooks: there
                .webhooks
                .into_iter()
                .flatten()
                .filter(|w| w.rules.as_ref().is_some_and(|rules| !rules.is_empty()))
                .map(|w| (w.name, w.client_config.ca_bundle))
                .collect(),
        }))
    }

    /// Writes the bundle into what was seen; false = it has changed since.
    pub async fn tell(&self, seen: &Seen, bundle: &str) -> Result<bool, CertificateError> {
        let bundle = ByteString(bundle.as_bytes().to_vec());
        let webhooks: Vec<_> = seen
            .webhooks
            .iter()
            .map(|(name, _)| json!({ "name": name, "clientConfig": { "caBundle": bundle } }))
            .collect();
        let body = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": self.name, "uid": seen.uid, "resourceVersion": seen.version },
            "webhooks": webhooks,
        });
        // By force: no other manager's bundle leads to us. It takes over what our former way of writing owned, too.
        let params = PatchParams::apply(&manager("certificate")).force();
        failpoint("authority-announce-before");
        let done = self.api.patch(&self.name, &params, &Patch::Apply(&body)).await;
        failpoint("authority-announce-after");
        match done {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(error) => Err(self.failed("telling our authority to", error)),
        }
    }

    fn failed(&self, what: &str, source: kube::Error) -> CertificateError {
        let what = format!("{what} ValidatingWebhookConfiguration {}", self.name);
        CertificateError::Api { what, source: Box::new(source) }
    }
}

impl Seen {
    /// Whether it holds this bundle in every webhook.
    pub fn told(&self, bundle: &str) -> Told {
        let holds = |held: &Option<ByteString>| held.as_ref().is_some_and(|h| h.0 == bundle.as_bytes());
        if self.webhooks.iter().all(|(_, held)| holds(held)) { Told::Yes } else { Told::No }
    }

    /// Everything that its webhooks hold.
    pub fn bundles(&self) -> String {
        let texts =
            self.webhooks.iter().filter_map(|(_, held)| String::from_utf8(held.as_ref()?.0.clone()).ok());
        texts.collect()
    }
}
