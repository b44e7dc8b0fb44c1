//! How connections end. An answer says it (`Connection: close`), which loses no request; a connection that is closed
//! between two answers may lose one that is under way, since clients repeat no POST.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use axum::{
    extract::State,
    http::{HeaderValue, header::CONNECTION},
    response::Response,
};

/// A connection is closed after this many answers on average: API servers keep theirs for as long as they use them, and
/// would leave a replica that came later, or came back, without work.
const ANSWERS: u64 = 1024;

/// Whether answers close their connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Drain {
    ending: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
}

impl Drain {
    /// From now on, every answer closes its connection.
    pub(super) fn begin(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    /// Whether it has begun.
    pub(super) fn has_begun(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Has an answer close its connection, where it is time to.
    #[expect(clippy::unused_async, reason = "axum")]
    pub(super) async fn close(State(drain): State<Self>, mut response: Response) -> Response {
        let turn = drain.answers.fetch_add(1, Ordering::Relaxed) % ANSWERS == ANSWERS - 1;
        if turn || drain.has_begun() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
