//! `carnet-operator run`.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    certificate::{CertificateError, certificate},
    config::{ConfigError, RunArgs},
    watches,
};
use crate::{
    admission,
    controllers::{Shared, backstop, declared, retention, transfers},
    index::{Context, Index},
    parse::law::{self, LawError},
    platform::{
        self, Leadership, PlatformError, Readiness,
        metrics::{self, Metrics, ServeError},
        telemetry,
    },
};

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
    /// There is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Admission cannot be served.
    #[error("serving admission on {addr}: {source}")]
    Admission {
        /// Address.
        addr: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
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
    telemetry::start(args.log_format);
    // A second call finds one installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let law = Arc::new(match &args.law_pack {
        None => law::built_in()?,
        Some(path) => {
            let text = tokio::fs::read_to_string(path)
                .await
                .map_err(|source| RunError::ReadLaw { path: path.display().to_string(), source })?;
            law::from_yaml(&text)?
        }
    });
    let settings = Arc::new(args.settings(&law)?);
    let shutdown = platform::on_signal()?;
    let client = platform::client().await?;
    let readiness = Readiness::default();
    let loaded = readiness.gate("caches");
    let serving = readiness.gate("admission");
    let metrics = Arc::new(Metrics::default());
    let index = Arc::new(Index::stale_after(args.stale_after, law.clone(), settings.clone()));
    let identity = identity();
    tracing::info!(law = law.version, identity, "starting");

    let mut parts: JoinSet<Result<(), RunError>> = JoinSet::new();
    {
        let (metrics, readiness, end) = (metrics.clone(), readiness.clone(), shutdown.clone());
        let addr = args.metrics_addr;
        parts.spawn(async move { Ok(metrics::serve(addr, metrics, readiness, end).await?) });
    }
    let context = Context { law, settings };
    watches::spawn(&index, &context, args.stale_after, (&metrics, loaded), &shutdown).await?;

    let source = certificate(&client, &args).await?;
    let failed = |source| RunError::Admission { addr: args.webhook_addr, source };
    let (served, server) =
        admission::serve(args.webhook_addr, &source, index.clone(), metrics.clone()).await.map_err(failed)?;
    let addr = args.webhook_addr;
    parts.spawn(async move { server.await.map_err(|source| RunError::Admission { addr, source }) });
    serving.open();
    let shared = Shared { client, index, metrics, identity, shutdown: shutdown.clone() };
    {
        let args = args.clone();
        parts.spawn(async move { lead(shared, args).await });
    }

    let first = tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        ended = parts.join_next() => match ended {
            Some(Ok(result)) if !shutdown.is_cancelled() => result.and(Err(RunError::Ended("a part"))),
            _ => Ok(()),
        },
    };
    shutdown.cancel();
    // Reviews that are under way are answered: the API server would take silence for a refusal.
    served.handle.graceful_shutdown(Some(std::time::Duration::from_secs(5)));
    let end = async { while parts.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(8), end).await;
    tracing::info!("ended");
    first
}

/// Runs the controllers for as long as this replica leads.
async fn lead(shared: Shared, args: RunArgs) -> Result<(), RunError> {
    let shutdown = shared.shutdown.clone();
    let mut leadership = if args.leader_elect {
        platform::lead(shared.client.clone(), &args.own_namespace, &shared.identity).await?
    } else {
        Leadership::always()
    };
    let gained = tokio::select! {
        gained = leadership.gained() => gained,
        () = shutdown.cancelled() => false,
    };
    if gained {
        shared.metrics.leader.set(1);
        tracing::info!("leading");
        let lost = tokio::select! {
            () = control(shared, &args, &shutdown) => false,
            () = leadership.lost() => !shutdown.is_cancelled(),
        };
        if lost {
            return Err(RunError::LeadershipLost);
        }
    } else if !shutdown.is_cancelled() {
        return Err(RunError::LeadershipLost);
    }
    leadership.release().await;
    Ok(())
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
    let (standing, stood_on) = tokio::sync::watch::channel(transfers::Standing::default());
    all.spawn(transfers::run(shared.clone(), standing));
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
    let _ = tokio::time::timeout(std::time::Duration::from_secs(3), end).await;
}

/// Name of this replica: its Pod's, where it has one.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|h| !h.is_empty());
    host.unwrap_or_else(|| format!("carnet-operator-{}", std::process::id()))
}
