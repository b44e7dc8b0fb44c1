//! The Secret with the authorities. Any replica creates it; the leader alone changes it, and only what it has just read.

use k8s_openapi::{
    api::core::v1::{ObjectReference, Secret},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{Api, Client, api::PostParams};

use super::CertificateError;
use crate::platform::{
    certs::{Damage, Rotate, State, from_data, to_data},
    failpoint, manager,
};

/// Its name.
pub const NAME: &str = "carnet-webhook-ca";
/// An annotation by which people ask for a rotation: `now`, or `distrust`.
pub const ROTATE: &str = "carnet.dev/rotate";

/// The Secret of a namespace.
pub struct Store {
    api: Api<Secret>,
    namespace: String,
}

/// What was found.
pub enum Found {
    /// Nothing.
    Gone,
    /// What cannot be used.
    Damaged(Box<Secret>, Damage),
    /// Authorities.
    There(Box<Secret>, Box<State>),
}

/// Whether a write came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It did.
    First,
    /// Somebody else wrote before: read again.
    TooLate,
}

impl Store {
    /// The Secret of this namespace.
    pub fn new(client: Client, namespace: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), namespace: namespace.into() }
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// For Events.
    pub fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some("v1".into()),
            kind: Some("Secret".into()),
            namespace: Some(self.namespace.clone()),
            name: Some(NAME.into()),
            ..ObjectReference::default()
        }
    }

    /// Reads it.
    pub async fn read(&self) -> Result<Found, CertificateError> {
        let Some(secret) = self.api.get_opt(NAME).await.map_err(self.failed("reading"))? else {
            return Ok(Found::Gone);
        };
        Ok(match from_data(&secret.data.clone().unwrap_or_default()) {
            Ok(state) => Found::There(Box::new(secret), Box::new(state)),
            Err(damage) => Found::Damaged(Box::new(secret), damage),
        })
    }

    /// Creates it.
    pub async fn create(&self, state: &State) -> Result<Written, CertificateError> {
        let labels = [("app.kubernetes.io/part-of".to_owned(), "carnet".to_owned())];
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(NAME.into()),
                labels: Some(labels.into()),
                ..ObjectMeta::default()
            },
            type_: Some("Opaque".into()),
            data: Some(to_data(state)),
            ..Secret::default()
        };
        failpoint("authority-create-before");
        let done = self.written("creating", self.api.create(&post(), &secret).await)?;
        failpoint("authority-create-after");
        Ok(done)
    }

    /// Writes it over what was read, with what was asked for taken out.
    pub async fn replace(&self, read: &Secret, state: &State) -> Result<Written, CertificateError> {
        let mut secret = read.clone();
        secret.data = Some(to_data(state));
        if let Some(annotations) = &mut secret.metadata.annotations {
            annotations.remove(ROTATE);
        }
        secret.metadata.managed_fields = None;
        failpoint("authority-rotate-before");
        let done = self.written("writing", self.api.replace(NAME, &post(), &secret).await)?;
        failpoint("authority-rotate-after");
        Ok(done)
    }

    fn written(&self, what: &str, done: Result<Secret, kube::Error>) -> Result<Written, CertificateError> {
        match done {
            Ok(_) => Ok(Written::First),
            // 409: it is there already, or was changed; 404: it went while it was read.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Written::TooLate),
            Err(error) => Err(self.failed(what)(error)),
        }
    }

    fn failed(&self, what: &str) -> impl Fn(kube::Error) -> CertificateError + use<> {
        let what = format!("{what} Secret {}/{NAME}", self.namespace);
        move |source| CertificateError::Api { what: what.clone(), source: Box::new(source) }
    }
}

/// What people asked for. A word that is not known asks for nothing.
pub fn asked(secret: &Secret) -> Option<Rotate> {
    match secret.metadata.annotations.as_ref()?.get(ROTATE)?.as_str() {
        "now" => Some(Rotate::Now),
        "distrust" => Some(Rotate::Distrust),
        other => {
            tracing::warn!(
                value = other,
                "annotation {ROTATE} is neither `now` nor `distrust`: nothing is done"
            );
            None
        }
    }
}

fn post() -> PostParams {
    PostParams { field_manager: Some(manager("certificate")), ..PostParams::default() }
}
