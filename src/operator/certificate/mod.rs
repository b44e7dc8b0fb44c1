//! The webhook's certificate: given as files, or our own. All replicas share one authority, kept in a Secret of our
//! namespace; each makes a leaf of its own and keeps it in memory. Nothing here ends the process: what is missing is
//! waited for.

mod configuration;
mod given;
mod own;
mod secret;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use kube::Client;
use tokio_util::sync::CancellationToken;

use self::{given::Given, own::Own};
use super::config::RunArgs;
use crate::{
    admission::{Served, TlsPair},
    platform::{
        Gate,
        certs::{CertError, CertificateState, Damage},
        metrics::Metrics,
    },
};

/// Why a look at the certificate failed. The next one may not.
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
    /// The API did not answer.
    #[error("looking at the webhook's certificate: no answer within {0} s")]
    Late(u64),
    /// The Secret has no authority in it that could be used.
    #[error("Secret {namespace}/{}: {damage}: the leader makes it anew", secret::NAME)]
    Damaged {
        /// Namespace of the Secret.
        namespace: String,
        /// What is wrong.
        damage: Damage,
    },
    /// The files cannot be used.
    #[error("certificate {cert} with key {key}: {source}")]
    Files {
        /// Certificate.
        cert: String,
        /// Key.
        key: String,
        /// Why.
        source: std::io::Error,
    },
    /// The server did not take it.
    #[error("serving by a new certificate: {0}")]
    Serve(#[source] std::io::Error),
}

/// Whether this replica leads now.
#[derive(Clone, Debug, Default)]
pub struct Leads(Arc<AtomicBool>);

impl Leads {
    /// Says so.
    pub fn set(&self, leads: bool) {
        self.0.store(leads, Ordering::SeqCst);
    }

    fn now(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Whom a keeper tells, and what it needs of the process.
pub struct Around {
    /// For the API server.
    pub client: Client,
    /// Name of this replica.
    pub identity: String,
    /// Whether it leads.
    pub leads: Leads,
    /// Takes the ends of certificates.
    pub metrics: Arc<Metrics>,
    /// Takes the report.
    pub state: Arc<CertificateState>,
}

/// Keeps a certificate served that whoever calls believes.
pub enum Keeper {
    /// One of our own.
    Own(Box<Own>),
    /// Files.
    Given(Box<Given>),
}

impl Keeper {
    /// What the flags say.
    pub fn new(args: &RunArgs, around: Around) -> Self {
        match (&args.tls_cert, &args.tls_key) {
            (Some(cert), Some(key)) => {
                let Around { metrics, state, .. } = around;
                Self::Given(Box::new(Given::new((cert, key), args.lifetimes.rotation_look, metrics, state)))
            }
            _ => Self::Own(Box::new(Own::new(args, around))),
        }
    }

    /// The first certificate; waits until there is one.
    pub async fn first(&mut self) -> TlsPair {
        match self {
            Self::Own(own) => own.first().await,
            Self::Given(given) => given.first().await,
        }
    }

    /// Keeps it until `end`; the gate opens when callers can believe it.
    pub async fn keep(self, served: Served, gate: Gate, end: CancellationToken) {
        let keep = async {
            match self {
                Self::Own(own) => own.keep(served, gate).await,
                Self::Given(given) => given.keep(served, gate).await,
            }
        };
        Box::pin(end.run_until_cancelled(keep)).await;
    }
}

/// Says what went wrong when it is something else than before, and that it went well again.
#[derive(Debug, Default)]
struct Said(Option<String>);

impl Said {
    fn say(&mut self, problem: Option<String>) {
        match (&self.0, &problem) {
            (was, Some(now)) if was.as_ref() != Some(now) => {
                tracing::warn!(problem = now, "the webhook's certificate");
            }
            (Some(_), None) => tracing::info!("the webhook's certificate is looked after again"),
            _ => {}
        }
        self.0 = problem;
    }
}
