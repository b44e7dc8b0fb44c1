//! Metrics and health, on an address of their own.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio_util::sync::CancellationToken;

use super::{Metrics, text};
use crate::platform::Readiness;

/// Why metrics cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("serving metrics on {addr}: {source}")]
pub struct ServeError {
    addr: SocketAddr,
    source: std::io::Error,
}

#[derive(Clone)]
struct Served {
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// `/metrics`, `/readyz` and `/livez`.
pub fn routes(metrics: Arc<Metrics>, readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(show))
        .route("/readyz", get(ready))
        .route("/livez", get(|| async { "ok\n" }))
        .with_state(Served { metrics, readiness })
}

/// Serves routes until `shutdown`. They are told who asks.
pub async fn serve(addr: SocketAddr, routes: Router, shutdown: CancellationToken) -> Result<(), ServeError> {
    let failed = |source| ServeError { addr, source };
    let listener = tokio::net::TcpListener::bind(addr).await.map_err(failed)?;
    axum::serve(listener, routes.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move { shutdown.cancelled().await })
        .await
        .map_err(failed)
}

async fn show(State(served): State<Served>) -> Response {
    served.metrics.process.ready.set(i64::from(served.readiness.is_ready()));
    match served.metrics.encode() {
        Ok(body) => ([(CONTENT_TYPE, text::CONTENT_TYPE)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn ready(State(served): State<Served>) -> (StatusCode, String) {
    let closed = served.readiness.closed();
    if closed.is_empty() {
        (StatusCode::OK, "ok\n".into())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for: {}\n", closed.join(", ")))
    }
}
