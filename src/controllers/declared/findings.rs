//! What there is to say of each passive kind beside `Ready`. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::lapses;
use crate::{
    api::v1alpha1::{
        CommonStatus, DataPrivacyFrameworkSnapshot, LegalHold, Party, TransferException, TransferSafeguard,
    },
    core::{
        exception::Exception,
        framework_list::FrameworkList,
        hold::{Hold, HoldScopeResolution},
        party::Party as DomainParty,
        safeguard::{Instrument, Safeguard},
        snapshot::Snapshot,
        transfer::{Force, disagreements, ends_of_safeguard, force},
    },
    index::Kind,
    picture::earliest,
    platform::conditions::Finding,
};

/// What is named in a message; what is beyond is counted.
const NAMED: usize = 10;

/// Findings, and when they change by time alone.
pub type Findings = (Vec<Finding>, Option<Timestamp>);

/// A passive kind.
pub trait Passive: Kind {
    /// Its status, where it has one.
    fn status(&self) -> Option<&CommonStatus>;

    /// What there is to say beside `Ready`. `object` is as its author wrote it.
    fn findings(object: Option<&Self>, value: &Self::Value, snapshot: &Snapshot, now: Timestamp) -> Findings;
}

impl Passive for Party {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(_: Option<&Self>, party: &DomainParty, snapshot: &Snapshot, _: Timestamp) -> Findings {
        let contested: Vec<_> = party
            .namespaces
            .iter()
            .filter(|n| snapshot.runs.get(*n).is_none_or(|p| *p != party.name))
            .cloned()
            .collect();
        let finding = if contested.is_empty() {
            Finding::yes("NamespacesUnique", "Unique", "no other Party runs these namespaces")
        } else {
            let message = format!("another Party runs it too, so nobody is taken to: {}", some(&contested));
            Finding::no("NamespacesUnique", "Contested", message)
        };
        (vec![finding, onward(party, snapshot)], None)
    }
}

/// Whether everybody to whom it hands on is declared and bound.
fn onward(party: &DomainParty, snapshot: &Snapshot) -> Finding {
    const TYPE: &str = "OnwardBound";
    let open: Vec<String> = party
        .onward
        .iter()
        .filter_map(|edge| {
            let unknown = (!snapshot.parties.contains_key(&edge.to)).then_some("a Party of that name");
            let lacks: Vec<&str> = unknown.into_iter().chain(edge.contract.lacks()).collect();
            (!lacks.is_empty()).then(|| format!("{} lacks {}", edge.to, lacks.join(", ")))
        })
        .collect();
    if open.is_empty() {
        Finding::yes(TYPE, "Bound", "everybody in spec.onwardTo is a Party and bound by a whole contract")
    } else {
        let message = format!("nothing may be handed on to, nor pass on the way to: {}", some_lines(&open));
        Finding::no(TYPE, "ContractIncomplete", message)
    }
}

impl Passive for TransferSafeguard {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(_: Option<&Self>, safeguard: &Safeguard, snapshot: &Snapshot, now: Timestamp) -> Findings {
        let force = force(snapshot, safeguard, now);
        let overdue = if force.overdue.is_empty() {
            Finding::no("Overdue", "UpToDate", "nothing that it stands on is overdue")
        } else {
            Finding::yes("Overdue", "LookAfterIt", force.overdue.join("; "))
        };
        let ends = ends_of_safeguard(snapshot, safeguard);
        let next = earliest(force.next_change, lapses::next(&ends, now));
        let near = lapses::near(&ends, "", now);
        let mut all = vec![in_force(safeguard, &force, now), overdue, parties(safeguard, snapshot), near];
        all.extend(public_list(snapshot, safeguard));
        (all, next)
    }
}

/// What it carries at this moment, by the trials that judge a workload: a promise that carries nothing is not in force.
fn in_force(safeguard: &Safeguard, force: &Force, now: Timestamp) -> Finding {
    let validity = &safeguard.validity;
    if let Some(from) = validity.from.filter(|from| now < *from) {
        return Finding::no("InForce", "NotYet", format!("from {from}"));
    }
    if !validity.contains(now) {
        return Finding::no("InForce", "Ended", until(validity.until));
    }
    if force.carries.is_empty() {
        return Finding::no("InForce", "CarriesNothing", some_lines(&force.fails));
    }
    let mut message = format!("carries {} {}", some(&force.carries), until(validity.until));
    if !force.fails.is_empty() {
        message = format!("{message}; not {}", some_lines(&force.fails));
    }
    Finding::yes("InForce", "InForce", message)
}

/// Whether the public list says the same; nothing of what is no certification.
fn public_list(snapshot: &Snapshot, safeguard: &Safeguard) -> Option<Finding> {
    const TYPE: &str = "PublicList";
    if !matches!(safeguard.instrument, Instrument::DataPrivacyFramework(_)) {
        return None;
    }
    let Some((list, parted)) = snapshot.framework_list.as_ref().zip(disagreements(snapshot, safeguard))
    else {
        let message =
            "no DataPrivacyFrameworkSnapshot is there to compare it with: kubectl carnet dpf import";
        return Some(Finding::unknown(TYPE, "NoSnapshot", message));
    };
    let by = &list.name;
    Some(if parted.is_empty() {
        Finding::yes(TYPE, "SaysTheSame", format!("as in DataPrivacyFrameworkSnapshot {by}"))
    } else {
        Finding::no(
            TYPE,
            "SaysOtherwise",
            format!("{}; see DataPrivacyFrameworkSnapshot {by}", some_lines(&parted)),
        )
    })
}

fn parties(safeguard: &Safeguard, snapshot: &Snapshot) -> Finding {
    let named: BTreeSet<_> = safeguard.exporters().into_iter().chain(safeguard.importers()).collect();
    let missing: Vec<String> = named
        .into_iter()
        .filter(|party| !snapshot.parties.contains_key(*party))
        .map(|party| format!("Party {party}"))
        .collect();
    resolved(&missing, "PartyNotFound", "every Party that is named exists")
}

impl Passive for DataPrivacyFrameworkSnapshot {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(_: Option<&Self>, list: &FrameworkList, snapshot: &Snapshot, _: Timestamp) -> Findings {
        let latest = snapshot.framework_list.as_ref().is_none_or(|latest| latest.name == list.name);
        let finding = if latest {
            Finding::yes("Latest", "Latest", "safeguards are held against it")
        } else {
            Finding::no("Latest", "Superseded", "a later one counts; this one may be deleted")
        };
        (vec![finding], None)
    }
}

impl Passive for TransferException {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(
        object: Option<&Self>,
        exception: &Exception,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Findings {
        let end = exception.until;
        let in_force = if now < end {
            Finding::yes("InForce", "InForce", until(Some(end)))
        } else {
            Finding::no("InForce", "Ended", until(Some(end)))
        };
        let asked = object.map(|o| o.spec.expires_at.0).filter(|asked| end < *asked);
        let cut = match asked {
            Some(asked) => Finding::yes(
                "CutShort",
                "MaxException",
                format!(
                    "asked for until {asked:.0}; ends {end:.0}, since --max-exception is {} days",
                    snapshot.settings.max_exception_days
                ),
            ),
            None => Finding::no("CutShort", "AsAsked", "ends when it says"),
        };
        let missing: Vec<String> = exception
            .stores
            .iter()
            .filter(|store| !snapshot.stores.contains_key(*store))
            .map(|store| format!("DataStore {store}"))
            .collect();
        let stores = resolved(&missing, "StoreNotFound", "every DataStore that is named exists");
        (vec![in_force, cut, stores], Some(end).filter(|t| *t > now))
    }
}

impl Passive for LegalHold {
    fn status(&self) -> Option<&CommonStatus> {
        self.status.as_ref()
    }

    fn findings(_: Option<&Self>, hold: &Hold, snapshot: &Snapshot, now: Timestamp) -> Findings {
        let in_force = if hold.in_force(now) {
            Finding::yes("InForce", "InForce", until(hold.released_from))
        } else {
            Finding::no("InForce", "Released", until(hold.released_from))
        };
        let known = HoldScopeResolution::of_cluster(snapshot);
        let mut covered: Vec<_> = snapshot
            .stores
            .values()
            .flat_map(|s| s.datasets.iter().map(move |d| (s, d)))
            .filter(|(s, d)| hold.covers(s, d, &known))
            .map(|(s, d)| format!("{}/{}", s.key, d.name))
            .collect();
        covered.sort();
        let named = covered.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let covers = match hold.widened(&known) {
            Some(why) => {
                let what = format!(
                    "{why}; {} datasets: {named}; mend the name, or create what it names",
                    covered.len()
                );
                Finding::yes("Covers", "Widened", what)
            }
            None if covered.is_empty() => Finding::no("Covers", "Nothing", "0 datasets"),
            None => Finding::yes("Covers", "Datasets", format!("{} datasets: {named}", covered.len())),
        };
        (vec![in_force, covers], hold.released_from.filter(|t| *t > now))
    }
}

fn resolved(missing: &[String], reason: &'static str, all: &'static str) -> Finding {
    if missing.is_empty() {
        Finding::yes("ResolvedRefs", "Resolved", all)
    } else {
        let message = format!("no such object, so nothing is carried by it: {}", some(missing));
        Finding::no("ResolvedRefs", reason, message)
    }
}

fn until(until: Option<Timestamp>) -> String {
    until.map_or("without an end".into(), |t| format!("until {t}"))
}

fn some(words: &[String]) -> String {
    bounded(words, ", ")
}

fn some_lines(words: &[String]) -> String {
    bounded(words, "; ")
}

fn bounded(words: &[String], between: &str) -> String {
    let named = words.iter().take(NAMED).cloned().collect::<Vec<_>>().join(between);
    match words.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("{named}{between}{more} more"),
        None => named,
    }
}
