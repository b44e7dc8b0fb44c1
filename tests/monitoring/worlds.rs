//! Metrics as a cluster that is well would have them, and as one in which everything is wrong.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use carnet::{
    api::watched::WATCHES,
    platform::{
        Readiness,
        metrics::{
            self, ANSWERS, CertificateMetrics, DECLARED_KINDS, EVICTIONS, EvictionLabel, FINDINGS,
            FLOW_STATES, FindingLabel, FlowState, KindLabel, MODES, Metrics, NOT_READY, PolicyLabel,
            PolicyRow, RUN_PHASES, RUN_RESULTS, ReasonLabel, ReviewLabels, RunPhaseLabel, RunResultLabel,
            VERDICTS, WatchLabel,
        },
    },
    testbed::install::free_address,
};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::{CancellationToken, DropGuard};

#[expect(clippy::unnecessary_wraps, reason = "what is known is an option everywhere here")]
fn at(hours: i64) -> Option<Timestamp> {
    Some(Timestamp::now() + SignedDuration::from_hours(hours))
}

fn policy(name: &str, ill: bool) -> PolicyRow {
    PolicyRow {
        of: PolicyLabel { policy_namespace: "shop".into(), policy: name.into() },
        watermark: at(-1),
        applies: true,
        due: if ill { 12 } else { 0 },
        next_run: at(if ill { -5 } else { 5 }),
        waits_since: at(if ill { -100 } else { -1 }),
        works_since: at(if ill { -100 } else { -1 }),
    }
}

/// Everything that a replica which leads can say.
fn state(all: &Metrics, ill: bool) {
    let bad = usize::from(ill);
    all.process.runs(if ill { "an-older-law" } else { "the-law" });
    all.process.leader.set(i64::from(!ill));
    all.transfers.flows.counts(FLOW_STATES.map(|state| (FlowState { state }, 3)));
    all.transfers.findings.counts(FINDINGS.map(|finding| (FindingLabel { finding }, bad)));
    all.transfers.violating_pods.count(bad);
    all.transfers.evictions_waiting.count(bad);
    all.transfers.evictions_held.count(bad);
    for result in EVICTIONS {
        all.transfers.evictions.get_or_create(&EvictionLabel { result }).inc();
    }
    all.transfers.single_legged.count(bad);
    all.transfers.contradicted_nodes.count(bad);
    all.transfers.reports_unwritten.count(bad);
    all.transfers.next_lapse.instant(at(if ill { 12 } else { 24 * 300 }));
    all.transfers.judged.instant(at(0));
    all.backstop.left_out.count(bad * 3);
    all.backstop.unwritten.count(bad * 2);
    all.retention.begin();
    all.retention.runs.counts(RUN_PHASES.map(|phase| (RunPhaseLabel { phase }, 2)));
    let many = if ill { metrics::REPORTED + 5 } else { 2 };
    all.retention.policies((0..many).map(|n| policy(&format!("p{n:05}"), ill)).collect());
    for told in [CertificateMetrics::leaf, CertificateMetrics::authority] {
        told(&all.certificates, at(if ill { 24 } else { 24 * 60 }).unwrap_or_default());
    }
    all.enforcement.seen(bad * 3);
    all.declared.invalid.counts(DECLARED_KINDS.map(|kind| (KindLabel { kind }, bad)));
    for watch in WATCHES {
        all.caches.silence.set(WatchLabel { watch }, if ill { 140.0 } else { 3.0 });
    }
    all.caches.stale_after.set(150.0);
    all.caches.revision.count(7);
    all.caches.published.instant(at(-1));
}

/// What goes on counting.
fn go_on(all: &Metrics, ill: bool) {
    for (n, verdict) in VERDICTS.into_iter().enumerate() {
        let (mode, answer) = (MODES[n % MODES.len()], ANSWERS[n % ANSWERS.len()]);
        all.admission.reviews.get_or_create(&ReviewLabels { verdict, mode, answer }).inc();
    }
    all.admission.duration.observe(if ill { 2.0 } else { 0.000_4 });
    for result in RUN_RESULTS.into_iter().filter(|result| ill || *result != "Failed") {
        all.retention.ended.get_or_create(&RunResultLabel { result }).inc();
    }
    if ill {
        all.transfers.events_dropped.inc();
        for reason in NOT_READY {
            all.admission.not_ready.get_or_create(&ReasonLabel { reason }).inc();
        }
    }
}

/// Metrics of which every one has a value.
pub fn whole(ill: bool) -> Metrics {
    let all = Metrics::default();
    state(&all, ill);
    go_on(&all, ill);
    all
}

/// A replica that serves such metrics, by the operator's own server, until it is dropped.
pub struct Replica {
    /// Where.
    pub address: SocketAddr,
    _end: DropGuard,
}

impl Replica {
    /// Starts it. `law` tells replicas of one ill cluster apart.
    pub fn start(ill: bool, law: &str) -> Self {
        let address = free_address(IpAddr::V4(Ipv4Addr::LOCALHOST)).expect("a free address");
        let metrics = Arc::new(whole(ill));
        metrics.process.runs(law);
        let readiness = Readiness::default();
        let gate = readiness.gate("caches");
        if !ill {
            gate.open();
        }
        let end = CancellationToken::new();
        let routes = metrics::routes(metrics.clone(), readiness);
        tokio::spawn(metrics::serve(address, routes, end.clone()));
        let until = end.clone();
        tokio::spawn(async move {
            while until.run_until_cancelled(tokio::time::sleep(Duration::from_millis(50))).await.is_some() {
                go_on(&metrics, ill);
            }
        });
        Self { address, _end: end.drop_guard() }
    }
}

/// What an API server serves of the webhooks that it asks, until it is dropped.
pub struct ApiServer {
    /// Where.
    pub address: SocketAddr,
    _end: DropGuard,
}

impl ApiServer {
    /// Starts it. An ill one does not reach ours and lets pass; nobody else's are reached either.
    pub async fn start(ill: bool) -> std::io::Result<Self> {
        let passed = Arc::new(AtomicU64::new(0));
        let page = move || {
            let n = passed.fetch_add(1, Ordering::Relaxed);
            let series = |name: &str| {
                format!(
                    "apiserver_admission_webhook_fail_open_count{{name=\"{name}\",type=\"validating\"}} {n}\n"
                )
            };
            let ours = if ill { series("pods.carnet.dev") } else { String::new() };
            let text = format!(
                "# TYPE apiserver_admission_webhook_fail_open_count counter\n{ours}{}",
                series("check.example.com")
            );
            async { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text) }
        };
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let end = CancellationToken::new();
        let served = axum::serve(listener, Router::new().route("/metrics", get(page)));
        let until = end.clone();
        tokio::spawn(async move { until.run_until_cancelled(served.into_future()).await });
        Ok(Self { address, _end: end.drop_guard() })
    }
}
