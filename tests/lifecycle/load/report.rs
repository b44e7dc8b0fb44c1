//! What came of each phase: judged at once, and written as a table for `docs/operations.md`.

use std::{fmt::Write, path::PathBuf, sync::Mutex, time::Duration};

use anyhow::{Result, ensure};
use tokio::time::Instant;

use super::{
    observed::Observed,
    stream::{Kind, Outcome, Sample},
};

/// The phase that the others are compared with.
pub const BARE: &str = "without Carnet";
/// The one that those in which the API server starts anew are compared with: it is slow for a while with Carnet or without.
pub const BARE_RESTARTED: &str = "API server restarted, without Carnet";

/// When the API server itself was away.
pub type Away = Option<(Instant, Instant)>;

/// How much is asked of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// Nothing judges Pods.
    Absent,
    /// Everything is answered right.
    RightAnswers,
    /// And no call to the webhook takes too long.
    NoTimeOut,
    /// And none fails.
    NoFailedCall,
}

/// One phase.
#[derive(Clone, Debug)]
pub struct Phase {
    name: &'static str,
    sent: usize,
    wrongly_admitted: usize,
    wrongly_refused: Vec<String>,
    /// Met by the API server's own absence.
    away: usize,
    /// The API server was away at some time.
    met_absence: bool,
    unanswered: Vec<String>,
    observed: Observed,
    latencies: Vec<Duration>,
}

/// All phases of this run.
#[derive(Debug, Default)]
pub struct Report(Mutex<Vec<Phase>>);

impl Phase {
    pub fn of(name: &'static str, samples: Vec<Sample>, away: Away, observed: Observed) -> Self {
        let mut phase = Self {
            name,
            sent: samples.len(),
            wrongly_admitted: 0,
            wrongly_refused: Vec::new(),
            away: 0,
            met_absence: away.is_some(),
            unanswered: Vec::new(),
            observed,
            latencies: Vec::new(),
        };
        for sample in samples {
            let met_absence = away.is_some_and(|away| sample.touches(away));
            match (sample.kind, sample.outcome) {
                (Kind::Violating, Outcome::Admitted) => phase.wrongly_admitted += 1,
                (Kind::Violating, Outcome::Refused(_)) => {}
                // What waited for the API server itself says nothing of what it adds.
                (_, Outcome::Admitted) if met_absence => {}
                (_, Outcome::Admitted) => phase.latencies.push(sample.took),
                _ if met_absence => phase.away += 1,
                (_, Outcome::Refused(message)) => phase.wrongly_refused.push(message),
                (_, Outcome::Unanswered(message)) => phase.unanswered.push(message),
            }
        }
        phase.latencies.sort_unstable();
        phase
    }

    /// An error when it is not as it must be.
    pub fn judge(&self, strictness: Strictness) -> Result<()> {
        if strictness == Strictness::Absent {
            ensure!(self.unanswered.is_empty() && self.wrongly_refused.is_empty(), "{self:?}");
            return Ok(());
        }
        let Observed { open, closed, late, .. } = self.observed;
        ensure!(
            self.wrongly_admitted == 0,
            "{}: {} violations were admitted",
            self.name,
            self.wrongly_admitted
        );
        let refused = &self.wrongly_refused;
        ensure!(
            refused.is_empty(),
            "{}: {} wrongly refused, such as: {}",
            self.name,
            refused.len(),
            refused[0]
        );
        let silent = &self.unanswered;
        ensure!(silent.is_empty(), "{}: {} unanswered, such as: {}", self.name, silent.len(), silent[0]);
        if matches!(strictness, Strictness::NoTimeOut | Strictness::NoFailedCall) {
            ensure!(late == 0, "{}: {late} calls of the webhook took too long", self.name);
        }
        if strictness == Strictness::NoFailedCall {
            ensure!(
                open + closed < 0.5,
                "{}: {open} calls of the webhook failed open, {closed} closed",
                self.name
            );
        }
        Ok(())
    }

    /// An error when it took longer than before Carnet was there, by more than was promised.
    fn judge_added(&self, bare: &Self) -> Result<()> {
        let Some(most) = most_added() else { return Ok(()) };
        let added = self.within(99) - bare.within(99);
        ensure!(
            added <= most,
            "{}: p99 is {added:.1} ms more than without Carnet, promised are {most}",
            self.name
        );
        Ok(())
    }

    /// Milliseconds within which so many of a hundred admitted Pods were created.
    fn within(&self, percent: usize) -> f64 {
        let index = self.latencies.len() * percent / 100;
        let found = self.latencies.get(index.min(self.latencies.len().saturating_sub(1)));
        found.map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    }

    /// Nothing of Carnet was there.
    fn is_bare(&self) -> bool {
        [BARE, BARE_RESTARTED].contains(&self.name)
    }

    /// Of these phases, the one in which the same happened without Carnet.
    fn counterpart<'a>(&self, phases: &'a [Self]) -> Option<&'a Self> {
        let bare = if self.met_absence { BARE_RESTARTED } else { BARE };
        phases.iter().find(|phase| phase.name == bare && !self.is_bare())
    }

    /// In one line, for who reads along.
    pub fn line(&self) -> String {
        format!(
            "{}: {} Pods, {} wrongly admitted, {} wrongly refused, {} unanswered, {} met no API server; webhook calls: {} \
             failed open, {} failed closed, {} timed out; creation p50 {:.1} ms, p99 {:.1} ms, longest {:.0} ms",
            self.name,
            self.sent,
            self.wrongly_admitted,
            self.wrongly_refused.len(),
            self.unanswered.len(),
            self.away,
            self.observed.open,
            self.observed.closed,
            self.observed.late,
            self.within(50),
            self.within(99),
            self.within(100),
        )
    }
}

impl Report {
    /// Adds a phase and writes the table anew. An error when the phase adds more to a creation than was promised.
    pub fn add(&self, phase: Phase) -> Result<()> {
        let mut phases = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let judged = phase.counterpart(&phases).map_or(Ok(()), |bare| phase.judge_added(bare));
        phases.push(phase);
        let path = std::env::var_os("CARNET_LOAD_REPORT")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("load.md"), PathBuf::from);
        std::fs::write(path, table(&phases))?;
        judged
    }
}

/// Milliseconds that a creation may take longer at p99 than without Carnet; a busy machine or a development build is asked
/// nothing.
fn most_added() -> Option<f64> {
    std::env::var("CARNET_LOAD_MOST_ADDED_MS").ok().and_then(|text| text.parse().ok())
}

fn table(phases: &[Phase]) -> String {
    let mut text = "| phase | Pods | wrongly admitted | wrongly refused | met no API server | calls failed open | timed out | \
                    creation p50 / p99 / longest, ms | added p50 / p99, ms | webhook p50 / p99, ms |\n\
                    | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for phase in phases {
        let bare = phase.counterpart(phases);
        let added = |percent: usize| {
            bare.map_or("–".to_owned(), |bare| {
                format!("{:+.1}", phase.within(percent) - bare.within(percent))
            })
        };
        let webhook =
            |share: f64| phase.observed.within(share).map_or("–".to_owned(), |ms| format!("{ms:.0}"));
        // Without Carnet nothing is wrong.
        let wrongly = if phase.is_bare() { "–".to_owned() } else { phase.wrongly_admitted.to_string() };
        let _ = writeln!(
            text,
            "| {} | {} | {wrongly} | {} | {} | {} | {} | {:.1} / {:.1} / {:.0} | {} / {} | {} / {} |",
            phase.name,
            phase.sent,
            phase.wrongly_refused.len() + phase.unanswered.len(),
            phase.away,
            phase.observed.open,
            phase.observed.late,
            phase.within(50),
            phase.within(99),
            phase.within(100),
            added(50),
            added(99),
            webhook(0.5),
            webhook(0.99),
        );
    }
    text
}
