//! How connections end, and who is let in.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio::task::spawn_blocking;

use super::serving::{Connection, Site, a_pod, authority, get, pair, post};
use crate::admission::guests::ROOM;

/// What callers know of the sites: whom a new connection goes to.
struct Callers {
    sites: [SocketAddr; 2],
    to: AtomicUsize,
    end: AtomicBool,
    answered: [AtomicUsize; 2],
    lost: AtomicUsize,
}

impl Callers {
    /// Like an API server: keeps its connection until it is told that it closes, repeats nothing.
    fn call(&self, ca: &str, pause: Duration) {
        let mut kept: Option<(usize, Connection)> = None;
        while !self.end.load(Ordering::SeqCst) {
            let (to, mut connection) = kept.take().unwrap_or_else(|| {
                let to = self.to.load(Ordering::SeqCst);
                (to, Connection::open(self.sites[to], ca))
            });
            match connection.ask(&post("/review", &a_pod())) {
                Ok(answer) => {
                    assert_eq!(answer.status, 200);
                    self.answered[to].fetch_add(1, Ordering::SeqCst);
                    kept = (!answer.closes).then_some((to, connection));
                }
                Err(_) => {
                    self.lost.fetch_add(1, Ordering::SeqCst);
                }
            }
            std::thread::sleep(pause);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_loses_no_request_of_callers_that_keep_their_connections() {
    let signer = authority();
    let (old, new) = (Site::with(&signer, None, ROOM).await, Site::with(&signer, None, ROOM).await);
    let callers = Arc::new(Callers {
        sites: [old.addr, new.addr],
        to: AtomicUsize::new(0),
        end: AtomicBool::new(false),
        answered: Default::default(),
        lost: AtomicUsize::new(0),
    });
    let all: Vec<_> = (0..12)
        .map(|n| {
            let (callers, ca) = (callers.clone(), signer.authority.cert_pem.clone());
            spawn_blocking(move || callers.call(&ca, Duration::from_millis(n * 5)))
        })
        .collect();
    // One that is kept and not used any more, as those of a busy hour are.
    let (addr, ca) = (old.addr, signer.authority.cert_pem.clone());
    let idle = spawn_blocking(move || {
        let mut idle = Connection::open(addr, &ca);
        assert!(!idle.ask(&get("/livez")).unwrap().closes);
        idle
    });
    let idle = idle.await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(callers.answered[0].load(Ordering::SeqCst) > 20);
    let served = old.served.clone();
    let drained = tokio::spawn(async move { served.drain(Duration::from_secs(2)).await });
    // The endpoints change a little later: until then, new connections come to the one that drains.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (addr, ca) = (old.addr, signer.authority.cert_pem.clone());
    let ready = spawn_blocking(move || Connection::open(addr, &ca).ask(&get("/readyz")).unwrap());
    assert_eq!(ready.await.unwrap().status, 503);
    callers.to.store(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = callers.answered[0].load(Ordering::SeqCst);
    drained.await.unwrap();
    spawn_blocking(move || idle.rest().unwrap()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(2), async {
        while !old.ended.is_finished() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the server ends with its last connection");
    callers.end.store(true, Ordering::SeqCst);
    for caller in all {
        caller.await.unwrap();
    }
    assert_eq!(callers.lost.load(Ordering::SeqCst), 0);
    assert_eq!(callers.answered[0].load(Ordering::SeqCst), before);
    assert!(callers.answered[1].load(Ordering::SeqCst) > 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_that_is_under_way_when_the_drain_is_over_is_answered() {
    let signer = authority();
    let site = Site::with(
        &signer,
        Some(Arc::new(|body: &[u8]| {
            std::thread::sleep(Duration::from_secs(1));
            super::world::World { ready: false, ..Default::default() }.review(body)
        })),
        ROOM,
    )
    .await;
    let (addr, ca) = (site.addr, signer.authority.cert_pem.clone());
    let asked = spawn_blocking(move || Connection::open(addr, &ca).ask(&post("/review", &a_pod())).unwrap());
    tokio::time::sleep(Duration::from_millis(300)).await;
    site.served.drain(Duration::ZERO).await;
    assert!(asked.await.unwrap().closes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_closed_by_an_answer_now_and_then() {
    let signer = authority();
    let site = Site::with(&signer, None, ROOM).await;
    let (addr, ca) = (site.addr, signer.authority.cert_pem.clone());
    let closed = spawn_blocking(move || {
        let mut connection = Connection::open(addr, &ca);
        (1..2000).find(|_| connection.ask(&get("/livez")).unwrap().closes)
    });
    assert_eq!(closed.await.unwrap(), Some(1024));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_hold_connections_and_say_nothing_push_out_each_other() {
    let signer = authority();
    let site = Site::with(&signer, None, 4).await;
    let (addr, ca) = (site.addr, signer.authority.cert_pem.clone());
    let work = spawn_blocking(move || {
        let mut caller = Connection::open(addr, &ca);
        let mut ask = move || assert_eq!(caller.ask(&get("/livez")).unwrap().status, 200);
        ask();
        let mut holders = vec![];
        for n in 0..20 {
            // Half of them do not even shake hands.
            let tcp = TcpStream::connect(addr).unwrap();
            tcp.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            holders.push(tcp);
            if n % 2 == 0 {
                let mut spoken = Connection::open(addr, &ca);
                spoken.ask(&get("/livez")).unwrap();
                std::mem::forget(spoken);
            }
            std::thread::sleep(Duration::from_millis(20));
            ask();
        }
        // The first of them was closed long before a handshake is given up.
        let begun = Instant::now();
        let read = std::io::Read::read(&mut holders[0], &mut [0; 1]);
        assert!(matches!(read, Ok(0) | Err(_)) && begun.elapsed() < Duration::from_secs(2), "{read:?}");
    });
    work.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_is_not_offered() {
    let signer = authority();
    let site = Site::with(&signer, None, ROOM).await;
    let (addr, ca) = (site.addr, signer.authority.cert_pem.clone());
    let spoken = spawn_blocking(move || {
        let mut roots = RootCertStore::empty();
        for cert in rustls_pemfile::certs(&mut ca.as_bytes()) {
            roots.add(cert.unwrap()).unwrap();
        }
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client =
            ClientConnection::new(Arc::new(config), addr.ip().to_string().try_into().unwrap()).unwrap();
        let mut tls = StreamOwned::new(client, TcpStream::connect(addr).unwrap());
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock).unwrap();
        }
        tls.conn.alpn_protocol().map(<[u8]>::to_vec)
    });
    assert_eq!(spoken.await.unwrap(), Some(b"http/1.1".to_vec()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_served_to_new_connections_and_open_ones_go_on() {
    let (one, two) = (authority(), authority());
    let site = Site::with(&one, None, ROOM).await;
    let (served, addr) = (site.served.clone(), site.addr);
    let work = spawn_blocking(move || {
        let mut kept = Connection::open(addr, &one.authority.cert_pem);
        let asks = |connection: &mut Connection| connection.ask(&get("/livez")).map(|a| a.status).ok();
        assert_eq!(asks(&mut kept), Some(200));
        served.reload(&pair(&two)).unwrap();
        assert_eq!(asks(&mut kept), Some(200));
        assert_eq!(asks(&mut Connection::open(addr, &two.authority.cert_pem)), Some(200));
        assert_eq!(asks(&mut Connection::open(addr, &one.authority.cert_pem)), None);
        let mixed = crate::admission::TlsPair { cert: pair(&one).cert, key: pair(&one).key };
        assert!(served.reload(&mixed).is_err());
        assert_eq!(asks(&mut Connection::open(addr, &two.authority.cert_pem)), Some(200));
    });
    work.await.unwrap();
}
