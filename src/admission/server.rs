//! HTTP over TLS around [`review`].

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_server::tls_rustls::RustlsConfig;
use jiff::Timestamp;

use super::{BadReview, ReviewState, Reviewed, desk::Desk, review};
use crate::{
    core::ids::ObjectKey,
    index::{Index, Sight},
    platform::metrics::Metrics,
};

/// Stops the server.
pub type Handle = axum_server::Handle<SocketAddr>;

/// Where certificate and key come from, as PEM.
#[derive(Clone, Debug)]
pub enum TlsSource {
    /// Files.
    Files {
        /// Certificate chain.
        cert: PathBuf,
        /// Private key.
        key: PathBuf,
    },
    /// Texts.
    Pem {
        /// Certificate chain.
        cert: String,
        /// Private key.
        key: String,
    },
}

/// A server that runs.
#[derive(Clone)]
pub struct Served {
    /// Stops it, and knows its address.
    pub handle: Handle,
    tls: RustlsConfig,
}

impl TlsSource {
    async fn load(&self) -> io::Result<RustlsConfig> {
        match self {
            Self::Files { cert, key } => RustlsConfig::from_pem_file(cert, key).await,
            Self::Pem { cert, key } => RustlsConfig::from_pem(cert.clone().into(), key.clone().into()).await,
        }
    }
}

impl Served {
    /// Takes a new certificate; connections that are open keep theirs.
    pub async fn reload(&self, source: &TlsSource) -> io::Result<()> {
        let new = source.load().await?;
        self.tls.reload_from_config(new.get_inner());
        Ok(())
    }
}

/// Prepares a server on `addr`; the future runs it until its handle stops it.
pub async fn serve(
    addr: SocketAddr,
    source: &TlsSource,
    index: Arc<Index>,
    metrics: Arc<Metrics>,
) -> io::Result<(Served, impl Future<Output = io::Result<()>> + Send + use<>)> {
    let judge = {
        let index = index.clone();
        move |body: &[u8]| judge(&index, body)
    };
    serve_by(addr, source, index, Desk::new(Arc::new(judge), metrics)).await
}

/// Like [`serve`], with a judge of its own.
pub(super) async fn serve_by(
    addr: SocketAddr,
    source: &TlsSource,
    index: Arc<Index>,
    desk: Desk,
) -> io::Result<(Served, impl Future<Output = io::Result<()>> + Send + use<>)> {
    // A second call finds one installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = source.load().await?;
    let handle = Handle::new();
    let server = axum_server::bind_rustls(addr, tls.clone())
        .handle(handle.clone())
        .serve(router(index, desk).into_make_service());
    Ok((Served { handle, tls }, server))
}

fn router(index: Arc<Index>, desk: Desk) -> Router {
    let health =
        Router::new().route("/livez", get(async || "ok")).route("/readyz", get(get_ready)).with_state(index);
    Router::new().route("/review", post(Desk::answer)).with_state(desk).merge(health)
}

async fn get_ready(State(index): State<Arc<Index>>) -> Response {
    let closed = |why: String| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    match index.sight() {
        Sight::Clear => "ok".into_response(),
        Sight::Loading => closed("the caches are still loading".into()),
        Sight::Stale { watch, silent } => {
            closed(format!("nothing was heard of {watch} for {} s", silent.as_secs()))
        }
    }
}

fn judge(index: &Index, body: &[u8]) -> Result<Reviewed, BadReview> {
    // Sight first: a snapshot that is read after it is at least as new.
    let sight = index.sight();
    let texts = |key: &ObjectKey| index.config_map(key);
    let state = ReviewState { snapshot: index.snapshot(), sight, pods: index, config_maps: Some(&texts) };
    review(&state, body, Timestamp::now())
}
