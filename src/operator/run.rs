//! `carnet-operator run`.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    certificate::{Around, Keeper, Leads},
    config::{ConfigError, OnLapse, RunArgs},
    intact::{self, IntactError},
    sole, status, watches,
};
use crate::{
    admission,
    controllers::{Shared, backstop, declared, reports, retention, transfers},
    index::{Context, Index},
    parse::law::{self, LawError},
    platform::{
        self, Gate, Leadership, PlatformError, Readiness,
        certs::CertificateState,
        metrics::{self, Metrics, ServeError},
        telemetry::{self, FilterError},
    },
};

/// What an end may take beside the drain: answering what is under way (5 s), giving up the lead (3 s and 3 s before the
/// drain is over). With the drain of 15 s this is well within the 45 s that the chart's Pods have.
const REST: Duration = Duration::from_secs(8);

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The law pack cannot be read.
    #[error("reading law pack {path}: {source}")]
    ReadLaw {
        /// File.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The law pack is wrong.
    #[error("law pack: {0}")]
    Law(#[from] LawError),
    /// A flag is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The world around is not as it must be.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// What was installed cannot be watched.
    #[error(transparent)]
    Intact(#[from] IntactError),
    /// Admission cannot be served.
    #[error("serving admission on {addr}: {source}")]
    Admission {
        /// Address.
        addr: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The log's filter is wrong.
    #[error(transparent)]
    Logs(#[from] FilterError),
    /// Metrics cannot be served.
    #[error(transparent)]
    Metrics(#[from] ServeError),
    /// Another replica leads now: whoever was leader starts anew.
    #[error("leadership is lost")]
    LeadershipLost,
    /// A part ended by itself.
    #[error("{0} ended by itself")]
    Ended(&'static str),
}

/// Runs until SIGTERM, SIGINT, or until a part fails.
pub async fn run(args: RunArgs) -> Result<(), RunError> {
    let logs = telemetry::start(args.logs.log_format, &args.logs.log_filter)?;
    // A second call finds one installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let law = Arc::new(match &args.judging.law_pack {
        None => law::built_in()?,
        Some(path) => {
            let text = tokio::fs::read_to_string(path)
                .await
                .map_err(|source| RunError::ReadLaw { path: path.display().to_string(), source })?;
            law::from_yaml(&text)?
        }
    });
    let settings = Arc::new(args.settings(&law)?);
    // The first token ends what others can do at once; the second one what reviews that still come are answered by.
    let leave = platform::on_signal()?;
    let end = CancellationToken::new();
    let client = platform::client().await?;
    let readiness = Readiness::default();
    let loaded = readiness.gate("caches");
    let serving = readiness.gate("admission");
    let believed = readiness.gate("certificate");
    let staying = readiness.gate("draining");
    staying.open();
    let metrics = Arc::new(Metrics::default());
    let index = Arc::new(Index::stale_after(args.stale_after, law.clone(), settings.clone()));
    let identity = identity();
    tracing::info!(law = law.version, identity, "starting");

    let standing = Arc::new(intact::Standing::default());
    let certificates = Arc::new(CertificateState::default());
    let mut parts: JoinSet<Result<(), RunError>> = JoinSet::new();
    {
        let (metrics, readiness, end) = (metrics.clone(), readiness.clone(), end.clone());
        let asked = status::Asked::new(&args, &identity, &law, &index, &metrics, &standing, &certificates);
        let addr = args.metrics_addr;
        metrics.process.runs(&law.version);
        let routes =
            metrics::routes(metrics, readiness).merge(telemetry::routes(logs)).merge(status::routes(asked));
        parts.spawn(async move { Ok(metrics::serve(addr, routes, end).await?) });
    }
    if !sole::wait(&client, &args, &identity, &readiness, &leave).await {
        return Ok(());
    }
    if let Some(file) = args.installed.enforcement.clone() {
        let eye = intact::Eye {
            file,
            standing,
            certificates: certificates.clone(),
            stale_after: args.stale_after,
            metrics: metrics.clone(),
            index: index.clone(),
            own_namespace: args.judging.own_namespace.clone(),
            identity: identity.clone(),
        };
        let (client, leave) = (client.clone(), leave.clone());
        parts.spawn(async move { Ok(intact::watch(eye, client, leave).await?) });
    }
    let context = Context { law, settings };
    watches::spawn(&index, &context, args.stale_after, (&metrics, loaded), &end).await?;
    let leads = Leads::default();
    let around = Around {
        client: client.clone(),
        identity: identity.clone(),
        leads: leads.clone(),
        metrics: metrics.clone(),
        state: certificates,
    };
    let shared = Shared { client, index, metrics, identity, shutdown: leave.clone() };
    // Before there is a certificate: an authority that cannot be used is mended by the leader.
    {
        let (shared, args) = (shared.clone(), args.clone());
        parts.spawn(async move { lead(shared, args, leads).await });
    }
    {
        let (shared, args, end) = (shared.clone(), args.clone(), end.clone());
        let keeper = Keeper::new(&args, around);
        parts.spawn(Box::pin(admit(shared, args, keeper, [serving, believed], end)));
    }

    let first = tokio::select! {
        () = leave.cancelled() => Ok(()),
        () = end.cancelled() => Ok(()),
        ended = parts.join_next() => match ended {
            Some(Ok(result)) if !leave.is_cancelled() => result.and(Err(RunError::Ended("a part"))),
            _ => Ok(()),
        },
    };
    // In this order no review is lost: callers hear first that others are to be asked, and another replica leads; the
    // server drains; what it judged by goes last.
    staying.close();
    leave.cancel();
    let ended = async { while parts.join_next().await.is_some() {} };
    let patience = args.lifetimes.drain.saturating_add(REST);
    if tokio::time::timeout(patience, ended).await.is_err() {
        tracing::warn!(seconds = patience.as_secs_f64(), "a part did not end in time");
    }
    tracing::info!("ended");
    first
}

/// Serves admission until `leave`, then drains; then everything ends.
async fn admit(
    shared: Shared,
    args: RunArgs,
    mut keeper: Keeper,
    [serving, believed]: [Gate; 2],
    end: CancellationToken,
) -> Result<(), RunError> {
    let _end = end.clone().drop_guard();
    let addr = args.webhook_addr;
    let failed = |source| RunError::Admission { addr, source };
    let Some(pair) = shared.shutdown.run_until_cancelled(keeper.first()).await else { return Ok(()) };
    let (served, server) =
        admission::serve(addr, &pair, shared.index.clone(), shared.metrics.clone()).await.map_err(failed)?;
    serving.open();
    tokio::pin!(server);
    let beside = async {
        let drained = async {
            tokio::select! {
                () = shared.shutdown.cancelled() => {}
                () = end.cancelled() => {}
            }
            // What reviews are judged by may have ended: then there is nothing to drain for.
            let lasts = if end.is_cancelled() { Duration::ZERO } else { args.lifetimes.drain };
            tracing::info!(seconds = lasts.as_secs_f64(), "draining: every answer closes its connection");
            served.drain(lasts).await;
        };
        tokio::join!(keeper.keep(served.clone(), believed, end.clone()), drained);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = &mut server => ended.map_err(failed),
        () = beside => Ok(()),
    }
}

/// Runs the controllers for as long as this replica leads.
async fn lead(shared: Shared, args: RunArgs, leads: Leads) -> Result<(), RunError> {
    let shutdown = shared.shutdown.clone();
    let Some(mut leadership) = shutdown.run_until_cancelled(candidacy(&shared, &args)).await else {
        return Ok(());
    };
    let gained = tokio::select! {
        gained = leadership.gained() => gained,
        () = shutdown.cancelled() => false,
    };
    if gained {
        shared.metrics.process.leader.set(1);
        shared.metrics.retention.begin();
        leads.set(true);
        tracing::info!("leading");
        let lost = tokio::select! {
            () = control(shared.clone(), &args, &shutdown) => false,
            () = leadership.lost() => !shutdown.is_cancelled(),
        };
        leads.set(false);
        shared.metrics.process.leader.set(0);
        if lost {
            return Err(RunError::LeadershipLost);
        }
    } else if !shutdown.is_cancelled() {
        return Err(RunError::LeadershipLost);
    }
    leadership.release().await;
    Ok(())
}

/// Takes part in the election; tries again where that is not possible, since rights may come later than we.
async fn candidacy(shared: &Shared, args: &RunArgs) -> Leadership {
    if !args.leader_elect {
        return Leadership::always();
    }
    loop {
        match platform::lead(shared.client.clone(), &args.judging.own_namespace, &shared.identity).await {
            Ok(leadership) => return leadership,
            Err(error) => tracing::warn!(%error, "trying again"),
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

async fn control(shared: Shared, args: &RunArgs, shutdown: &CancellationToken) {
    tokio::select! {
        () = shared.index.loaded() => {}
        () = shutdown.cancelled() => return,
    }
    let erasure = retention::Erasure {
        namespaces: args.erasure(),
        image: retention::Image {
            name: args.eraser_image.clone(),
            pull_policy: args.eraser_pull_policy.as_str().into(),
        },
    };
    let mut all = JoinSet::new();
    let (standing, stood_on) = tokio::sync::watch::channel(None);
    let flows = args.open_reports.then(|| {
        let (flows, judged) = tokio::sync::watch::channel(None);
        all.spawn(reports::run(shared.clone(), judged));
        flows
    });
    let limits = (args.on_lapse == OnLapse::Evict).then(|| args.eviction.limits());
    all.spawn(transfers::run(shared.clone(), standing, (flows, limits)));
    if args.backstop.backstop {
        all.spawn(backstop::run(shared.clone(), stood_on));
    }
    all.spawn(declared::run(shared.clone()));
    all.spawn(retention::run(shared, erasure));
    // One that ends, by a panic too, ends the process: the next one starts whole.
    if let Some(Err(error)) = all.join_next().await {
        tracing::error!(%error, "a controller broke off");
    }
    shutdown.cancel();
    let end = async { while all.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_secs(3), end).await;
}

/// Name of this replica: its Pod's, where it has one.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|h| !h.is_empty());
    host.unwrap_or_else(|| format!("carnet-operator-{}", std::process::id()))
}
