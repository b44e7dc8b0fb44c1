//! `simulate`: what would stand otherwise without an instrument, by another law, with other manifests, or later.

mod edit;
pub mod flips;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead, Write},
    path::PathBuf,
};

use jiff::Timestamp;
use kube::Client;
use serde::Serialize;

pub use self::edit::{OtherError, Without};
use self::flips::{Effect, Flip, flips, last_legs, stand};
use super::{
    answer::Output,
    asked::{JudgedBy, QuestionError, write_json},
    table::{plain, table},
    world::{self, Look, World},
};

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// It is without an answer, as other questions can be.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// There is no other world.
    #[error(transparent)]
    Other(#[from] OtherError),
}

/// How `simulate` is asked.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("otherwise").required(true).multiple(true).args(["without", "law_pack", "at", "file"]))]
pub struct SimulateArgs {
    /// Take away `safeguard/NAME`, `law/ROW` (a row or a framework of the law pack), `party/NAME` or `exception/NAME`; may be
    /// repeated.
    #[arg(long, value_name = "WHAT")]
    pub without: Vec<Without>,
    /// Judge as at this instant (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Put these manifests over what is declared; `-` reads standard input; may be repeated.
    #[arg(long, short, value_name = "FILE")]
    pub file: Vec<PathBuf>,
    /// How both are judged; another law pack is the other one's alone.
    #[command(flatten)]
    pub by: JudgedBy,
    /// How the answer is written.
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Output,
}

/// Simulates; tells whether no flow becomes a violation.
pub async fn simulate(
    client: Client,
    namespace: &str,
    args: &SimulateArgs,
    now: Timestamp,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<bool, SimulateError> {
    let manifests = edit::manifests(&args.file, input)?;
    let world = world::gather(&client, &args.by.judging, None, Look::Templates, None)
        .await
        .map_err(QuestionError::from)?;
    let (mut other, left_out) =
        edit::other(&world, &args.without, args.by.law_pack.as_ref(), &manifests, namespace)?;
    if left_out > 0 {
        other.notes.push(format!(
            "{left_out} manifests are of kinds that Carnet does not declare, and were left out"
        ));
    }
    let report = compared(&world, &other, now, args.at.unwrap_or(now));
    match args.output {
        Output::Json => write_json(&report, out)?,
        Output::Text => write(&report, out).map_err(QuestionError::from)?,
    }
    Ok(report.becomes_violation == 0)
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    api_version: &'static str,
    /// Version of the law pack now, and then.
    law: [String; 2],
    /// The two instants that are compared.
    at: [Timestamp; 2],
    /// What stands otherwise, the worst first.
    flips: Vec<Flip>,
    /// Flows that become violations, where violations are refused.
    becomes_violation: usize,
    /// Workloads that are affected at all.
    affected: BTreeSet<String>,
    /// What stands on one leg then: the safeguard, with who stands on it alone.
    last_legs: BTreeMap<String, BTreeSet<String>>,
    /// What could not be looked at.
    unknown: Vec<String>,
}

fn compared(world: &World, other: &World, now: Timestamp, then: Timestamp) -> Report {
    let (one, two) = (world.snapshot(), other.snapshot());
    let before = stand(world, &one, now);
    let after = stand(other, &two, then);
    let flips = flips(&before, &after);
    let broken = flips.iter().filter(|flip| flip.effect == Effect::BecomesViolation && !flip.exempt);
    Report {
        api_version: "simulate.carnet.dev/v1",
        law: [one.law.version.clone(), two.law.version.clone()],
        at: [now, then],
        becomes_violation: broken.map(|flip| flip.datasets.len()).sum(),
        affected: flips.iter().map(|flip| flip.workload.clone()).collect(),
        last_legs: last_legs(&after),
        unknown: other.notes.clone(),
        flips,
    }
}

fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let [law_now, law_then] = &report.law;
    let [now, then] = report.at;
    writeln!(
        out,
        "Now: law pack {}, at {now:.0}. Then: law pack {}, at {then:.0}.",
        plain(law_now),
        plain(law_then)
    )?;
    if report.flips.is_empty() {
        writeln!(out, "Nothing stands otherwise.")?;
    } else {
        writeln!(out, "{} workloads and copies are affected:", report.affected.len())?;
        let rows: Vec<Vec<String>> = report.flips.iter().map(row).collect();
        table(out, &["EFFECT", "WHO", "PODS", "DATA", "TO", "NOW", "THEN"], &rows)?;
    }
    if !report.last_legs.is_empty() {
        writeln!(out, "On one leg then:")?;
        for (leg, who) in &report.last_legs {
            let who: Vec<&str> = who.iter().map(String::as_str).collect();
            writeln!(out, "  {}: {}", plain(leg), plain(&who.join(", ")))?;
        }
    }
    writeln!(out, "Flows that become violations: {}", report.becomes_violation)?;
    for note in &report.unknown {
        writeln!(out, "? {}", plain(note))?;
    }
    Ok(())
}

fn row(flip: &Flip) -> Vec<String> {
    let exempt = if flip.exempt { " (exempt namespace)" } else { "" };
    vec![
        format!("{}{exempt}", flip.effect.words()),
        flip.workload.clone(),
        flip.pods.to_string(),
        format!("{} data of {}: {}", flip.regime, flip.store, flip.datasets.join(", ")),
        flip.place_words.clone(),
        flip.from_words.clone(),
        flip.to_words.clone(),
    ]
}
