//! The webhook's certificate: given, or our own. All replicas share one authority, kept in a Secret of our namespace.

use jiff::Timestamp;
use k8s_openapi::{
    ByteString,
    api::{admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Secret},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use super::config::RunArgs;
use crate::{
    admission::TlsSource,
    platform::{
        certs::{Authority, CertError, new_authority, new_leaf},
        failpoint, manager,
    },
};

/// Name of the Secret.
const SECRET: &str = "carnet-webhook-ca";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// None can be made.
    #[error("making the webhook's certificate: {0}")]
    Make(#[from] CertError),
    /// The API did not do it.
    #[error("{what}: {source}")]
    Api {
        /// What was attempted.
        what: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// The Secret has no authority in it.
    #[error("Secret {0}/{SECRET}: `ca.crt` or `ca.key` is missing: delete it, and it is made anew")]
    Incomplete(String),
}

/// The certificate to serve. Our own is made known to the webhook's configuration.
pub async fn certificate(client: &Client, args: &RunArgs) -> Result<TlsSource, CertificateError> {
    if let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) {
        return Ok(TlsSource::Files { cert: cert.clone(), key: key.clone() });
    }
    let authority = authority(client, &args.own_namespace).await?;
    let leaf = new_leaf(&authority, &args.webhook_names, Timestamp::now())?;
    if let Some(name) = &args.webhook_configuration {
        announce(client, name, &authority.cert_pem).await?;
    }
    Ok(TlsSource::Pem { cert: leaf.cert_pem, key: leaf.key_pem })
}

async fn authority(client: &Client, namespace: &str) -> Result<Authority, CertificateError> {
    let failed = |what: &str| {
        let what = format!("{what} Secret {namespace}/{SECRET}");
        move |source| CertificateError::Api { what, source: Box::new(source) }
    };
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    if let Some(there) = api.get_opt(SECRET).await.map_err(failed("reading"))? {
        return read(&there, namespace);
    }
    let made = new_authority(Timestamp::now())?;
    let secret = Secret {
        metadata: ObjectMeta { name: Some(SECRET.into()), ..ObjectMeta::default() },
        type_: Some("Opaque".into()),
        data: Some(
            [
                ("ca.crt".to_owned(), ByteString(made.cert_pem.clone().into_bytes())),
                ("ca.key".to_owned(), ByteString(made.key_pem.clone().into_bytes())),
            ]
            .into(),
        ),
        ..Secret::default()
    };
    let post = PostParams { field_manager: Some(manager("certificate")), ..PostParams::default() };
    failpoint("authority-create-before");
    match api.create(&post, &secret).await {
        Ok(_) => {
            failpoint("authority-create-after");
            Ok(made)
        }
        // Another replica was first: its authority is everybody's.
        Err(kube::Error::Api(status)) if status.code == 409 => {
            read(&api.get(SECRET).await.map_err(failed("reading"))?, namespace)
        }
        Err(error) => Err(failed("creating")(error)),
    }
}

fn read(secret: &Secret, namespace: &str) -> Result<Authority, CertificateError> {
    let text = |key: &str| {
        let bytes = secret.data.as_ref()?.get(key)?;
        String::from_utf8(bytes.0.clone()).ok()
    };
    match (text("ca.crt"), text("ca.key")) {
        (Some(cert_pem), Some(key_pem)) => Ok(Authority { cert_pem, key_pem }),
        _ => Err(CertificateError::Incomplete(namespace.into())),
    }
}

async fn announce(client: &Client, name: &str, authority: &str) -> Result<(), CertificateError> {
    let failed = |what: &str| {
        let what = format!("{what} ValidatingWebhookConfiguration {name}");
        move |source| CertificateError::Api { what, source: Box::new(source) }
    };
    let api: Api<ValidatingWebhookConfiguration> = Api::all(client.clone());
    let there = api.get(name).await.map_err(failed("reading"))?;
    let bundle = ByteString(authority.as_bytes().to_vec());
    let webhooks: Vec<_> = there
        .webhooks
        .iter()
        .flatten()
        .filter(|w| w.client_config.ca_bundle.as_ref() != Some(&bundle))
        .map(|w| json!({ "name": w.name, "clientConfig": { "caBundle": bundle } }))
        .collect();
    if webhooks.is_empty() {
        return Ok(());
    }
    // Strategic: the other fields of each webhook, and other webhooks, stay as they are.
    let patch = Patch::Strategic(json!({ "webhooks": webhooks }));
    let params = PatchParams { field_manager: Some(manager("certificate")), ..PatchParams::default() };
    failpoint("authority-announce-before");
    api.patch(name, &params, &patch).await.map_err(failed("telling our authority to"))?;
    failpoint("authority-announce-after");
    Ok(())
}
