//! `expiring`: everything of which the end is near, what stands on it, and what catches that.

mod reviews;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use jiff::{Timestamp, ToSpan};
use kube::Client;
use serde::Serialize;

use super::{
    answer::Output,
    asked::{JudgedBy, QuestionError, write_json},
    said,
    simulate::flips::{Key, stand},
    table::{plain, table},
    world::{self, Look, World},
};
use crate::{
    core::{
        policy::Period,
        retention::later,
        safeguard::Instrument,
        snapshot::Snapshot,
        transfer::{Lapse, Outcome, lapses},
    },
    parse,
    picture::FlowStanding,
};

/// How `expiring` is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct ExpiringArgs {
    /// How far ahead is looked, as an ISO 8601 period.
    #[arg(long, default_value = "P90D", value_name = "PERIOD", value_parser = period)]
    pub within: Within,
    /// End with 1 when something lapses that nothing catches.
    #[arg(long)]
    pub fail: bool,
    /// How it is judged.
    #[command(flatten)]
    pub by: JudgedBy,
    /// How the answer is written.
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Output,
}

/// A period, as it was written.
#[derive(Clone, Debug)]
pub struct Within(Period);

fn period(text: &str) -> Result<Within, String> {
    parse::period("--within", text).map(Within).map_err(|error| error.to_string())
}

/// Lists what lapses; tells whether all of it is caught.
pub async fn expiring(
    client: Client,
    args: &ExpiringArgs,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<bool, QuestionError> {
    let mut world =
        world::gather(&client, &args.by.judging, args.by.law_pack.as_ref(), Look::Templates, None).await?;
    world::retained(&client, &mut world).await;
    let report = found(&world, now, later(now, args.within.0));
    match args.output {
        Output::Json => write_json(&report, out)?,
        Output::Text => write(&report, out)?,
    }
    Ok(report.uncaught == 0)
}

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    api_version: &'static str,
    /// When it was asked.
    at: Timestamp,
    /// How far it looks.
    until: Timestamp,
    /// Soonest first.
    expiring: Vec<Expiring>,
    /// How many of them leave something uncovered.
    uncaught: usize,
    /// What could not be looked at.
    unknown: Vec<String>,
}

/// One end to come.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Expiring {
    /// When.
    at: Timestamp,
    /// Of what: `safeguard/NAME`, `exception/NAME`, `law/ROW`, `hold/NAME`.
    of: String,
    /// What is over then, or to be done by then.
    what: String,
    /// Whether it only warns.
    alarm: bool,
    /// What stands on it.
    stands: Vec<Stand>,
    /// Whether something that stands on it is left uncovered.
    uncaught: bool,
}

/// What stands on something that ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stand {
    /// Who.
    workload: String,
    /// `EEA data of identity/accounts to aws us-east-1 (US)`.
    flow: String,
    /// What carries it from then on; none = nothing does.
    then: Option<String>,
    /// Whether nothing is refused there.
    exempt: bool,
}

fn found(world: &World, now: Timestamp, until: Timestamp) -> Report {
    let snapshot = world.snapshot();
    let mut ends: Vec<Lapse> = lapses(&snapshot, now);
    ends.extend(reviews::of(&world.declared, now));
    ends.retain(|lapse| lapse.at > now && lapse.at <= until);
    ends.sort();
    let mut around: BTreeMap<Timestamp, Around> = BTreeMap::new();
    let mut expiring: Vec<Expiring> = vec![];
    for Lapse { at, of, what, is_alarm } in ends {
        let around = around.entry(at).or_insert_with(|| Around::of(world, &snapshot, at));
        let stands = around.stands(&snapshot, &of, is_alarm);
        let uncaught = !is_alarm && stands.iter().any(|stand| stand.then.is_none() && !stand.exempt);
        expiring.push(Expiring { at, of: of.to_string(), what, alarm: is_alarm, stands, uncaught });
    }
    Report {
        api_version: "expiring.carnet.dev/v1",
        at: now,
        until,
        uncaught: expiring.iter().filter(|e| e.uncaught).count(),
        expiring,
        unknown: world.notes.clone(),
    }
}

/// How every flow stands just before an instant, and from then on.
struct Around {
    before: BTreeMap<Key, FlowStanding>,
    after: BTreeMap<Key, FlowStanding>,
}

impl Around {
    fn of(world: &World, snapshot: &Snapshot, at: Timestamp) -> Self {
        let just_before = at.checked_sub(1.nanosecond()).unwrap_or(at);
        Self { before: stand(world, snapshot, just_before), after: stand(world, snapshot, at) }
    }

    /// What stands on it; where it ends by itself, what does so no longer from then on.
    fn stands(&self, snapshot: &Snapshot, of: &str, is_alarm: bool) -> Vec<Stand> {
        let names = names(snapshot, of);
        let mut all = BTreeSet::new();
        for (key, before) in &self.before {
            if !stands_on(&before.outcome, &names) {
                continue;
            }
            let after = self.after.get(key).map(|standing| &standing.outcome);
            if !is_alarm && after.is_some_and(|after| stands_on(after, &names)) {
                continue;
            }
            let (who, (store, _, regime, place, way)) = key;
            all.insert(Stand {
                workload: who.to_string(),
                flow: way.as_ref().map_or_else(
                    || format!("{regime} data of {store} to {}", said::place(place)),
                    |way| format!("{regime} data of {store} to {}: {way}", said::place(place)),
                ),
                then: after.and_then(then),
                exempt: before.is_exempt,
            });
        }
        all.into_iter().collect()
    }
}

/// The names under which flows stand on it: a row of the law also under those of the safeguards that claim it.
fn names(snapshot: &Snapshot, of: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::from([of.to_owned()]);
    if let Some(row) = of.strip_prefix("law/") {
        for safeguard in snapshot.safeguards.values() {
            let claims = match &safeguard.instrument {
                Instrument::Adequacy(claim) => claim.row == row,
                Instrument::DataPrivacyFramework(entry) => {
                    entry.frameworks.iter().any(|framework| framework.name.as_str() == row)
                }
                Instrument::Clauses(_)
                | Instrument::Agreement(_)
                | Instrument::GroupRules(_)
                | Instrument::Derogation(_) => false,
            };
            if claims {
                names.insert(format!("safeguard/{}", safeguard.name));
            }
        }
    }
    names
}

fn stands_on(outcome: &Outcome, names: &BTreeSet<String>) -> bool {
    match outcome {
        Outcome::Adequate(by) => names.contains(&**by),
        Outcome::Carried { by, also, warnings: _ } => {
            names.contains(&**by) || also.iter().any(|a| names.contains(&**a))
        }
        Outcome::Waived { exception, near: _ } => names.contains(&format!("exception/{exception}")),
        Outcome::NoBorder | Outcome::SameEntity | Outcome::CollectedDirectly | Outcome::Uncovered { .. } => {
            false
        }
    }
}

/// What carries it; a waiver carries nothing, and is said all the same.
fn then(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Uncovered { .. } => None,
        Outcome::NoBorder
        | Outcome::Adequate(_)
        | Outcome::Carried { .. }
        | Outcome::SameEntity
        | Outcome::CollectedDirectly
        | Outcome::Waived { .. } => Some(said::outcome(outcome)),
    }
}

fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Report { api_version: _, at, until, expiring, uncaught, unknown } = report;
    writeln!(
        out,
        "From {at:.0} to {until:.0}: {} ends, {uncaught} of them caught by nothing",
        expiring.len()
    )?;
    let mut rows = vec![];
    for e in expiring {
        let days = e.at.duration_since(*at).as_hours() / 24;
        let what = if e.alarm { format!("{} (alarm)", e.what) } else { e.what.clone() };
        let mut head = vec![format!("{:.0}", e.at), format!("{days} d"), e.of.clone(), what];
        if e.stands.is_empty() {
            head.extend(["nothing".into(), "-".into()]);
            rows.push(head);
            continue;
        }
        for (n, stand) in e.stands.iter().enumerate() {
            let mut row = if n == 0 { head.clone() } else { vec![" ".into(); 4] };
            row.push(format!("{}: {}", stand.workload, stand.flow));
            row.push(stand.then.clone().unwrap_or_else(|| "NOT COVERED".into()));
            rows.push(row);
        }
    }
    if !rows.is_empty() {
        table(out, &["WHEN", "IN", "OF", "WHAT", "STANDS ON IT", "THEN"], &rows)?;
    }
    for note in unknown {
        writeln!(out, "? {}", plain(note))?;
    }
    Ok(())
}
