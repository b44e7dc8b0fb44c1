//! Admission over real TLS, by a client that writes its own bytes.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

use super::world::{World, body as review, idle, pod, request, unjudged, using};
use crate::{
    admission::{
        BadReview, Reviewed, Served, TlsPair,
        desk::{Desk, Judge},
        drain::Drain,
        guests::ROOM,
        server::{serve, serve_by},
    },
    index::{Change, Index, STALE_AFTER, run_writer},
    parse,
    platform::{
        certs::{Authority, Signer, new_authority, new_leaf},
        metrics::Metrics,
    },
};

/// A server, and whoever trusts it.
pub(super) struct Site {
    pub(super) addr: SocketAddr,
    pub(super) served: Served,
    authority: Authority,
    metrics: Arc<Metrics>,
    /// Ends when the server has.
    pub(super) ended: JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.served.handle.shutdown();
    }
}

pub(super) fn authority() -> Signer {
    new_authority(Timestamp::now(), SignedDuration::from_hours(1)).unwrap()
}

pub(super) fn pair(signer: &Signer) -> TlsPair {
    let hour = SignedDuration::from_hours(1);
    let leaf = new_leaf(signer, &["127.0.0.1".into()], Timestamp::now(), hour).unwrap();
    TlsPair { cert: leaf.cert_pem, key: leaf.key_pem }
}

/// An index that knows nothing of the cluster yet.
fn loading(stale_after: Duration) -> Arc<Index> {
    Arc::new(Index::stale_after(stale_after, Arc::new(parse::law::built_in().unwrap()), Arc::default()))
}

/// An index of a cluster in which nothing is declared.
async fn loaded(stale_after: Duration) -> Arc<Index> {
    let index = loading(stale_after);
    let (changes, queue) = mpsc::channel(16);
    tokio::spawn(run_writer(index.clone(), queue, CancellationToken::new()));
    for done in Change::every_list_is_done() {
        changes.send(done).await.unwrap();
    }
    index.loaded().await;
    index
}

impl Site {
    /// One that judges by an index that has not loaded.
    async fn loading() -> Self {
        Self::start(&authority(), loading(STALE_AFTER), None, ROOM).await
    }

    /// One that hears nothing, and has loaded.
    async fn deaf(stale_after: Duration) -> Self {
        Self::start(&authority(), loaded(stale_after).await, None, ROOM).await
    }

    async fn judged_by(judge: Arc<Judge>) -> Self {
        Self::with(&authority(), Some(judge), ROOM).await
    }

    /// One with a certificate of this authority and room for so many.
    pub(super) async fn with(signer: &Signer, judge: Option<Arc<Judge>>, room: usize) -> Self {
        Self::start(signer, loaded(STALE_AFTER).await, judge, room).await
    }

    async fn start(signer: &Signer, index: Arc<Index>, judge: Option<Arc<Judge>>, room: usize) -> Self {
        let pair = pair(signer);
        let metrics = Arc::new(Metrics::default());
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let (served, ended) = match judge {
            None if room == ROOM => {
                let (served, server) = serve(any, &pair, index, metrics.clone()).await.unwrap();
                (served, tokio::spawn(async { server.await.unwrap() }))
            }
            judge => {
                let desk = Desk::new(judge.unwrap_or_else(|| Arc::new(answer)), metrics.clone());
                let listener = tokio::net::TcpListener::bind(any).await.unwrap();
                let (served, server) =
                    serve_by(listener, &pair, Drain::new(index), [desk.clone(), desk], room).unwrap();
                (served, tokio::spawn(async { server.await.unwrap() }))
            }
        };
        let addr = served.handle.listening().await.unwrap();
        Self { addr, served, authority: signer.authority.clone(), metrics, ended }
    }

    /// Asks, on a connection of its own.
    fn ask(&self, asked: Vec<u8>) -> JoinHandle<Answer> {
        let (addr, ca) = (self.addr, self.authority.cert_pem.clone());
        spawn_blocking(move || Connection::open(addr, &ca).ask(&asked).unwrap())
    }

    fn metrics(&self) -> String {
        self.metrics.encode().unwrap()
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    /// Whether the connection ends with it.
    pub(super) closes: bool,
    body: Vec<u8>,
}

impl Answer {
    fn response(&self) -> Value {
        let review: Value = serde_json::from_slice(&self.body).unwrap();
        review["response"].clone()
    }

    /// What the call fails with: nothing was judged.
    #[track_caller]
    fn unjudged(&self) -> String {
        assert_eq!(self.status, 503);
        unjudged(&self.body)
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(super) struct Connection(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Connection {
    pub(super) fn open(addr: SocketAddr, ca: &str) -> Self {
        Self::try_open(addr, ca).unwrap()
    }

    pub(super) fn try_open(addr: SocketAddr, ca: &str) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for cert in rustls_pemfile::certs(&mut ca.as_bytes()) {
            roots.add(cert.unwrap()).unwrap();
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = addr.ip().to_string().try_into().unwrap();
        let tcp = TcpStream::connect(addr)?;
        // No answer fails a test, it does not hang it.
        tcp.set_read_timeout(Some(Duration::from_secs(20)))?;
        let tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), tcp);
        Ok(Self(BufReader::new(tls)))
    }

    /// Reads until the other side has closed it; what was read.
    pub(super) fn rest(mut self) -> io::Result<usize> {
        self.0.read_to_end(&mut vec![])
    }

    pub(super) fn ask(&mut self, asked: &[u8]) -> io::Result<Answer> {
        self.0.get_mut().write_all(asked)?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok());
        let (mut length, mut closes) = (0, false);
        loop {
            let mut header = String::new();
            self.0.read_line(&mut header)?;
            match header.trim().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", n)) => length = n.parse().unwrap(),
                Some(("connection", "close")) => closes = true,
                None if header.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status: status.unwrap_or_default(), closes, body })
    }
}

pub(super) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: carnet\r\n\r\n").into_bytes()
}

pub(super) fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let mut asked = format!("POST {path} HTTP/1.1\r\nHost: carnet\r\nContent-Length: {}\r\n\r\n", body.len())
        .into_bytes();
    asked.extend(body);
    asked
}

pub(super) fn a_pod() -> Vec<u8> {
    review(&request("/pods", &pod(&using(None))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_serves_one_review_after_another() {
    let site = Site::with(&authority(), None, ROOM).await;
    let (addr, ca) = (site.addr, site.authority.cert_pem.clone());
    let all = spawn_blocking(move || {
        let mut connection = Connection::open(addr, &ca);
        [a_pod(), b"{".to_vec(), a_pod()].map(|body| connection.ask(&post("/review", &body)).unwrap())
    });
    let all = all.await.unwrap();
    assert_eq!(all.each_ref().map(|a| a.status), [200, 400, 200]);
    for judged in [&all[0], &all[2]] {
        assert_eq!(judged.response()["uid"], "u-1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_loaded_is_not_ready_and_fails_what_it_would_have_to_judge() {
    let site = Site::loading().await;
    let ready = site.ask(get("/readyz")).await.unwrap();
    assert_eq!((ready.status, ready.text()), (503, "the caches are still loading"));
    assert_eq!(site.ask(get("/livez")).await.unwrap().status, 200);
    let answer = site.ask(post("/review?timeout=5s", &a_pod())).await.unwrap();
    assert!(answer.unjudged().contains("still loading") && answer.closes);
    let text = site.metrics();
    for line in [
        "carnet_admission_reviews_total{verdict=\"not-ready\",mode=\"none\",answer=\"unjudged\"} 1",
        "carnet_admission_not_ready_total{reason=\"loading\"} 1",
        "carnet_admission_review_duration_seconds_count 1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_hears_nothing_any_more_judges_nothing_and_sends_its_callers_away() {
    let bound = Duration::from_secs(4);
    let site = Site::deaf(bound).await;
    let (addr, ca) = (site.addr, site.authority.cert_pem.clone());
    let work = spawn_blocking(move || {
        let secret = json!({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}});
        let mut connection = Connection::open(addr, &ca);
        let judged = connection.ask(&post("/review", &a_pod())).unwrap();
        assert!(judged.response()["allowed"] == true && !judged.closes);
        std::thread::sleep(bound);
        let answer = connection.ask(&post("/review", &a_pod())).unwrap();
        let message = answer.unjudged();
        assert!(message.contains("has heard nothing of") && answer.closes, "{message}");
        assert_eq!(connection.rest().unwrap(), 0);
        // What needs no judgement is answered, and the next question goes elsewhere all the same.
        let answer =
            Connection::open(addr, &ca).ask(&post("/review", &review(&request("/secrets", &secret))));
        let answer = answer.unwrap();
        assert!(answer.response()["allowed"] == true && answer.closes);
    });
    work.await.unwrap();
    assert!(site.metrics().contains("carnet_admission_not_ready_total{reason=\"stale\"} 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_nobody_judges_is_let_pass() {
    let site = Site::loading().await;
    let secret = json!({"kind": "Secret", "metadata": {"name": "s", "namespace": "n"}});
    let response =
        site.ask(post("/review", &review(&request("/secrets", &secret)))).await.unwrap().response();
    assert_eq!(response["allowed"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_review_are_a_bad_request() {
    let site = Site::loading().await;
    for body in [&b""[..], b"{", b"[]", b"{\"request\": {}}", b"\xff\xfe"] {
        assert_eq!(site.ask(post("/review", body)).await.unwrap().status, 400, "{body:?}");
    }
    // With a uid it is answered by that, so that the API server shows why.
    let response =
        site.ask(post("/review", &review(&json!({"uid": "u-9", "kind": 7})))).await.unwrap().response();
    assert_eq!((&response["uid"], &response["status"]["code"]), (&json!("u-9"), &json!(400)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_too_long_is_refused_before_it_is_sent() {
    let site = Site::loading().await;
    let said = b"POST /review HTTP/1.1\r\nHost: carnet\r\nContent-Length: 8388609\r\n\r\n".to_vec();
    assert_eq!(site.ask(said).await.unwrap().status, 413);
    let mut chunked = b"POST /review HTTP/1.1\r\nHost: carnet\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    chunked.extend(b"800001\r\n");
    chunked.resize(chunked.len() + 0x80_0001, b' ');
    assert_eq!(site.ask(chunked).await.unwrap().status, 413);
}

/// Judges nothing until it is let go.
#[derive(Default)]
struct Slow {
    open: Mutex<bool>,
    opened: Condvar,
    begun: AtomicUsize,
}

impl Slow {
    fn judge(self: &Arc<Self>) -> Arc<Judge> {
        let slow = self.clone();
        Arc::new(move |body: &[u8]| {
            slow.begun.fetch_add(1, Ordering::SeqCst);
            let open = slow.open.lock().unwrap();
            drop(slow.opened.wait_while(open, |open| !*open).unwrap());
            answer(body)
        })
    }

    fn let_go(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// Fails with the judge's own words.
fn answer(body: &[u8]) -> Result<Reviewed, BadReview> {
    World { ready: false, ..World::default() }.review(body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_are_counted_by_verdict_and_mode_and_timed() {
    let world = World::default();
    let site = Site::judged_by(Arc::new(move |body: &[u8]| world.review(body))).await;
    let of = |spec: Value| post("/review", &review(&request("/pods", &pod(&spec))));
    for spec in [using(Some("us-east-1")), using(Some("us-east-1")), using(Some("eu-west-1")), idle()] {
        assert_eq!(site.ask(of(spec)).await.unwrap().status, 200);
    }
    let text = site.metrics();
    for line in [
        "# TYPE carnet_admission_reviews_total counter",
        "carnet_admission_reviews_total{verdict=\"violation\",mode=\"Enforce\",answer=\"refused\"} 2",
        "carnet_admission_reviews_total{verdict=\"lawful\",mode=\"Enforce\",answer=\"allowed\"} 1",
        "carnet_admission_reviews_total{verdict=\"no-use\",mode=\"none\",answer=\"allowed\"} 1",
        "# TYPE carnet_admission_review_duration_seconds histogram",
        "carnet_admission_review_duration_seconds_bucket{le=\"5.0\"} 4",
        "carnet_admission_review_duration_seconds_count 4",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn slow_reviews_are_bounded_given_up_in_time_and_starve_nobody() {
    let slow = Arc::new(Slow::default());
    let site = Site::judged_by(slow.judge()).await;
    let processors = std::thread::available_parallelism().unwrap().get();
    let many: Vec<_> = (0..processors * 8).map(|_| site.ask(post("/review?timeout=1s", &a_pod()))).collect();
    // Every turn is taken while health is asked for.
    while slow.begun.load(Ordering::SeqCst) < processors {
        tokio::task::yield_now().await;
    }
    assert_eq!(site.ask(get("/livez")).await.unwrap().status, 200);
    assert_eq!(site.ask(get("/readyz")).await.unwrap().status, 200);
    let mut said = vec![];
    for asked in many {
        let answer = asked.await.unwrap();
        // Another handshake would make it no less busy.
        assert!(!answer.closes);
        said.push(answer.unjudged());
    }
    let of = |word: &str| said.iter().filter(|message| message.contains(word)).count();
    assert_eq!((of("could not judge this in time"), of("busy")), (processors, processors * 7), "{said:?}");
    assert_eq!(slow.begun.load(Ordering::SeqCst), processors);
    let text = site.metrics();
    for (reason, count) in [("late", processors), ("busy", processors * 7)] {
        let line = format!("carnet_admission_not_ready_total{{reason=\"{reason}\"}} {count}");
        assert!(text.contains(&line), "{line}\n{text}");
    }
    // A turn comes back when its work ends.
    slow.let_go();
    let message = site.ask(post("/review?timeout=20s", &a_pod())).await.unwrap().unjudged();
    assert!(message.contains("still loading"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judgement_that_breaks_off_fails_the_call_and_the_next_one_is_asked_for() {
    let broken = Arc::new(AtomicUsize::new(0));
    let site = Site::judged_by(Arc::new(move |body: &[u8]| {
        assert!(broken.fetch_add(1, Ordering::SeqCst) > 0, "a defect");
        answer(body)
    }))
    .await;
    for says in ["failed to judge", "still loading"] {
        let message = site.ask(post("/review", &a_pod())).await.unwrap().unjudged();
        assert!(message.contains(says), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let site = Site::loading().await;
    let half = b"POST /review?timeout=1s HTTP/1.1\r\nHost: carnet\r\nContent-Length: 100\r\n\r\n{".to_vec();
    assert_eq!(site.ask(half).await.unwrap().unjudged(), "the review did not arrive in time");
}
