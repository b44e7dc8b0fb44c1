//! The webhooks' configurations, of which `caBundle` alone is ours.
//!
//! Whoever writes a bundle has read the configuration first and the Secret after it, and writes only if the configuration
//! is still as it was. So a bundle never goes back to an earlier state of the Secret, however late its writer comes.

use k8s_openapi::{
    ByteString,
    api::{
        admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
        core::v1::ObjectReference,
    },
};
use kube::{
    Api, Client, Resource,
    api::{DynamicObject, Patch, PatchParams},
    core::ApiResource,
};
use serde_json::{Value, json};

use super::CertificateError;
use crate::platform::{certs::Told, failpoint, manager};

/// The configurations of these names.
pub struct Configuration {
    name: String,
    /// The validating one first: without it there is nobody to tell.
    parts: Vec<Part>,
}

/// One configuration.
struct Part {
    resource: ApiResource,
    api: Api<DynamicObject>,
    name: String,
}

/// Configurations as they were read.
pub struct Seen {
    /// Those that are there; none where the validating one is not.
    pub parts: Vec<SeenPart>,
    /// What is missing, in a sentence.
    pub absent: Option<String>,
}

/// A configuration as it was read.
pub struct SeenPart {
    kind: String,
    name: String,
    uid: Option<String>,
    version: Option<String>,
    /// Names of the webhooks that match anything, and what they hold. One without rules is on its way out of the chart:
    /// what we own of it would keep it there (ADR 0013).
    webhooks: Vec<(String, Option<ByteString>)>,
}

impl Configuration {
    /// The configurations of these names.
    pub fn new(client: &Client, name: &str, mutating: Option<&str>) -> Self {
        let mut parts = vec![Part::new::<ValidatingWebhookConfiguration>(client, name)];
        parts.extend(mutating.map(|name| Part::new::<MutatingWebhookConfiguration>(client, name)));
        Self { name: name.into(), parts }
    }

    /// The name of the validating one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads them.
    pub async fn read(&self) -> Result<Seen, CertificateError> {
        let mut seen = Seen { parts: vec![], absent: None };
        for part in &self.parts {
            if let Some(there) = part.read().await? {
                seen.parts.push(there);
                continue;
            }
            let Part { resource, name, api: _ } = part;
            seen.absent = Some(format!("{} {name} is not there: waiting for it", resource.kind));
            if seen.parts.is_empty() {
                break;
            }
        }
        Ok(seen)
    }

    /// Writes the bundle into what was seen; false = something has changed since.
    pub async fn tell(&self, seen: &Seen, bundle: &str) -> Result<bool, CertificateError> {
        let mut all = true;
        for there in seen.parts.iter().filter(|there| !there.holds(bundle)) {
            if let Some(part) = self.parts.iter().find(|part| part.resource.kind == there.kind) {
                all &= part.tell(there, bundle).await?;
            }
        }
        Ok(all)
    }
}

impl Part {
    fn new<K: Resource<DynamicType = ()>>(client: &Client, name: &str) -> Self {
        let resource = ApiResource::erase::<K>(&());
        Self { api: Api::all_with(client.clone(), &resource), resource, name: name.into() }
    }

    async fn read(&self) -> Result<Option<SeenPart>, CertificateError> {
        let there = self.api.get_opt(&self.name).await.map_err(|e| self.failed("reading", e))?;
        Ok(there.map(|there| SeenPart {
            kind: self.resource.kind.clone(),
            name: self.name.clone(),
            uid: there.metadata.uid,
            version: there.metadata.resource_version,
            webhooks: webhooks(&there.data),
        }))
    }

    async fn tell(&self, seen: &SeenPart, bundle: &str) -> Result<bool, CertificateError> {
        let bundle = ByteString(bundle.as_bytes().to_vec());
        let webhooks: Vec<_> = seen
            .webhooks
            .iter()
            .map(|(name, _)| json!({ "name": name, "clientConfig": { "caBundle": bundle } }))
            .collect();
        let body = json!({
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
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
        let what = format!("{what} {} {}", self.resource.kind, self.name);
        CertificateError::Api { what, source: Box::new(source) }
    }
}

fn webhooks(configuration: &Value) -> Vec<(String, Option<ByteString>)> {
    let all = configuration.get("webhooks").and_then(Value::as_array).into_iter().flatten();
    let matching = all.filter(|w| w["rules"].as_array().is_some_and(|rules| !rules.is_empty()));
    matching
        .filter_map(|webhook| {
            let bundle = webhook.pointer("/clientConfig/caBundle").cloned();
            let bundle = bundle.and_then(|bundle| serde_json::from_value(bundle).ok());
            Some((webhook["name"].as_str()?.to_owned(), bundle))
        })
        .collect()
}

impl SeenPart {
    fn holds(&self, bundle: &str) -> bool {
        let holds = |held: &Option<ByteString>| held.as_ref().is_some_and(|h| h.0 == bundle.as_bytes());
        self.webhooks.iter().all(|(_, held)| holds(held))
    }

    /// For Events.
    fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some("admissionregistration.k8s.io/v1".into()),
            kind: Some(self.kind.clone()),
            name: Some(self.name.clone()),
            uid: self.uid.clone(),
            ..ObjectReference::default()
        }
    }
}

impl Seen {
    /// Whether they hold this bundle in every webhook.
    pub fn told(&self, bundle: &str) -> Told {
        if self.parts.iter().all(|part| part.holds(bundle)) { Told::Yes } else { Told::No }
    }

    /// Those that do not hold this bundle, for Events.
    pub fn untold(&self, bundle: &str) -> Vec<ObjectReference> {
        self.parts.iter().filter(|part| !part.holds(bundle)).map(SeenPart::reference).collect()
    }

    /// Everything that their webhooks hold.
    pub fn bundles(&self) -> String {
        let held = self.parts.iter().flat_map(|part| &part.webhooks);
        held.filter_map(|(_, held)| String::from_utf8(held.as_ref()?.0.clone()).ok()).collect()
    }
}
