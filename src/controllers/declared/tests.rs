//! Sentences about what the status of passive kinds says.

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::{
    findings::{Findings, Passive},
    found,
};
use crate::{
    api::v1alpha1::{DataPrivacyFrameworkSnapshot, DataStore, Party, TransferException, TransferSafeguard},
    core::{settings::Settings, snapshot::Snapshot},
    index::{Context, Entry, Kind, State, TableEvent, Watched},
    parse::law,
};

const LTD: &str =
    "metadata: {name: ltd}\nspec: {legalName: Ltd, country: IE, runs: {namespaces: [identity]}}";
const INC: &str =
    "metadata: {name: inc}\nspec: {legalName: Inc, country: US, runs: {namespaces: [analytics]}}";
const STORE: &str = "
metadata: {name: accounts, namespace: identity}
spec:
  exporterRef: {name: ltd}
  role: Controller
  location: {country: IE}
  origins: [EEA]
  engine: {external: {description: a test}}
  datasets: [{name: accounts, categories: [account.contact]}]
";
const SCC: &str = "
metadata: {name: scc}
spec:
  instrument:
    standardContractualClauses:
      executedOn: '2024-01-15'
      parties: [{exporters: [ltd], importers: [inc], module: ControllerToController}]
  assessments:
  - {regimes: [EEA, UK], country: US, completedOn: '2026-02-01', outcome: Effective, reviewBy: '2027-02-01'}
  scope: {any: true}
  validFrom: '2024-01-15'
  validThrough: '2028-01-14'
";
const DPF: &str = "
metadata: {name: dpf}
spec:
  instrument:
    dataPrivacyFramework:
      participantRef: {name: inc}
      frameworks: [{name: EU-US, status: Active, since: '2023-09-29', recertifyBy: '2027-09-29'}]
      coveredData: [NonHR]
      recourse: {provider: JAMS}
      checkedOn: '2026-11-01'
  scope: {any: true}
";
const EXCEPTION: &str = "
metadata: {name: incident, creationTimestamp: '2026-11-10T00:00:00Z'}
spec:
  reason: migration
  ticket: OPS-1
  workloads: {namespace: analytics}
  stores: [{namespace: identity, name: accounts}]
  expiresAt: '2026-11-16T00:00:00Z'
";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn context() -> Context {
    Context { law: Arc::new(law::built_in().unwrap()), settings: Arc::new(Settings::default()) }
}

fn entry<K: Kind + DeserializeOwned>(yaml: &str, kind: &str) -> Entry<K> {
    let yaml = format!("apiVersion: carnet.dev/v1alpha1\nkind: {kind}\n{yaml}");
    let object: K = serde_saphyr::from_str(&yaml).unwrap_or_else(|e| panic!("{e}\n{yaml}"));
    Entry::new(Watched::Fits(Box::new(object)), &context())
}

fn snapshot(parties: &[&str], stores: &[&str]) -> Snapshot {
    let Context { law, settings } = context();
    let mut state = State::new(law, settings);
    for party in parties {
        let entry = entry::<Party>(party, "Party");
        state.apply(Party::change(TableEvent::Apply(entry.key(), entry)));
    }
    for store in stores {
        let entry = entry::<DataStore>(store, "DataStore");
        state.apply(DataStore::change(TableEvent::Apply(entry.key(), entry)));
    }
    state.snapshot()
}

fn asked<K: Passive>(yaml: &str, kind: &str, snapshot: &Snapshot, now: &str) -> Findings {
    found(&entry::<K>(yaml, kind), snapshot, at(now))
}

/// `True reason: message` of one condition.
fn says(found: &Findings, type_: &str) -> String {
    let finding = found.0.iter().find(|f| f.type_ == type_).unwrap_or_else(|| panic!("{:?}", found.0));
    format!(
        "{} {}: {}",
        finding.status.map_or("?", |s| if s { "yes" } else { "no" }),
        finding.reason,
        finding.message
    )
}

#[test]
fn a_safeguard_is_in_force_for_what_it_carries_and_says_what_it_does_not() {
    let found = asked::<TransferSafeguard>(
        SCC,
        "TransferSafeguard",
        &snapshot(&[LTD, INC], &[]),
        "2026-11-15T00:00:00Z",
    );
    assert_eq!(
        says(&found, "InForce"),
        "yes InForce: carries EEA data to US until 2028-01-15T00:00:00Z; not UK data to US: has no UK Addendum"
    );
    assert_eq!(says(&found, "ResolvedRefs"), "yes Resolved: every Party that is named exists");
    assert_eq!(says(&found, "Overdue"), "no UpToDate: nothing that it stands on is overdue");
    // The day on which the assessment must be reviewed.
    assert_eq!(found.1, Some(at("2027-02-02T00:00:00Z")));
}

#[test]
fn a_safeguard_that_carries_nothing_is_not_in_force_and_says_why() {
    let parties = snapshot(&[LTD, INC], &[]);
    for (yaml, edit, now, said) in [
        (SCC, ("", ""), "2024-01-01T00:00:00Z", "no NotYet: from 2024-01-15T00:00:00Z"),
        (SCC, ("", ""), "2028-01-15T00:00:00Z", "no Ended: until 2028-01-15T00:00:00Z"),
        (
            SCC,
            ("executedOn: '2024-01-15'", "executedOn: '2027-01-15'"),
            "2026-11-15T00:00:00Z",
            "is executed only on",
        ),
        (
            SCC,
            ("Effective", "Ineffective"),
            "2026-11-15T00:00:00Z",
            "was assessed as ineffective in US for EEA",
        ),
        (
            SCC,
            ("reviewBy: '2027-02-01'", "reviewBy: '2026-03-01'"),
            "2026-11-15T00:00:00Z",
            "90 days of grace used up",
        ),
        (
            SCC,
            ("[ltd], importers: [inc]", "[ltd], importers: [ltd]"),
            "2026-11-15T00:00:00Z",
            "cannot bind ltd to itself",
        ),
        (
            SCC,
            ("[ltd], importers: [inc]", "[ltd], importers: [nobody]"),
            "2026-11-15T00:00:00Z",
            "no Party that it names as importer exists",
        ),
        (
            DPF,
            ("2026-11-01", "2020-11-01"),
            "2026-11-15T00:00:00Z",
            "was last checked on 2020-11-01T00:00:00Z",
        ),
        (DPF, ("Active", "Withdrawn"), "2026-11-15T00:00:00Z", "EEA data to US: is Withdrawn for EU-US"),
        (DPF, ("", ""), "2027-09-30T00:00:00Z", "EU-US certification ended 2027-09-30T00:00:00Z"),
        (DPF, ("name: inc", "name: ltd"), "2026-11-15T00:00:00Z", "is of ltd, which is established in IE"),
    ] {
        assert!(yaml.contains(edit.0), "{edit:?}");
        let yaml = if edit.0.is_empty() { yaml.to_owned() } else { yaml.replacen(edit.0, edit.1, 1) };
        let found = asked::<TransferSafeguard>(&yaml, "TransferSafeguard", &parties, now);
        let finding = says(&found, "InForce");
        assert!(finding.starts_with("no ") && finding.contains(said), "{edit:?} {now}: {finding}");
    }
}

#[test]
fn what_a_safeguard_stands_on_is_overdue_before_and_after_it_stops_carrying() {
    let parties = snapshot(&[LTD, INC], &[]);
    let overdue =
        |yaml, now| says(&asked::<TransferSafeguard>(yaml, "TransferSafeguard", &parties, now), "Overdue");
    assert!(overdue(DPF, "2026-11-30T23:59:59Z").starts_with("no "));
    for now in ["2026-12-01T00:00:00Z", "2027-02-01T00:00:00Z"] {
        assert!(overdue(DPF, now).starts_with("yes LookAfterIt: list last checked on 2026-11-01"), "{now}");
    }
    assert!(overdue(SCC, "2027-02-01T23:59:59Z").starts_with("no "));
    for now in ["2027-02-02T00:00:00Z", "2027-05-03T00:00:00Z"] {
        assert_eq!(overdue(SCC, now).lines().count(), 1);
        assert!(overdue(SCC, now).contains("assessment of US for EEA overdue since 2027-02-02"), "{now}");
    }
}

#[test]
fn parties_and_stores_that_are_named_and_not_there_are_shown() {
    let found =
        asked::<TransferSafeguard>(SCC, "TransferSafeguard", &snapshot(&[LTD], &[]), "2026-11-15T00:00:00Z");
    assert_eq!(
        says(&found, "ResolvedRefs"),
        "no PartyNotFound: no such object, so nothing is carried by it: Party inc"
    );
    assert_eq!(says(&found, "Ready"), "yes Accepted: accepted and operating");
    let exception = |stores: &[&str]| {
        let found = asked::<TransferException>(
            EXCEPTION,
            "TransferException",
            &snapshot(&[LTD], stores),
            "2026-11-15T00:00:00Z",
        );
        says(&found, "ResolvedRefs")
    };
    assert!(
        exception(&[]).starts_with("no StoreNotFound")
            && exception(&[]).ends_with("DataStore identity/accounts")
    );
    assert!(exception(&[STORE]).starts_with("yes "));
}

#[test]
fn an_exception_that_is_cut_short_says_so() {
    let cut = |yaml: &str| {
        asked::<TransferException>(
            yaml,
            "TransferException",
            &snapshot(&[], &[STORE]),
            "2026-11-15T00:00:00Z",
        )
    };
    assert_eq!(says(&cut(EXCEPTION), "CutShort"), "no AsAsked: ends when it says");
    let long = cut(&EXCEPTION.replace("2026-11-16T", "2036-11-16T"));
    assert_eq!(
        says(&long, "CutShort"),
        "yes MaxException: asked for until 2036-11-16T00:00:00Z; ends 2026-11-17T00:00:00Z, since --max-exception is 7 days"
    );
    assert_eq!(says(&long, "InForce"), "yes InForce: until 2026-11-17T00:00:00Z");
    assert_eq!(long.1, Some(at("2026-11-17T00:00:00Z")));
}

#[test]
fn a_namespace_that_two_parties_run_is_contested_on_both() {
    let rival = INC.replace("name: inc", "name: rival");
    let both = snapshot(&[LTD, INC, &rival], &[]);
    for (party, contested) in [(LTD, false), (INC, true), (rival.as_str(), true)] {
        let found = asked::<Party>(party, "Party", &both, "2026-11-15T00:00:00Z");
        assert_eq!(says(&found, "NamespacesUnique").starts_with("no Contested"), contested, "{party}");
    }
}

#[test]
fn an_object_that_cannot_be_read_is_stalled_with_the_reason() {
    let found =
        asked::<Party>(&LTD.replace("IE", "Atlantis"), "Party", &snapshot(&[], &[]), "2026-11-15T00:00:00Z");
    assert!(says(&found, "Ready").starts_with("no Invalid") && says(&found, "Stalled").contains("Atlantis"));
}

#[test]
fn a_certification_says_what_the_public_list_says_of_it() {
    const LIST: &str = "
metadata: {name: public-list}
spec:
  takenOn: '2026-11-02'
  file: {sha256: '00', rows: 3}
  organisations:
  - {name: Inc, frameworks: [{name: EU-US, status: Active, since: '2023-09-29', recertifyBy: '2027-09-29'}]}
";
    let with = |lists: &[&str]| {
        let Context { law, settings } = context();
        let mut state = State::new(law, settings);
        for party in [LTD, INC] {
            let entry = entry::<Party>(party, "Party");
            state.apply(Party::change(TableEvent::Apply(entry.key(), entry)));
        }
        for list in lists {
            let entry = entry::<DataPrivacyFrameworkSnapshot>(list, "DataPrivacyFrameworkSnapshot");
            state.apply(DataPrivacyFrameworkSnapshot::change(TableEvent::Apply(entry.key(), entry)));
        }
        state.snapshot()
    };
    let of = |lists: &[&str]| {
        asked::<TransferSafeguard>(DPF, "TransferSafeguard", &with(lists), "2026-11-15T00:00:00Z")
    };
    assert!(says(&of(&[]), "PublicList").starts_with("? NoSnapshot: "));
    assert_eq!(
        says(&of(&[LIST]), "PublicList"),
        "yes SaysTheSame: as in DataPrivacyFrameworkSnapshot public-list"
    );
    let withdrawn = LIST.replace("status: Active", "status: Withdrawn");
    let found = of(&[&withdrawn]);
    let why = "is Withdrawn for EU-US on the public list of 2026-11-02";
    assert_eq!(
        says(&found, "PublicList"),
        format!("no SaysOtherwise: {why}; see DataPrivacyFrameworkSnapshot public-list")
    );
    assert_eq!(says(&found, "InForce"), format!("no CarriesNothing: EEA data to US: {why}"));
    let scc = asked::<TransferSafeguard>(SCC, "TransferSafeguard", &with(&[LIST]), "2026-11-15T00:00:00Z");
    assert!(scc.0.iter().all(|finding| finding.type_ != "PublicList"), "no certification");

    let later = LIST.replace("public-list", "later").replace("2026-11-02", "2026-11-03");
    let of_list = asked::<DataPrivacyFrameworkSnapshot>(
        LIST,
        "DataPrivacyFrameworkSnapshot",
        &with(&[LIST, &later]),
        "2026-11-15T00:00:00Z",
    );
    assert!(says(&of_list, "Latest").starts_with("no Superseded"));
}
