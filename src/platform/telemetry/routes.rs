//! `/log-level`: the filter of the log, read and changed while the operator runs.
//!
//! From loopback alone. Whoever may open a port of the operator's Pod reaches it (`kubectl port-forward`), so that the
//! cluster's own rights decide; a workload of the cluster that merely reaches the address of the metrics does not.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, State},
    http::StatusCode,
    routing::get,
};

use super::LogControl;

const LONGEST: usize = 4096;

type Answer = (StatusCode, String);

/// `GET` and `PUT /log-level`.
pub fn routes(control: LogControl) -> Router {
    Router::new().route("/log-level", get(show).put(change)).with_state(control)
}

async fn show(State(control): State<LogControl>, ConnectInfo(peer): ConnectInfo<SocketAddr>) -> Answer {
    match not_from_here(peer) {
        Some(refused) => refused,
        None => (StatusCode::OK, format!("{}\n", control.filter())),
    }
}

async fn change(
    State(control): State<LogControl>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    body: Body,
) -> Answer {
    if let Some(refused) = not_from_here(peer) {
        return refused;
    }
    let wrong = |why: String| (StatusCode::BAD_REQUEST, format!("{why}\n"));
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return wrong(format!("a filter of more than {LONGEST} bytes is not read"));
    };
    let Ok(text) = std::str::from_utf8(&body) else { return wrong("the filter is not UTF-8".into()) };
    match control.set(text.trim()) {
        Ok(()) => (StatusCode::OK, format!("{}\n", control.filter())),
        Err(error) => wrong(error.to_string()),
    }
}

fn not_from_here(peer: SocketAddr) -> Option<Answer> {
    let why = "the log filter is shown and changed from this Pod alone: use kubectl port-forward\n";
    (!peer.ip().to_canonical().is_loopback()).then(|| (StatusCode::FORBIDDEN, why.into()))
}

#[cfg(test)]
mod tests {
    use axum::{extract::connect_info::MockConnectInfo, http::Request};
    use tower::ServiceExt;

    use super::*;
    use crate::platform::telemetry::{DEFAULT_FILTER, LogFormat, subscriber};

    async fn ask(router: &Router, peer: &str, method: &str, body: &'static str) -> (u16, String) {
        let peer: SocketAddr = peer.parse().unwrap();
        let router = router.clone().layer(MockConnectInfo(peer));
        let request = Request::builder().method(method).uri("/log-level").body(Body::from(body)).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), LONGEST).await.unwrap();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn whoever_is_here_reads_and_changes_it_and_nobody_else_does() {
        let (_subscriber, control) = subscriber(LogFormat::Json, DEFAULT_FILTER, std::io::sink).unwrap();
        let router = routes(control.clone());
        for here in ["127.0.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            control.set(DEFAULT_FILTER).unwrap();
            assert_eq!(ask(&router, here, "GET", "").await, (200, format!("{DEFAULT_FILTER}\n")));
            assert_eq!(ask(&router, here, "PUT", "debug\n").await, (200, "debug\n".into()));
            let (status, why) = ask(&router, here, "PUT", "loud").await;
            assert!(status == 400 && why.contains("`loud`"), "{status} {why}");
            assert_eq!(ask(&router, here, "GET", "").await.1, "debug\n");
            assert_eq!(ask(&router, here, "DELETE", "").await.0, 405);
        }
        for elsewhere in ["10.0.0.7:9", "[fd00::7]:9", "0.0.0.0:9"] {
            for method in ["GET", "PUT"] {
                let (status, why) = ask(&router, elsewhere, method, "off").await;
                assert!(status == 403 && why.contains("port-forward"), "{status} {why}");
            }
        }
        assert_eq!(control.filter(), "debug");
    }

    #[tokio::test]
    async fn a_filter_without_end_is_not_read() {
        let (_subscriber, control) = subscriber(LogFormat::Json, DEFAULT_FILTER, std::io::sink).unwrap();
        let long: &'static str = Box::leak("x".repeat(LONGEST + 1).into_boxed_str());
        let (status, why) = ask(&routes(control), "127.0.0.1:9", "PUT", long).await;
        assert!(status == 400 && why.contains("more than"), "{status} {why}");
    }
}
