//! HTTP over TLS around [`review`] and [`steer`].

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    middleware::map_response_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_server::{
    accept::NoDelayAcceptor,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use jiff::Timestamp;

use super::{
    BadReview, ReviewState, Reviewed, TlsPair,
    desk::Desk,
    drain::Drain,
    guests::{Guests, Host, ROOM},
    review, steer,
};
use crate::{core::ids::ObjectKey, index::Index, platform::metrics::Metrics};

/// How long a handshake may take; API servers give up after as long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may be idle, before its first request and between two. API servers close theirs after 90 s, also
/// one that they opened and then did not need; whoever closes first loses a request that is under way, so it is not us.
const IDLE: Duration = Duration::from_mins(2);
/// How long reviews that are under way have once there are no others to come: longer than most askers wait.
const LAST: Duration = Duration::from_secs(5);

/// Stops the server.
pub type Handle = axum_server::Handle<SocketAddr>;

/// A server that runs.
#[derive(Clone)]
pub struct Served {
    /// Stops it, and knows its address.
    pub handle: Handle,
    tls: RustlsConfig,
    drain: Drain,
}

impl Served {
    /// Takes a new certificate; connections that are open keep theirs.
    pub fn reload(&self, pair: &TlsPair) -> io::Result<()> {
        self.tls.reload_from_config(pair.config()?);
        Ok(())
    }

    /// Goes on answering for this long, each answer closing its connection, and then ends with what is under way.
    ///
    /// API servers learn from their answers to go elsewhere, and new connections come as long as somebody's list of
    /// endpoints still has this replica. Only a connection that was not used once in all this time is closed by us.
    pub async fn drain(&self, lasts: Duration) {
        self.drain.begin();
        tokio::time::sleep(lasts).await;
        self.handle.graceful_shutdown(Some(LAST));
    }
}

/// Prepares a server on `addr`; the future runs it until its handle stops it.
pub async fn serve(
    addr: SocketAddr,
    pair: &TlsPair,
    index: Arc<Index>,
    metrics: Arc<Metrics>,
) -> io::Result<(Served, impl Future<Output = io::Result<()>> + Send + use<>)> {
    let by = |answer: Answering| {
        let index = index.clone();
        Arc::new(move |body: &[u8]| judge(&index, answer, body))
    };
    let desk = Desk::new(by(review), metrics);
    let steering = desk.with(by(steer));
    let listener = tokio::net::TcpListener::bind(addr).await?;
    serve_by(listener, pair, Drain::new(index), [desk, steering], ROOM)
}

/// Answers the bytes of a review.
type Answering = fn(&ReviewState<'_>, &[u8], Timestamp) -> Result<Reviewed, BadReview>;

/// Like [`serve`], with judges of its own (the second one steers) and room for so many connections.
pub(super) fn serve_by(
    listener: tokio::net::TcpListener,
    pair: &TlsPair,
    drain: Drain,
    desks: [Desk; 2],
    room: usize,
) -> io::Result<(Served, impl Future<Output = io::Result<()>> + Send + use<>)> {
    let tls = RustlsConfig::from_config(pair.config()?);
    let handle = Handle::new();
    let acceptor =
        RustlsAcceptor::new(tls.clone()).handshake_timeout(HANDSHAKE).acceptor(NoDelayAcceptor::new());
    let mut server = axum_server::Server::from_listener(listener)
        .acceptor(Host { inner: acceptor, guests: Guests::new(room) })
        .first_request_timeout(IDLE)
        .handle(handle.clone())
        .http1_only();
    server.http_builder().http1().header_read_timeout(IDLE);
    let server = server.serve(router(desks, drain.clone()).into_make_service());
    Ok((Served { handle, tls, drain }, server))
}

fn router([judging, steering]: [Desk; 2], drain: Drain) -> Router {
    let desk = |path, desk| Router::new().route(path, post(Desk::answer)).with_state(desk);
    let health = Router::new()
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(get_ready))
        .with_state(drain.clone());
    desk("/review", judging)
        .merge(desk("/steer", steering))
        .merge(health)
        .layer(map_response_with_state(drain, Drain::close))
}

async fn get_ready(State(drain): State<Drain>) -> Response {
    match drain.unready() {
        None => "ok".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}

fn judge(index: &Index, answer: Answering, body: &[u8]) -> Result<Reviewed, BadReview> {
    // Sight first: a snapshot that is read after it is at least as new.
    let sight = index.sight();
    let texts = |key: &ObjectKey| index.config_map(key);
    let state = ReviewState { snapshot: index.snapshot(), sight, pods: index, config_maps: Some(&texts) };
    answer(&state, body, Timestamp::now())
}
