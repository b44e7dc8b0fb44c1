//! `/status`: what this replica knows of itself and of its installation, as JSON.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    routing::get,
};
use jiff::Timestamp;
use prometheus_client::encoding::EncodeMetric;

use super::{config::RunArgs, intact::Standing};
use crate::{
    core::law::LawPack,
    index::{Index, Sight},
    platform::{
        certs::CertificateState,
        metrics::{Metrics, RunPhaseLabel},
        status::{API_VERSION, Backlog, CacheStatus, CertificateStatus, OperatorStatus, PATH, StaleWatch},
    },
};

/// What is asked for an answer.
#[derive(Clone)]
pub struct Asked {
    mode: String,
    law_pack: String,
    identity: String,
    exempt: Vec<String>,
    erasure: Vec<String>,
    index: Arc<Index>,
    metrics: Arc<Metrics>,
    standing: Arc<Standing>,
    certificates: Arc<CertificateState>,
}

impl Asked {
    /// Of this replica.
    pub fn new(
        args: &RunArgs,
        identity: &str,
        law: &LawPack,
        index: &Arc<Index>,
        metrics: &Arc<Metrics>,
        standing: &Arc<Standing>,
        certificates: &Arc<CertificateState>,
    ) -> Self {
        Self {
            mode: format!("{:?}", args.judging.transfers),
            law_pack: law.version.clone(),
            identity: identity.into(),
            exempt: index.snapshot().settings.exempt.iter().cloned().collect(),
            erasure: args.erasure().into_iter().collect(),
            index: index.clone(),
            metrics: metrics.clone(),
            standing: standing.clone(),
            certificates: certificates.clone(),
        }
    }

    fn answer(&self, now: Timestamp) -> OperatorStatus {
        let leads = self.metrics.process.leader.get() == 1;
        OperatorStatus {
            api_version: API_VERSION.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            law_pack: self.law_pack.clone(),
            mode: self.mode.clone(),
            replica: self.identity.clone(),
            leads,
            now: now.to_string(),
            enforcement: self.standing.report(),
            caches: self.caches(),
            certificates: self.certificates.report().map(|report| CertificateStatus {
                leaf_ends: Some(report.leaf_ends),
                authority_ends: report.authority_ends,
                problem: report.problem,
                signed_by: report.signed_by,
            }),
            next_lapse: self.next_lapse(now),
            backlog: self.backlog().filter(|_| leads),
            exempt_namespaces: self.exempt.clone(),
            erasure_namespaces: self.erasure.clone(),
        }
    }

    fn caches(&self) -> CacheStatus {
        let stale = match self.index.sight() {
            Sight::Stale { watch, silent } => {
                Some(StaleWatch { watch: watch.into(), silent_seconds: silent.as_secs() })
            }
            Sight::Clear | Sight::Loading => None,
        };
        CacheStatus { loaded: self.index.is_loaded(), stale }
    }

    /// From what the leader wrote, so that every replica knows it.
    fn next_lapse(&self, now: Timestamp) -> Option<String> {
        let state = self.index.state();
        let next = state
            .stores
            .iter()
            .filter_map(|(_, entry)| entry.object.as_ref()?.status.as_ref()?.transfers.as_ref())
            .filter_map(|transfers| transfers.next_change.as_ref()?.parse::<Timestamp>().ok())
            .filter(|at| *at > now)
            .min();
        next.map(|at| at.to_string())
    }

    /// The leader alone counts runs; a count that it has not made yet is no nought.
    fn backlog(&self) -> Option<Backlog> {
        let runs = &self.metrics.retention.runs;
        let count = |phase: &'static str| {
            let n = runs.get(&RunPhaseLabel { phase }).unwrap_or_default();
            // Whole and small: a count of objects.
            #[allow(clippy::cast_possible_truncation)]
            let n = n as i64;
            n
        };
        (!EncodeMetric::is_empty(runs)).then(|| Backlog {
            awaiting_approval: count("AwaitingApproval"),
            in_progress: ["Planning", "Approved", "Erasing"].map(count).iter().sum(),
        })
    }
}

/// The route.
pub fn routes(asked: Asked) -> Router {
    Router::new().route(PATH, get(show)).with_state(asked)
}

async fn show(
    State(asked): State<Asked>,
) -> Result<([(header::HeaderName, &'static str); 1], String), StatusCode> {
    let text = serde_json::to_string_pretty(&asked.answer(Timestamp::now()))
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text))
}
