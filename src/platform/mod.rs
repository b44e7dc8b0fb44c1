//! Client, certificates, events, readiness, shutdown: what every part needs of the world around it.

#[cfg(feature = "operator")]
pub mod certs;
pub mod conditions;
mod error;
mod events;
mod failpoint;
#[cfg(feature = "operator")]
mod heard;
#[cfg(feature = "operator")]
mod lease;
mod managers;
#[cfg(feature = "operator")]
pub mod metrics;
mod readiness;
#[cfg(feature = "runtime")]
mod shutdown;
pub mod status;
#[cfg(feature = "runtime")]
pub mod telemetry;

pub use error::PlatformError;
pub use events::{EventKind, Events, Note};
pub use failpoint::{OPERATOR as OPERATOR_FAILPOINTS, RUNNER as RUNNER_FAILPOINTS, failpoint};
#[cfg(feature = "operator")]
pub use heard::{OnHeard, client_heard_by};
#[cfg(feature = "operator")]
pub use lease::{Leadership, lead};
pub use managers::manager;
pub use readiness::{Gate, Readiness};
#[cfg(feature = "runtime")]
pub use shutdown::on_signal;

/// Like [`client`], but an answer 429 or 503 is handed on and not tried again.
#[cfg(feature = "operator")]
pub async fn client_without_retries() -> Result<kube::Client, PlatformError> {
    let mut config = kube::Config::infer().await.map_err(|e| PlatformError::NoCluster(Box::new(e)))?;
    config.default_retry = false;
    kube::Client::try_from(config).map_err(|e| PlatformError::Client(Box::new(e)))
}

/// A client for the cluster that `KUBECONFIG` names, or the one this process runs in.
pub async fn client() -> Result<kube::Client, PlatformError> {
    let config = kube::Config::infer().await.map_err(|e| PlatformError::NoCluster(Box::new(e)))?;
    kube::Client::try_from(config).map_err(|e| PlatformError::Client(Box::new(e)))
}
