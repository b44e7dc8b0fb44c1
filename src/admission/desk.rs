//! Where reviews are judged: only so many at once, on threads of their own, each within the time that its asker has.
//!
//! A review can be megabytes long and its judgement is work for a processor, not waiting. On the threads that also serve
//! health, a few of them would make the operator look dead; unbounded, many of them would use up memory. What cannot be
//! judged in time fails with the code 503 and in so many words, so that nobody has to guess from a connection that broke
//! off; whether the object comes in is then up to the webhook's failure policy.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, Uri, header::CONTENT_LENGTH, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};

use super::{BadReview, Decision, NotReady, Reviewed, envelope::unjudged, journal, review};
use crate::platform::metrics::{Metrics, ReasonLabel, ReviewLabels};

/// The API server sends objects of 3 MiB at most, and an update sends two; what is longer is refused.
pub(super) const BODY_LIMIT: usize = 8 * 1024 * 1024;
/// Kilobytes of bodies that may be there at once; a permit each.
const ROOM: usize = 128 * 1024;
/// How often, and how many times, a Pod is looked for that the scheduler saw before us.
const POD_WAIT: (Duration, u32) = (Duration::from_millis(20), 50);
/// The time of an asker who does not say how long he waits: that of our own webhook configuration.
const TIME: Duration = Duration::from_secs(5);
/// An asker who says that he waits longer than this is not believed.
const LONGEST: Duration = Duration::from_secs(30);
const JSON: &str = "application/json";

/// Judges the bytes of a review.
pub(super) type Judge = dyn Fn(&[u8]) -> Result<Reviewed, BadReview> + Send + Sync;

/// Where reviews are judged.
#[derive(Clone)]
pub(super) struct Desk {
    judge: Arc<Judge>,
    turns: Arc<Semaphore>,
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

impl Desk {
    /// A desk at which as many reviews are judged at once as there are processors.
    pub(super) fn new(judge: Arc<Judge>, metrics: Arc<Metrics>) -> Self {
        let turns = std::thread::available_parallelism().map_or(2, usize::from);
        Self { judge, turns: Arc::new(Semaphore::new(turns)), room: Arc::new(Semaphore::new(ROOM)), metrics }
    }

    /// Another judge at the same desk: turns and room are shared.
    pub(super) fn with(&self, judge: Arc<Judge>) -> Self {
        Self { judge, ..self.clone() }
    }

    /// Answers a review.
    pub(super) async fn answer(State(desk): State<Self>, request: Request) -> Response {
        let arrived = Instant::now();
        let end = (arrived + time_of(request.uri())).into();
        let response = desk.answer_by(request, arrived, end).await;
        desk.metrics.admission.duration.observe(arrived.elapsed().as_secs_f64());
        response
    }

    async fn answer_by(&self, request: Request, arrived: Instant, end: tokio::time::Instant) -> Response {
        let said = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        let size: usize = said.unwrap_or(BODY_LIMIT);
        if size > BODY_LIMIT {
            return too_large();
        }
        let permits = u32::try_from(size / 1024 + 1).unwrap_or(u32::MAX);
        let Ok(Ok(room)) = timeout_at(end, self.room.clone().acquire_many_owned(permits)).await else {
            return self.turned_away("Carnet holds too many reviews already; try again");
        };
        let body = match timeout_at(end, to_bytes(request.into_body(), BODY_LIMIT)).await {
            Ok(Ok(body)) => body,
            // It was longer than it said, or broke off, and then nobody reads the answer.
            Ok(Err(_)) => return too_large(),
            Err(_) => return self.turned_away("the review did not arrive in time"),
        };
        let reviewed = self.judge_by(body, end).await;
        drop(room);
        match reviewed {
            Ok(Reviewed { body, decision }) => {
                self.note(&decision, arrived.elapsed());
                let fails = decision.fails_the_call();
                let code = if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
                (code, [(CONTENT_TYPE, JSON)], body).into_response()
            }
            Err(error) => {
                tracing::warn!(%error, "admission review unreadable");
                (StatusCode::BAD_REQUEST, error.to_string()).into_response()
            }
        }
    }

    /// Judges, and again while a Pod is not known yet; gives up where the time is over.
    async fn judge_by(&self, body: Bytes, end: tokio::time::Instant) -> Result<Reviewed, BadReview> {
        let (pause, mut left) = POD_WAIT;
        loop {
            let why = match timeout_at(end, self.turns.clone().acquire_owned()).await {
                Err(_) | Ok(Err(_)) => NotReady::Busy,
                Ok(Ok(turn)) => match timeout_at(end, self.judge_once(turn, body.clone())).await {
                    Err(_) => NotReady::Late,
                    Ok(None) => NotReady::Broken,
                    // The scheduler's watch may be ahead of ours by a moment.
                    Ok(Some(Ok(reviewed)))
                        if reviewed.decision.not_ready == Some(NotReady::PodUnknown)
                            && left > 0
                            && tokio::time::Instant::now() + pause < end =>
                    {
                        left -= 1;
                        tokio::time::sleep(pause).await;
                        continue;
                    }
                    Ok(Some(done)) => return done,
                },
            };
            return gave_up(body, why).await;
        }
    }

    /// None where judging broke off. The turn ends with the work, even where nobody waits for it any more.
    async fn judge_once(
        &self,
        turn: OwnedSemaphorePermit,
        body: Bytes,
    ) -> Option<Result<Reviewed, BadReview>> {
        let judge = self.judge.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            judge(&body)
        });
        work.await.inspect_err(|error| tracing::error!(%error, "judging a review broke off")).ok()
    }

    fn turned_away(&self, why: &'static str) -> Response {
        self.not_ready(NotReady::Busy);
        tracing::warn!(why, "admission review turned away unread");
        (StatusCode::SERVICE_UNAVAILABLE, [(CONTENT_TYPE, JSON)], unjudged(why)).into_response()
    }

    fn not_ready(&self, why: NotReady) {
        self.metrics.admission.not_ready.get_or_create(&ReasonLabel { reason: why.as_str() }).inc();
    }

    fn note(&self, decision: &Decision, took: Duration) {
        let (mode, answer) = (journal::mode(decision.mode), decision.answer());
        let labels = ReviewLabels { verdict: decision.verdict, mode, answer };
        self.metrics.admission.reviews.get_or_create(&labels).inc();
        if let Some(why) = decision.not_ready {
            self.not_ready(why);
        }
        journal::write(decision, took);
    }
}

/// Words that the API server shows as they stand. Only the uid is looked for, on a thread where that harms nobody.
async fn gave_up(body: Bytes, why: NotReady) -> Result<Reviewed, BadReview> {
    let message = match why {
        NotReady::Busy => "Carnet is busy with other reviews and cannot judge this one in time; try again",
        NotReady::Late => "Carnet could not judge this in time; try again, or make the object smaller",
        NotReady::Broken | NotReady::Loading | NotReady::Stale | NotReady::PodUnknown => {
            "Carnet failed to judge this; its log says why"
        }
    };
    let work = tokio::task::spawn_blocking(move || review::give_up(&body, why, message.to_owned()));
    work.await.ok().flatten().ok_or_else(BadReview::no_uid)
}

fn too_large() -> Response {
    (StatusCode::PAYLOAD_TOO_LARGE, "a review of more than 8 MiB is not read").into_response()
}

/// How long the asker waits, less what the way back takes. The API server says it as `?timeout=5s`.
fn time_of(uri: &Uri) -> Duration {
    let said = uri.query().into_iter().flat_map(|q| q.split('&')).find_map(|p| p.strip_prefix("timeout="));
    let seconds = said.and_then(|t| t.strip_suffix('s')?.parse().ok()).map(Duration::from_secs);
    let time = seconds.unwrap_or(TIME).min(LONGEST);
    time * 9 / 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_asker_says_how_long_he_waits_and_a_tenth_is_kept_for_the_way_back() {
        let of = |uri: &'static str| time_of(&Uri::from_static(uri)).as_millis();
        assert_eq!(of("/review?timeout=10s"), 9000);
        assert_eq!(of("/review?a=b&timeout=1s"), 900);
        for unsaid in ["/review", "/review?timeout=", "/review?timeout=soon", "/review?timeout=1m0s"] {
            assert_eq!(of(unsaid), 4500, "{unsaid}");
        }
        assert_eq!(of("/review?timeout=9999999s"), 27_000);
    }
}
