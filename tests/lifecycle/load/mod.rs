//! A stream of Pods, fifty a second, while parts of an installation fail: what must never be admitted never is, what has
//! nothing to do with Carnet never waits for it in vain, and what it costs is measured against the same cluster without it.

mod faults;
mod observed;
mod report;
mod stream;

use std::{io::Write, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use carnet::testbed::accounts::{Accounts, until};

use self::{
    observed::Observed,
    report::{Phase, Strictness},
};
pub use self::{report::Report, stream::Stream};
use crate::{cases, world::World};

cases![
    fifty_pods_a_second_are_judged_right_and_hardly_later,
    a_rolling_restart_goes_unnoticed,
    a_killed_leader_lets_nothing_in_and_nothing_unrelated_waits,
    a_rotation_of_certificates_goes_unnoticed,
    a_frozen_replica_lets_nothing_in_and_refuses_nothing_unrelated,
    a_restarted_api_server_finds_everything_in_force,
];

/// Pods a second.
const RATE: u32 = 50;
/// From an installation until its cost is measured.
const SETTLING: Duration = Duration::from_secs(20);
/// How long a replica stands still.
const FROZEN: Duration = Duration::from_secs(20);

/// Whether the load is wanted: what it measures is worth nothing on a machine that does other work.
pub fn is_wanted() -> bool {
    std::env::var_os("CARNET_LOAD_SECONDS").is_some()
}

/// Seconds of each phase.
fn seconds() -> u64 {
    std::env::var("CARNET_LOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

/// How much longer a test may take when its phases are made longer.
pub fn extra_patience() -> Duration {
    Duration::from_secs(3 * seconds())
}

/// For the person who reads along.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

impl World {
    /// The violation that the tests try is settled: the API server itself refuses it.
    pub async fn settled(&self) -> Result<()> {
        until("the API server itself to refuse a settled violation", 30, || async {
            let refused = Accounts::refused(&self.admin, 1).await.ok();
            Ok(refused.filter(|message| message.contains("ValidatingAdmissionPolicy")).map(drop))
        })
        .await?;
        Ok(())
    }

    /// The store is declared, what is settled is in force, and two replicas are ready.
    async fn under_way(&self) -> Result<()> {
        self.declared().await?;
        self.rolled_out().await?;
        self.settled().await
    }

    /// Sends Pods while something happens, and for as long as a phase lasts; what came of it goes into the report.
    async fn phase(
        &self,
        name: &'static str,
        strictness: Strictness,
        happens: impl Future<Output = Result<report::Away>>,
    ) -> Result<()> {
        let before = Observed::of(self).await?;
        let stream = Stream::start(&self.admin, RATE);
        let lasts = tokio::time::sleep(Duration::from_secs(seconds()));
        let (happened, ()) = tokio::join!(happens, lasts);
        // What is late of it belongs to it as well.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let samples = stream.end().await?;
        let away = happened.with_context(|| format!("while Pods were sent: {name}"))?;
        let observed = Observed::of(self).await?.since(&before);
        let phase = Phase::of(name, samples, away, observed);
        say(&phase.line());
        let judged = phase.judge(strictness);
        let added = self.report.add(phase);
        judged.and(added)
    }
}

fn nothing() -> std::future::Ready<Result<report::Away>> {
    std::future::ready(Ok(None))
}

async fn fifty_pods_a_second_are_judged_right_and_hardly_later(w: Arc<World>) -> Result<()> {
    w.absent().await?;
    w.phase(report::BARE, Strictness::Absent, nothing()).await?;
    w.phase(report::BARE_RESTARTED, Strictness::Absent, faults::api_server_alone_restarted(&w)).await?;
    w.under_way().await?;
    // What an installation itself costs the API server is not what a review costs.
    tokio::time::sleep(SETTLING).await;
    w.phase("with Carnet", Strictness::NoFailedCall, nothing()).await
}

async fn a_rolling_restart_goes_unnoticed(w: Arc<World>) -> Result<()> {
    w.under_way().await?;
    w.phase("rolling restart", Strictness::NoFailedCall, faults::rolling_restart(&w)).await
}

async fn a_killed_leader_lets_nothing_in_and_nothing_unrelated_waits(w: Arc<World>) -> Result<()> {
    w.under_way().await?;
    w.phase("leader killed", Strictness::NoTimeOut, faults::leader_killed(&w)).await
}

async fn a_rotation_of_certificates_goes_unnoticed(w: Arc<World>) -> Result<()> {
    w.under_way().await?;
    w.phase("certificates rotated", Strictness::NoFailedCall, faults::certificates_rotated(&w)).await
}

async fn a_frozen_replica_lets_nothing_in_and_refuses_nothing_unrelated(w: Arc<World>) -> Result<()> {
    w.under_way().await?;
    w.phase("one of two frozen", Strictness::RightAnswers, faults::frozen(&w, FROZEN)).await
}

async fn a_restarted_api_server_finds_everything_in_force(w: Arc<World>) -> Result<()> {
    w.under_way().await?;
    w.phase("API server restarted", Strictness::NoTimeOut, faults::api_server_restarted(&w)).await
}
