//! What changes by time alone, soonest first.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use serde::Serialize;

use crate::{
    cli::{facts::Facts, table::table},
    parse,
};

/// On the screen; what is beyond is counted.
const SHOWN: usize = 5;
/// Nearer than this, it is a finding.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// One change to come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lapse {
    /// When.
    pub at: Timestamp,
    /// Of what: `TransferSafeguard name`.
    pub of: String,
    /// What happens then.
    pub what: &'static str,
}

/// All changes to come.
#[derive(Clone, Debug, Default)]
pub struct Lapses {
    /// Soonest first.
    pub next: Vec<Lapse>,
    /// Those that are near.
    pub findings: Vec<String>,
    /// What could not be asked.
    pub unknown: Vec<String>,
}

/// From what was asked.
pub fn lapses(facts: &Facts) -> Lapses {
    let mut all = Lapses::default();
    for store in facts.stores.iter().flatten() {
        let next =
            store.status.as_ref().and_then(|s| s.transfers.as_ref()?.next_change.as_ref()?.parse().ok());
        if let Some(at) = next {
            let of = format!("DataStore {}/{}", store.namespace().unwrap_or_default(), store.name_any());
            all.next.push(Lapse { at, of, what: "a verdict about a running workload changes" });
        }
    }
    match &facts.next_of_safeguards {
        Ok(safeguards) => {
            for (name, at) in safeguards {
                let of = format!("TransferSafeguard {name}");
                all.next.push(Lapse { at: *at, of, what: "what it carries, or what is overdue, changes" });
            }
        }
        Err(why) => all.unknown.push(why.clone()),
    }
    let settings = facts.settings();
    for exception in facts.exceptions.iter().flatten() {
        let of = format!("TransferException {}", exception.name_any());
        // One that cannot be read waives nothing.
        if let Ok(read) = parse::exception(exception, &settings) {
            all.next.push(Lapse { at: read.until, of, what: "it ends" });
        }
    }
    let lists = [facts.stores.as_ref().err(), facts.exceptions.as_ref().err()];
    all.unknown.extend(lists.into_iter().flatten().cloned());
    other_law(facts, &mut all);
    all.next.retain(|lapse| lapse.at > facts.now);
    all.next.sort();
    let near = all.next.iter().filter(|lapse| lapse.at.duration_since(facts.now) < SOON);
    all.findings = near.map(|Lapse { at, of, what }| format!("{of}: {what} at {at}")).collect();
    all
}

/// What a replica that judges by another law pack would say of safeguards is not known here.
fn other_law(facts: &Facts, all: &mut Lapses) {
    let Some(ours) = &facts.law else { return };
    let theirs: BTreeSet<&str> =
        facts.reports().map(|r| r.law_pack.as_str()).filter(|law| law != ours).collect();
    if let Some(theirs) = theirs.first() {
        all.unknown.push(format!("what lapses next of safeguards is reckoned by law pack {ours}, and the operator judges by {theirs}: use the kubectl-carnet of its version"));
    }
}

impl Lapses {
    /// For people.
    pub fn write(&self, now: Timestamp, out: &mut impl Write) -> io::Result<()> {
        let more = if self.unknown.is_empty() { "" } else { ", and what could not be looked at" };
        writeln!(out, "Lapses next: {}{more}", self.next.len())?;
        let rows: Vec<Vec<String>> = self
            .next
            .iter()
            .take(SHOWN)
            .map(|Lapse { at, of, what }| {
                vec![at.to_string(), time_left(*at, now), of.clone(), (*what).into()]
            })
            .collect();
        if !rows.is_empty() {
            table(out, &["WHEN", "IN", "OF", "WHAT"], &rows)?;
        }
        if self.next.len() > SHOWN {
            writeln!(out, "  and {} more", self.next.len() - SHOWN)?;
        }
        Ok(())
    }
}

fn time_left(at: Timestamp, now: Timestamp) -> String {
    let hours = at.duration_since(now).as_hours();
    if hours >= 48 { format!("{} d", hours / 24) } else { format!("{hours} h") }
}
