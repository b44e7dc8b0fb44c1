//! What a DataStore's status says. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};

use super::{super::lapses, evict::Outlook};
use crate::{
    api::v1alpha1::{DataStoreStatus, TransferSummary},
    core::{
        hold::holds_on,
        snapshot::Snapshot,
        store::{Dataset, Role, Store},
        transfer::{Lapse, ends_of_safeguard, judged_regimes},
    },
    picture::{Picture, StorePicture, Told, earliest},
    platform::conditions::{Finding, set, truncate},
};

/// Offenders that are named.
const NAMED: usize = 10;
/// Bytes that are spent on all lines about them.
const ROOM: usize = 16_384;
/// Bytes of a line about one owner, where it is told of and breaks nothing.
const LINE: usize = 512;

/// The status of a store that can be read; `outlook` where Pods are evicted.
pub fn accepted(
    snapshot: &Snapshot,
    store: &Store,
    (picture, outlook): (&StorePicture, Option<&Outlook>),
    meta: &ObjectMeta,
    old: Option<&DataStoreStatus>,
    now: Timestamp,
) -> DataStoreStatus {
    let before = old.map_or(&[][..], |s| &s.conditions);
    let mut found = vec![
        Finding::yes("Ready", "Accepted", "accepted and judged"),
        no_violation(snapshot, picture, before, now),
        resolved(snapshot, store),
        located(snapshot, store),
        held(snapshot, store, now),
        used_in_exempt_namespace(picture),
        claim_not_reaching(store, picture),
        behind_service(picture),
        undeclared_recipient(picture),
        role_doubtful(store),
        single_legged(picture),
        expiring(snapshot, picture, now),
    ];
    found.extend(outlook.map(|outlook| outlook.finding(&store.key)));
    DataStoreStatus {
        observed_generation: meta.generation,
        conditions: set(before, &found, meta.generation, now),
        country: store
            .place
            .country
            .filter(|_| !snapshot.contradicted.contains_key(&store.key))
            .map(|c| c.to_string()),
        regimes: judged_regimes(snapshot, store).iter().map(ToString::to_string).collect(),
        transfers: Some(TransferSummary {
            using: picture.using,
            violating: picture.violating,
            waived: picture.waived,
            violating_copies: i64::try_from(picture.violating_copies.len()).unwrap_or(i64::MAX),
            first: picture.offenders.keys().take(NAMED).cloned().collect(),
            relied_on: picture.relied_on.iter().cloned().collect(),
            next_change: picture.next_change.map(|t| t.to_string()),
            law: Some(snapshot.law.version.clone()),
        }),
    }
}

/// The status of a store that cannot be read.
pub fn invalid(
    reason: &str,
    meta: &ObjectMeta,
    old: Option<&DataStoreStatus>,
    now: Timestamp,
) -> DataStoreStatus {
    let before = old.map_or(&[][..], |s| &s.conditions);
    let found = [
        Finding::no("Ready", "Invalid", reason),
        Finding::yes("Stalled", "Invalid", reason),
        Finding::unknown("NoViolation", "Invalid", "the object cannot be read"),
    ];
    DataStoreStatus {
        observed_generation: meta.generation,
        conditions: set(before, &found, meta.generation, now),
        ..DataStoreStatus::default()
    }
}

fn no_violation(
    snapshot: &Snapshot,
    picture: &StorePicture,
    before: &[Condition],
    now: Timestamp,
) -> Finding {
    let law = &snapshot.law.version;
    let is_covered =
        picture.violating == 0 && picture.violating_copies.is_empty() && picture.violating_at_rest.is_empty();
    if is_covered && picture.erasing.pods == 0 {
        let so_far = format!("no declared rule is broken, law pack {law}, at ");
        let same = before.iter().find(|c| {
            c.type_ == "NoViolation" && c.status == "True" && c.message.strip_prefix(&so_far).is_some()
        });
        let message = same.map_or_else(
            // The instant at which this was first found: to move it on would be a write for each look.
            || format!("{so_far}{}", Timestamp::from_second(now.as_second()).unwrap_or(now)),
            |c| c.message.clone(),
        );
        return Finding::yes("NoViolation", "NoRuleBroken", message);
    }
    let mut lines = vec![];
    if picture.violating > 0 {
        lines.push(format!(
            "{} of {} using Pods carry data that nothing covers, law pack {law}:",
            picture.violating, picture.using
        ));
        let mut room = ROOM;
        for text in picture.offenders.values().take(NAMED) {
            // The first line names the owner; the others are left out where there are too many.
            let first = text.lines().next().unwrap_or_default();
            lines.push(if text.len() <= room { text.clone() } else { first.to_owned() });
            room = room.saturating_sub(text.len());
        }
        if picture.offenders.len() > NAMED {
            lines.push(format!("and {} more owners", picture.offenders.len() - NAMED));
        }
    }
    lines.extend(picture.violating_copies.iter().take(NAMED).map(|c| format!("nothing covers copy {c}")));
    lines.extend(picture.violating_at_rest.iter().take(NAMED).map(|way| format!("nothing covers {way}")));
    if picture.erasing.pods > 0 {
        let what =
            "running Pods that are no deletion Jobs' use a Secret that erases it, which nobody else may";
        lines.push(told(&picture.erasing, what));
    }
    let reason = if is_covered { "ErasureSecretUsed" } else { "TransferNotCovered" };
    Finding::no("NoViolation", reason, lines.join("\n"))
}

fn resolved(snapshot: &Snapshot, store: &Store) -> Finding {
    let mut named: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    named.entry(&store.exporter).or_default().insert("spec.exporterRef".into());
    for dataset in &store.datasets {
        if let Role::Processor(controller) = &dataset.role {
            named.entry(controller).or_default().insert(format!("controllerRef of {}", dataset.name));
        }
        if let Some(holder) = &dataset.attributed_by {
            named.entry(holder).or_default().insert(format!("pseudonymised.keysHeldBy of {}", dataset.name));
        }
    }
    for copy in &store.copies {
        named.entry(&copy.party).or_default().insert(format!("partyRef of copy {}", copy.name));
        if let Some(holder) = &copy.keys_held_by {
            named.entry(holder).or_default().insert(format!("encrypted.keysHeldBy of copy {}", copy.name));
        }
    }
    let missing: Vec<_> = named
        .iter()
        .filter(|(party, _)| !snapshot.parties.contains_key(**party))
        .map(|(party, by)| {
            let by: Vec<_> = by.iter().map(String::as_str).collect();
            format!("Party {party} ({})", by.join(", "))
        })
        .collect();
    if missing.is_empty() {
        Finding::yes("ResolvedRefs", "Resolved", "every Party that is named exists")
    } else {
        let message = format!("no such object, so nothing is carried by it: {}", missing.join("; "));
        Finding::no("ResolvedRefs", "PartyNotFound", message)
    }
}

fn located(snapshot: &Snapshot, store: &Store) -> Finding {
    let law = &snapshot.law.version;
    if let Some(why) = snapshot.contradicted.get(&store.key) {
        let message = format!("{why}: its place counts as unknown, and every regime is judged");
        return Finding::no("LocationKnown", "RegionUnknown", message);
    }
    match store.place.country {
        Some(country) => Finding::yes("LocationKnown", "Known", format!("{country} by law pack {law}")),
        None => Finding::no(
            "LocationKnown",
            "RegionUnknown",
            format!("law pack {law} knows no country for spec.location: every regime is judged"),
        ),
    }
}

fn held(snapshot: &Snapshot, store: &Store, now: Timestamp) -> Finding {
    let held: Vec<_> = store
        .datasets
        .iter()
        .filter_map(|d| {
            let hold = holds_on(snapshot, store, d, now)?;
            Some(format!("dataset {} by LegalHold {}", d.name, hold.name))
        })
        .collect();
    if held.is_empty() {
        Finding::no("Held", "NoHold", "no hold covers a dataset")
    } else {
        Finding::yes("Held", "OnHold", held.join("; "))
    }
}

fn used_in_exempt_namespace(picture: &StorePicture) -> Finding {
    const TYPE: &str = "UsedInExemptNamespace";
    if picture.exempt.pods == 0 {
        return Finding::no(TYPE, "NoUse", "no Pod of an exempt namespace uses it");
    }
    let what = "Pods of exempt namespaces, where nothing is refused, use it";
    Finding::yes(TYPE, "Exempt", told(&picture.exempt, what))
}

fn claim_not_reaching(store: &Store, picture: &StorePicture) -> Finding {
    const TYPE: &str = "ClaimNotReaching";
    if picture.not_reached.pods == 0 {
        return Finding::no(TYPE, "NoneMissed", "every Pod that refers to what it claims is judged");
    }
    let what = format!(
        "Pods of other namespaces refer to what spec.access claims and are not judged, since {} is not in \
         --claims-from",
        store.key.namespace
    );
    Finding::yes(TYPE, "NotInClaimsFrom", told(&picture.not_reached, &what))
}

/// A gap: an address of the store under a name that the store does not claim.
fn behind_service(picture: &StorePicture) -> Finding {
    const TYPE: &str = "BehindService";
    if picture.behind.pods == 0 {
        return Finding::no(
            TYPE,
            "NoEndpoint",
            "no Pod names a Service behind which somebody wrote an address of it",
        );
    }
    let what = "Pods name a Service behind which somebody wrote an address of spec.access.hosts, and are not judged for \
                that: name the Service in spec.access.services";
    Finding::yes(TYPE, "EndpointOfStore", told(&picture.behind, what))
}

/// A gap: something undeclared is used.
fn undeclared_recipient(picture: &StorePicture) -> Finding {
    const TYPE: &str = "UndeclaredRecipient";
    if picture.undeclared.pods == 0 {
        return Finding::no(TYPE, "NoneNamed", "no using Pod names an address that is nobody's");
    }
    let what = "using Pods name addresses outside the cluster that are no declared store's and no Party's (spec.hosts)";
    Finding::yes(TYPE, "HostUndeclared", told(&picture.undeclared, what))
}

/// What customers submit is theirs to decide about.
fn role_doubtful(store: &Store) -> Finding {
    const TYPE: &str = "RoleDoubtful";
    let doubtful: Vec<_> = store.datasets.iter().filter_map(Dataset::doubtful_role).collect();
    if doubtful.is_empty() {
        Finding::no(TYPE, "Plausible", "no dataset's categories contradict its role")
    } else {
        Finding::yes(TYPE, "ContentUnderController", doubtful.join("; "))
    }
}

/// What nothing else would carry: a warning, nothing is broken.
fn single_legged(picture: &StorePicture) -> Finding {
    const TYPE: &str = "SingleLegged";
    if picture.legs.is_empty() {
        return Finding::no(TYPE, "NoLastLeg", "no flow stands on one safeguard alone");
    }
    let flows: i64 = picture.legs.values().sum();
    let legs: Vec<String> =
        picture.legs.iter().take(NAMED).map(|(leg, flows)| format!("{leg} ({flows})")).collect();
    let mut message = format!("{flows} flows stand on one safeguard alone: {}", legs.join(", "));
    if picture.legs.len() > NAMED {
        message = format!("{message} and {} more", picture.legs.len() - NAMED);
    }
    Finding::yes(TYPE, "LastLeg", message)
}

/// Whether what it stands on alone ends soon.
fn expiring(snapshot: &Snapshot, picture: &StorePicture, now: Timestamp) -> Finding {
    let ends = ends(snapshot, picture);
    let soonest = ends.iter().filter(|end| end.told_within(now).is_some()).min();
    let leg = soonest.map(|end| end.of.to_string()).unwrap_or_default();
    lapses::near(&ends, &format!("stands alone on {leg}, which ends "), now)
}

/// Ends of the safeguards on which flows stand alone. A safeguard has more than one end, and not each of them is one for every
/// flow: in doubt it is told.
fn ends(snapshot: &Snapshot, picture: &StorePicture) -> Vec<Lapse> {
    let legs = picture.legs.keys().filter_map(|leg| snapshot.safeguards.get(leg.strip_prefix("safeguard/")?));
    let mut ends: Vec<Lapse> = vec![];
    for safeguard in legs {
        let of: Arc<str> = format!("safeguard/{}", safeguard.name).into();
        // The law ends for the safeguard that stands on it.
        ends.extend(
            ends_of_safeguard(snapshot, safeguard).into_iter().map(|end| Lapse { of: of.clone(), ..end }),
        );
    }
    ends
}

/// When the next word about an end is due for a store.
pub fn next_word(snapshot: &Snapshot, picture: &Picture, now: Timestamp) -> Option<Timestamp> {
    picture
        .stores
        .values()
        .fold(None, |next, about| earliest(next, lapses::next(&ends(snapshot, about), now)))
}

/// The exact count and the first owners.
fn told(told: &Told, what: &str) -> String {
    let mut lines = vec![format!("{} {what}:", told.pods)];
    lines.extend(told.owners.iter().take(NAMED).map(|(owner, sentence)| {
        let mut line = format!("{owner}: {sentence}");
        truncate(&mut line, LINE);
        line
    }));
    if told.owners.len() > NAMED {
        lines.push(format!("and {} more owners", told.owners.len() - NAMED));
    }
    lines.join("\n")
}
