//! Keeps an eye on what the API server enforces: policies, bindings and the webhook's configuration against what was
//! installed. Every replica looks and counts; the leader says it in Events. Nothing is ever restored here: whoever
//! uninstalls Carnet must not have to fight it.

mod installed;
mod seen;
mod settle;
mod tell;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use installed::Installed;
pub use installed::InstalledError;
use seen::Seen;
use settle::Settle;
use tell::Tell;

pub use tell::reference as deployment;

use crate::{
    enforcement::{Deviation, compare},
    index::Index,
    platform::{
        PlatformError,
        certs::CertificateState,
        metrics::Metrics,
        status::{DEVIATIONS, EnforcementState, EnforcementStatus},
    },
};

/// How often it is judged whether something changed.
const LOOK: Duration = Duration::from_millis(500);
/// How often the file is looked at.
const READ: Duration = Duration::from_secs(5);
/// How long our authority may be on its way into the webhook's configuration after the start.
const BEGINS: Duration = Duration::from_secs(30);
/// How long a first deviation must last: an installation writes one object after the other.
const LASTS: Duration = Duration::from_secs(1);

/// What is known of enforcement, shared by who watches and who reports.
#[derive(Debug, Default)]
pub struct Standing(Mutex<EnforcementStatus>);

impl Standing {
    /// The last answer.
    pub fn report(&self) -> EnforcementStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: EnforcementState, why: Option<String>, deviations: &[Deviation]) {
        let first: Vec<_> = deviations.iter().take(DEVIATIONS).cloned().collect();
        let more = deviations.len() - first.len();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            EnforcementStatus { state, why, deviations: first, more };
    }
}

/// What the eye needs.
pub struct Eye {
    /// What was installed.
    pub file: PathBuf,
    /// Takes the answer.
    pub standing: Arc<Standing>,
    /// Knows the authority that we serve under, where it is ours.
    pub certificates: Arc<CertificateState>,
    /// Silence beyond this counts as not seeing.
    pub stale_after: Duration,
    /// Takes the numbers, and knows whether this replica leads.
    pub metrics: Arc<Metrics>,
    /// Knows whether our namespace is going.
    pub index: Arc<Index>,
    /// Namespace of the operator.
    pub own_namespace: String,
    /// Name of this replica.
    pub identity: String,
}

/// Why nothing can be watched.
#[derive(Debug, thiserror::Error)]
pub enum IntactError {
    /// What was installed cannot be read.
    #[error(transparent)]
    Installed(#[from] InstalledError),
    /// No client.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

/// Watches until `shutdown`. Fails at once where the file says nothing.
pub async fn watch(eye: Eye, client: kube::Client, shutdown: CancellationToken) -> Result<(), IntactError> {
    let mut installed = Installed::read(&eye.file).await?;
    eye.standing.set(EnforcementState::Loading, None, &[]);
    let mut tell = Tell::new(client, &eye.own_namespace, &eye.identity);
    let mut settle = Settle::new(LASTS);
    loop {
        let seen = Seen::start(installed.expected.kinds(), eye.stale_after).await?;
        match judge(&eye, &installed, seen, &mut settle, &mut tell, &shutdown).await {
            // Another file may name other objects: they are listed anew.
            Some(other) => installed = other,
            None => return Ok(()),
        }
    }
}

/// Judges until the file says something else, which is returned; none = the end.
async fn judge(
    eye: &Eye,
    installed: &Installed,
    mut seen: Seen,
    settle: &mut Settle,
    tell: &mut Tell,
    shutdown: &CancellationToken,
) -> Option<Installed> {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut read = tokio::time::interval(READ);
    let started = Instant::now();
    let (mut dirty, mut judged_for, mut blind) = (true, None, false);
    let mut deviations = vec![];
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return None,
            event = seen.next() => {
                match event {
                    Some((kind, Ok(event))) => dirty |= seen.apply(kind, event, &installed.expected),
                    Some((kind, Err(error))) => tracing::warn!(%error, kind = kind.plural(), "watching"),
                    None => return None,
                }
                continue;
            }
            _ = read.tick() => {
                if let Some(other) = installed.changed().await {
                    tracing::info!(file = %eye.file.display(), "what was installed is described anew");
                    return Some(other);
                }
                continue;
            }
            _ = look.tick() => {}
        }
        if let Some(why) = seen.silence() {
            if !blind {
                tracing::error!(why, "enforcement cannot be seen");
                eye.metrics.enforcement.unseen();
                eye.standing.set(EnforcementState::Unknown, Some(why), &[]);
            }
            (blind, dirty) = (true, true);
            continue;
        }
        if !seen.is_listed() {
            continue;
        }
        if std::mem::take(&mut blind) {
            tracing::info!("enforcement is seen again");
            settle.forget();
        }
        let report = eye.certificates.report();
        let told = report.as_ref().is_some_and(|r| r.announced != Some(false));
        if !told && started.elapsed() < BEGINS {
            continue;
        }
        let authority = report.and_then(|r| r.signed_by);
        if dirty || judged_for != Some(authority.clone()) {
            deviations = compare(&installed.expected, seen.live(), authority.as_deref());
            (dirty, judged_for) = (false, Some(authority));
        }
        let leads = eye.metrics.process.leader.get() == 1;
        if let Some(now) = settle.settled(&deviations, Instant::now()) {
            let state = if now.is_empty() { EnforcementState::Intact } else { EnforcementState::Changed };
            eye.standing.set(state, None, now);
            eye.metrics.enforcement.seen(now.len());
            tell.tell(now, leads, &eye.index).await;
        } else if leads && !tell.led() {
            tell.tell(settle.said(), leads, &eye.index).await;
        }
    }
}
