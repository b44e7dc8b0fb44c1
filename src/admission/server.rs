//! HTTP over TLS around [`review`].

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_server::tls_rustls::RustlsConfig;
use jiff::Timestamp;

use super::{BadReview, ReviewState, Reviewed, review};
use crate::{core::ids::ObjectKey, index::Index};

/// The API server sends objects of 3 MiB at most, and an update sends two; what is longer is refused.
const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// How often, and how many times, a Pod is looked for that the scheduler saw before us.
const POD_WAIT: (Duration, u32) = (Duration::from_millis(20), 50);

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
) -> io::Result<(Served, impl Future<Output = io::Result<()>> + Send + use<>)> {
    // A second call finds one installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = source.load().await?;
    let handle = Handle::new();
    let server = axum_server::bind_rustls(addr, tls.clone())
        .handle(handle.clone())
        .serve(router(index).into_make_service());
    Ok((Served { handle, tls }, server))
}

fn router(index: Arc<Index>) -> Router {
    Router::new()
        .route("/review", post(post_review).layer(DefaultBodyLimit::max(BODY_LIMIT)))
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(get_ready))
        .with_state(index)
}

async fn get_ready(State(index): State<Arc<Index>>) -> Response {
    if index.is_loaded() {
        "ok".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the caches are still loading").into_response()
    }
}

async fn post_review(State(index): State<Arc<Index>>, body: Bytes) -> Response {
    let (pause, tries) = POD_WAIT;
    let mut left = tries;
    let reviewed = loop {
        match review_once(&index, &body) {
            // The scheduler's watch may be ahead of ours by a moment.
            Ok(reviewed) if reviewed.awaits_pod && left > 0 => {
                left -= 1;
                tokio::time::sleep(pause).await;
            }
            done => break done,
        }
    };
    match reviewed {
        Ok(reviewed) => {
            log(&reviewed);
            ([(CONTENT_TYPE, "application/json")], reviewed.body).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "admission review unreadable");
            (StatusCode::BAD_REQUEST, error.to_string()).into_response()
        }
    }
}

fn review_once(index: &Index, body: &[u8]) -> Result<Reviewed, BadReview> {
    // Readiness first: a snapshot that is read after it is at least as new.
    let ready = index.is_loaded();
    let texts = |key: &ObjectKey| index.config_map(key);
    let state = ReviewState { snapshot: index.snapshot(), ready, pods: index, config_maps: Some(&texts) };
    review(&state, body, Timestamp::now())
}

fn log(reviewed: &Reviewed) {
    let d = &reviewed.decision;
    if d.allowed {
        tracing::debug!(
            uid = d.uid,
            kind = d.kind,
            namespace = d.namespace,
            name = d.name,
            operation = d.operation,
            dry_run = d.dry_run,
            verdict = d.verdict,
            "admission allowed"
        );
    } else {
        tracing::info!(
            uid = d.uid,
            kind = d.kind,
            namespace = d.namespace,
            name = d.name,
            operation = d.operation,
            dry_run = d.dry_run,
            verdict = d.verdict,
            "admission refused"
        );
    }
}
