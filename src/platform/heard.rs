//! A client that tells when an answer to a watch comes in. kube swallows bookmarks, and they are the only sign of life of
//! a watch on which nothing happens; so they are heard below it, where they are bytes.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Bytes,
    http::{Request, Response, Uri},
};
use futures::future::BoxFuture;
use http_body::{Body as HttpBody, Frame};
use kube::client::{Body, ClientBuilder};
use tower::{BoxError, Layer, Service, layer::layer_fn};

use super::PlatformError;

/// Told the plural of what is watched (`pods`) each time the API server takes a watch up or sends something on it.
pub type OnHeard = Arc<dyn Fn(&str) + Send + Sync>;

/// A client like [`super::client`]'s, whose watches are heard. Lists are not: a caller sees what they bring.
pub async fn client_heard_by(heard: OnHeard) -> Result<kube::Client, PlatformError> {
    let config = kube::Config::infer().await.map_err(|e| PlatformError::NoCluster(Box::new(e)))?;
    let builder = ClientBuilder::try_from(config).map_err(|e| PlatformError::Client(Box::new(e)))?;
    Ok(builder.with_layer(&hearing(heard)).build())
}

fn hearing<S>(heard: OnHeard) -> impl Layer<S, Service = Hearing<S>> {
    layer_fn(move |inner| Hearing { inner, heard: heard.clone() })
}

struct Hearing<S> {
    inner: S,
    heard: OnHeard,
}

impl<S, B> Service<Request<Body>> for Hearing<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = Response<Heard<B>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let tell = watched(request.uri()).map(|plural| (plural.to_owned(), self.heard.clone()));
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            // A refusal is no sign that the watch lives.
            let tell = tell.filter(|_| answer.status().is_success());
            if let Some((plural, heard)) = &tell {
                heard(plural);
            }
            Ok(answer.map(|inner| Heard { inner, tell }))
        })
    }
}

/// The plural of a watch's path; none where it is no watch.
fn watched(uri: &Uri) -> Option<&str> {
    let is_watch = uri.query()?.split('&').any(|p| matches!(p, "watch=true" | "watch=1"));
    uri.path().rsplit('/').next().filter(|_| is_watch)
}

struct Heard<B> {
    inner: B,
    tell: Option<(String, OnHeard)>,
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Heard<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(cx);
        if let (Poll::Ready(Some(Ok(_))), Some((plural, heard))) = (&frame, &self.tell) {
            heard(plural);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, convert::Infallible, sync::Mutex};

    use axum::http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    /// An answer of these pieces.
    struct Pieces(VecDeque<&'static str>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))))
        }
    }

    /// How often what was heard while a request was answered by two pieces.
    async fn heard(uri: &'static str, status: StatusCode) -> Vec<String> {
        let all = Arc::new(Mutex::new(vec![]));
        let sink = all.clone();
        let on_heard: OnHeard = Arc::new(move |plural| sink.lock().unwrap().push(plural.to_owned()));
        let inner = tower::service_fn(move |_: Request<Body>| async move {
            let mut answer = Response::new(Pieces(["event", "bookmark"].into()));
            *answer.status_mut() = status;
            Ok::<_, Infallible>(answer)
        });
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let mut body = hearing(on_heard).layer(inner).oneshot(request).await.unwrap().into_body();
        while std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await.is_some() {}
        let all = all.lock().unwrap();
        all.clone()
    }

    #[tokio::test]
    async fn a_watch_is_heard_when_it_is_taken_up_and_at_every_piece() {
        let uri = "/apis/carnet.dev/v1alpha1/datastores?&watch=true&resourceVersion=7";
        assert_eq!(heard(uri, StatusCode::OK).await, ["datastores"; 3]);
    }

    #[tokio::test]
    async fn a_refused_watch_is_not_heard() {
        assert!(heard("/api/v1/pods?watch=true", StatusCode::FORBIDDEN).await.is_empty());
    }

    #[tokio::test]
    async fn what_is_no_watch_is_not_heard() {
        for uri in ["/api/v1/pods", "/api/v1/pods?limit=500", "/api/v1/pods?watch=false"] {
            assert!(heard(uri, StatusCode::OK).await.is_empty(), "{uri}");
        }
    }
}
