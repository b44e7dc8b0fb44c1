//! The one place that turns a verdict into words: webhook, condition, event and CLI say the same sentence.

mod group;
mod remedy;
mod way;

use std::{collections::BTreeSet, fmt::Write as _};

use self::group::Group;
pub use self::way::way;
use super::{Outcome, ReliedOn, Request, Verdict, Way, Workload};
use crate::core::{safeguard::Instrument, snapshot::Snapshot, store::Place};

/// Warnings of the API server hold 120 characters; room is left for a few words before.
const FIRST_LINE: usize = 100;
/// Names are shortened to this in the first line; the other lines have them whole.
const NAME: usize = 40;

/// All lines; the first stands alone. A verdict without a violation is one line.
pub fn message(request: &Request<'_>, verdict: &Verdict) -> String {
    let mut text = lines(request, verdict);
    if verdict.is_violation() {
        // Whole seconds: every end that the law or a manifest sets is one.
        let _ = write!(text, "\n- judged at {:.0} by law pack {}", verdict.at, verdict.law);
    }
    text
}

/// All lines but the one that says when it was judged: the same as long as the answer is.
pub fn lines(request: &Request<'_>, verdict: &Verdict) -> String {
    let groups = group::uncovered(verdict);
    let mut text = headline(request, verdict, &groups);
    if groups.is_empty() {
        return text;
    }
    let first = verdict.flows.iter().find(|f| f.flow.way == Way::Processing);
    let runs = first.and_then(|f| f.flow.importer.as_ref()).map_or_else(
        || format!("nobody is known to run namespace {}", request.workload.namespace),
        |party| format!("run by {party}"),
    );
    let _ = write!(text, "\n- workload: {}, {runs}", name(&request.workload));
    for group in &groups {
        text.push_str(&paragraph(request, group));
    }
    text
}

/// The first line, for warnings (under 120 characters) and events.
pub fn first_line(request: &Request<'_>, verdict: &Verdict) -> String {
    headline(request, verdict, &group::uncovered(verdict))
}

/// What is needed first, and what would make an uncovered flow lawful, a line each, each once.
pub fn ways(request: &Request<'_>, verdict: &Verdict) -> Vec<String> {
    let mut ways = vec![];
    for group in group::uncovered(verdict) {
        ways.extend(remedy::needed(request, &group));
        ways.extend(remedy::ways(&group).into_iter().map(|way| way.text));
    }
    let mut said = BTreeSet::new();
    ways.retain(|way| said.insert(way.clone()));
    ways
}

/// One sentence on what a verdict without a violation stands on.
pub fn summary_ok(verdict: &Verdict) -> String {
    let mut parts = vec![];
    let relied = verdict.relied_on();
    if !relied.is_empty() {
        parts.push(format!("carried by {}", and(relied.iter().map(ToString::to_string))));
    }
    let waived: BTreeSet<String> = verdict
        .flows
        .iter()
        .filter_map(|f| match &f.outcome {
            Outcome::Waived { exception, .. } => Some(format!("exception/{exception}")),
            _ => None,
        })
        .collect();
    if !waived.is_empty() {
        parts.push(format!("waived(fail) by {}", and(waived)));
    }
    if verdict.flows.iter().any(|f| f.outcome == Outcome::SameEntity) {
        parts.push("noted as the same entity abroad".into());
    }
    if verdict.flows.iter().any(|f| f.outcome == Outcome::CollectedDirectly) {
        parts.push("collected from the people themselves".into());
    }
    if parts.is_empty() {
        parts.push("no border is crossed".into());
    }
    format!("{} (law pack {})", parts.join("; "), verdict.law)
}

/// Where people whose data goes under a certification may complain, and who may order its participant to obey: a line for
/// each certification that carries something.
pub fn recourse(snapshot: &Snapshot, verdict: &Verdict) -> Vec<String> {
    let line = |by: &ReliedOn| {
        let safeguard = snapshot.safeguards.get(by.strip_prefix("safeguard/")?)?;
        let Instrument::DataPrivacyFramework(entry) = &safeguard.instrument else { return None };
        let recourse = entry.recourse.as_deref().unwrap_or("nobody who is on file");
        let regulator = entry.regulator.unwrap_or("a regulator that is not on file");
        let participant = &entry.participant;
        Some(format!(
            "{by}: {recourse} hears complaints about {participant}; {regulator} has jurisdiction over it"
        ))
    };
    verdict.relied_on().iter().filter_map(line).collect()
}

fn headline(request: &Request<'_>, verdict: &Verdict, groups: &[Group<'_>]) -> String {
    let Workload { kind, namespace, name, .. } = request.workload;
    let who = format!("{kind} {}/{}", short(namespace, NAME), short(name, NAME));
    let Some(first) = groups.first() else {
        return format!("{who}: {}", summary_ok(verdict));
    };
    let regimes: BTreeSet<String> = groups.iter().flat_map(Group::regimes).map(ToString::to_string).collect();
    let store = short(&first.store.to_string(), NAME);
    let places: BTreeSet<&Place> = groups.iter().map(|g| g.to).collect();
    let stores: BTreeSet<_> = groups.iter().map(|g| g.store).collect();
    let what = match stores.len() {
        1 => store,
        n => format!("{store} and {} more", n - 1),
    };
    let to = match places.len() {
        1 => first.to.country.map_or_else(|| "an unknown country".into(), |c| c.to_string()),
        n => format!("{n} places"),
    };
    let line = format!("{who}: no safeguard for {} data of {what} in {to}", and(regimes));
    short(&line, FIRST_LINE)
}

fn paragraph(request: &Request<'_>, group: &Group<'_>) -> String {
    let mut text = String::new();
    let datasets = and(group.datasets().into_iter().map(str::to_owned));
    let _ = write!(text, "\n- store {}: {datasets}", group.store);
    let found = request.uses.iter().find(|u| u.store == *group.store);
    if let Some(via) = found.filter(|u| !u.via.is_empty()) {
        let _ = write!(text, "\n  found by: {}", via.via.join("; "));
    }
    let _ = write!(text, "\n  whose data: {}", and(group.regimes().into_iter().map(ToString::to_string)));
    let to = group.importer.map_or_else(|| "an unknown importer".into(), ToString::to_string);
    let _ = write!(text, "\n  from: {}, in {}", group.exporter, place(group.home));
    let _ = write!(text, "\n  to: {to}, in {}", place(group.to));
    if *group.way != Way::Processing {
        let _ = write!(text, "\n  by: {}", way(group.way, group.exporter, group.importer));
    }
    if let Way::Host(host) = group.way {
        let sent = request.sends.iter().filter(|s| s.host == *host && Some(&s.party) == group.importer);
        for sending in sent {
            let _ = write!(text, "\n  named by: {}", sending.via.join("; "));
        }
    }
    for (miss, flows) in &group.near {
        let only = group.only(flows).map(|part| format!(" (for {part})")).unwrap_or_default();
        let _ = write!(text, "\n  came near: {} {}{only}", miss.what, miss.why);
    }
    for line in remedy::needed(request, group) {
        let _ = write!(text, "\n  needed first: {line}");
    }
    let ways = remedy::ways(group);
    let (whole, parts): (Vec<_>, Vec<_>) = ways.into_iter().partition(|w| w.serves_all);
    let heads = ["would make it lawful, any one of", "would make a part of it lawful"];
    for (head, ways) in heads.into_iter().zip([whole, parts]) {
        if !ways.is_empty() {
            let _ = write!(text, "\n  {head}:");
        }
        for way in ways {
            let _ = write!(text, "\n  - {}", way.text);
        }
    }
    text
}

fn name(workload: &Workload<'_>) -> String {
    format!("{} {}/{}", workload.kind, workload.namespace, workload.name)
}

/// A place in words.
pub fn place(place: &Place) -> String {
    let region: Vec<&str> =
        [&place.provider, &place.region].into_iter().flatten().map(String::as_str).collect();
    match (region.is_empty(), place.country) {
        (true, None) => "an unknown place".into(),
        (true, Some(country)) => country.to_string(),
        (false, None) => format!("{} (country unknown)", region.join(" ")),
        (false, Some(country)) => format!("{} ({country})", region.join(" ")),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn and(words: impl IntoIterator<Item = String>) -> String {
    let mut words: Vec<String> = words.into_iter().collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

/// At most `longest` characters, the end left out.
fn short(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.into();
    }
    text.chars().take(longest - 3).chain("...".chars()).collect()
}
