//! How connections end. An answer says it (`Connection: close`), which loses no request; a connection that is closed
//! between two answers may lose one that is under way, since clients repeat no POST.
//!
//! While a replica is not ready, the Service leads new connections elsewhere. Those that are kept would stay, so each answer
//! ends its own.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use axum::{
    extract::State,
    http::{HeaderValue, header::CONNECTION},
    response::Response,
};

use crate::index::{Index, Sight};

/// A connection is closed after this many answers on average: API servers keep theirs for as long as they use them, and
/// would leave a replica that came later, or came back, without work.
const ANSWERS: u64 = 1024;

/// Whether answers close their connections.
#[derive(Clone)]
pub(super) struct Drain {
    index: Arc<Index>,
    ending: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
}

impl Drain {
    /// Of a replica that judges by `index`.
    pub(super) fn new(index: Arc<Index>) -> Self {
        Self { index, ending: Arc::default(), answers: Arc::default() }
    }

    /// Why others are to be asked; none while this replica is ready.
    pub(super) fn unready(&self) -> Option<String> {
        if self.has_begun() {
            return Some("ending".into());
        }
        match self.index.sight() {
            Sight::Clear => None,
            Sight::Loading => Some("the caches are still loading".into()),
            Sight::Stale { watch, silent } => {
                Some(format!("nothing was heard of {watch} for {} s", silent.as_secs()))
            }
        }
    }

    /// From now on, every answer closes its connection.
    pub(super) fn begin(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    fn has_begun(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Has an answer close its connection, where it is time to.
    #[expect(clippy::unused_async, reason = "axum")]
    pub(super) async fn close(State(drain): State<Self>, mut response: Response) -> Response {
        let turn = drain.answers.fetch_add(1, Ordering::Relaxed) % ANSWERS == ANSWERS - 1;
        if turn || drain.unready().is_some() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
