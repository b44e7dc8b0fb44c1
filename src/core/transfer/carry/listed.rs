//! What the public list says of a certification that a safeguard claims. A list takes away and never gives.

use super::{Crossing, Trial};
use crate::core::{
    framework_list::{FrameworkList, Listed, Says},
    safeguard::{DataPrivacyFramework, Framework},
    snapshot::Snapshot,
};

/// What is newer than the day on which somebody last read the list for the safeguard counts: a participant that is not on it,
/// or not as one that participates, receives nothing.
pub(super) fn attempt(
    trial: &mut Trial,
    entry: &DataPrivacyFramework,
    framework: &Framework,
    crossing: &Crossing<'_>,
) {
    let Some(list) = &crossing.snapshot.framework_list else { return };
    // Of a participant without a Party nothing is carried anyway.
    let Some(organisation) = listed_as(crossing.snapshot, entry) else { return };
    if list.taken_on > entry.checked_on {
        let why = lapsed(list, organisation, framework);
        trial.require(why.is_none(), || why.unwrap_or_default());
    }
}

/// Under which name the participant is looked for.
pub(in crate::core::transfer) fn listed_as<'a>(
    snapshot: &'a Snapshot,
    entry: &'a DataPrivacyFramework,
) -> Option<&'a str> {
    let of_party = || snapshot.parties.get(&entry.participant).map(|p| p.legal_name.as_str());
    entry.listed_as.as_deref().or_else(of_party)
}

/// Why the list lets nothing be carried; none = it lets.
fn lapsed(list: &FrameworkList, organisation: &str, framework: &Framework) -> Option<String> {
    let (day, name) = (day(list), framework.name.as_str());
    match list.says(organisation) {
        Says::NotListed => Some(format!("names {organisation}, which is not on the public list of {day}")),
        Says::NotLookedFor => {
            Some(format!("names {organisation}, for which nobody looked in the public list of {day}"))
        }
        Says::Listed(listed) => match listed.frameworks.get(&framework.name) {
            None => Some(format!("claims {name}, which {organisation} has not on the public list of {day}")),
            Some(found) if !found.status_carries => {
                Some(format!("is {} for {name} on the public list of {day}", found.status))
            }
            Some(_) => None,
        },
    }
}

/// Everything in which a safeguard and the list part, whichever is newer.
pub(in crate::core::transfer) fn disagreements(
    snapshot: &Snapshot,
    list: &FrameworkList,
    entry: &DataPrivacyFramework,
) -> Vec<String> {
    let Some(organisation) = listed_as(snapshot, entry) else { return vec![] };
    let mut found: Vec<String> = vec![];
    for framework in &entry.frameworks {
        match (lapsed(list, organisation, framework), list.says(organisation)) {
            (Some(why), _) if !found.contains(&why) => found.push(why),
            (None, Says::Listed(listed)) => found.extend(differs(list, listed, framework)),
            _ => {}
        }
    }
    if let Says::Listed(Listed { covers: Some((hr, non_hr)), .. }) = list.says(organisation) {
        for (claimed, listed, data) in [(entry.covers_hr, *hr, "HR"), (entry.covers_non_hr, *non_hr, "NonHR")]
        {
            if claimed && !listed {
                found.push(format!(
                    "claims {data} data, which the public list of {} does not cover",
                    day(list)
                ));
            }
        }
    }
    found
}

/// Status and days that are not those of the list.
fn differs(list: &FrameworkList, listed: &Listed, framework: &Framework) -> Vec<String> {
    let Some(found) = listed.frameworks.get(&framework.name) else { return vec![] };
    let (day, name) = (day(list), framework.name.as_str());
    let mut all = vec![];
    if found.status != framework.status {
        all.push(format!("says {} for {name}, the public list of {day} {}", framework.status, found.status));
    }
    let days =
        [("begins", found.since, framework.validity.from), ("ends", found.until, framework.validity.until)];
    for (what, listed, claimed) in days {
        if let Some(listed) = listed.filter(|listed| Some(*listed) != claimed) {
            all.push(format!("{what} otherwise for {name}: {listed} by the public list of {day}"));
        }
    }
    all
}

fn day(list: &FrameworkList) -> String {
    list.taken_on.strftime("%Y-%m-%d").to_string()
}
