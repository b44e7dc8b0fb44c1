//! What the law says, written by hand from the decisions and never derived from `law/`: a pack that is edited wrongly fails.
#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside the test functions")]

use std::sync::Arc;

use carnet::{
    core::{
        ids::{Country, ObjectKey, RegimeId},
        law::LawPack,
        party::Party,
        safeguard::{ClaimedAdequacy, Instrument, Safeguard},
        snapshot::{Snapshot, SnapshotBuilder},
        store::{Access, Dataset, Employment, Engine, Origins, Place, Role, Store},
        transfer::{Outcome, Request, Use, UseAccess, Workload, decide},
        validity::Validity,
    },
    parse::law::built_in,
};
use jiff::Timestamp;

/// What the country alone answers for one regime.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Law {
    /// No border.
    In,
    /// Adequate for every recipient.
    All,
    /// Adequate for recipients for whom the decision is claimed.
    Some,
    /// Not adequate.
    No,
}
use Law::{All, In, No, Some as Claimed};

/// Country; EEA, UK, CH on 2026-11-01.
const TABLE: &[(&str, Law, Law, Law)] = &[
    // Inside.
    ("IE", In, All, All),
    ("DE", In, All, All),
    ("FR", In, All, All),
    ("HR", In, All, All),
    ("CY", In, All, All),
    ("IS", In, All, All),
    ("LI", In, All, All),
    ("NO", In, All, All),
    ("GB", All, In, All),
    ("CH", All, All, In),
    // Adequate for all recipients somewhere.
    ("AD", All, All, All),
    ("AR", All, All, All),
    ("BR", All, No, No),
    ("FO", All, No, All),
    ("GG", All, All, All),
    ("GI", No, All, All),
    ("IL", All, All, All),
    ("IM", All, All, All),
    ("JE", All, All, All),
    ("MC", No, No, All),
    ("NZ", All, All, All),
    ("UY", All, All, All),
    // Adequate for some recipients.
    ("CA", Claimed, Claimed, Claimed),
    ("JP", Claimed, Claimed, No),
    ("KR", Claimed, Claimed, No),
    // Never by country.
    ("US", No, No, No),
    ("PR", No, No, No),
    // Often mistaken.
    ("AE", No, No, No),
    ("AU", No, No, No),
    ("CN", No, No, No),
    ("HK", No, No, No),
    ("IN", No, No, No),
    ("KE", No, No, No),
    ("MX", No, No, No),
    ("RS", No, No, No),
    ("RU", No, No, No),
    ("SG", No, No, No),
    ("SM", No, No, No),
    ("TR", No, No, No),
    ("TW", No, No, No),
    ("UA", No, No, No),
    ("ZA", No, No, No),
    // Overseas: some belong to the Union, some do not.
    ("AX", In, No, No),
    ("GF", In, No, No),
    ("RE", In, No, No),
    ("NC", No, No, No),
    ("PF", No, No, No),
    ("GL", No, No, No),
    ("SJ", No, No, No),
    ("BM", No, No, No),
    ("KY", No, No, No),
];

/// The regime, a country that is home to it, and the prefix of its rows.
const REGIMES: [(&str, &str, &str); 3] = [("EEA", "IE", "eu"), ("UK", "GB", "uk"), ("CH", "CH", "ch")];

fn law() -> Arc<LawPack> {
    Arc::new(built_in().unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn place(country: Country) -> Place {
    Place { provider: None, region: None, country: Some(country) }
}

fn party(law: &LawPack, name: &str, country: Country, namespace: &str) -> Arc<Party> {
    Arc::new(Party {
        name: name.into(),
        legal_name: name.into(),
        country,
        regime: law.regime_of(country).map(|r| r.id.clone()),
        group: None,
        namespaces: vec![namespace.into()],
        access_from: vec![],
        controlled_from: None,
        hosts: vec![],
        onward: vec![],
        change_of_control: None,
    })
}

/// Data of one regime at home, and an importer; with a claim of a row for that importer.
fn world(law: &Arc<LawPack>, regime: &str, home: &str, claim: Option<&str>) -> Snapshot {
    let home = law.country(home).unwrap();
    let store = Store {
        key: ObjectKey::new("home", "store"),
        uid: String::new(),
        labels: std::collections::BTreeMap::default(),
        exporter: "exporter".into(),
        place: place(home),
        origins: Origins::Regimes([RegimeId(regime.into())].into()),
        engine: Engine::External,
        access: Access::default(),
        copies: vec![],
        datasets: vec![Dataset {
            name: "data".into(),
            categories: vec![carnet::core::category::Category::parse("account.contact").unwrap()],
            role: Role::Controller,
            employment: Employment::NonHr,
            collected_directly: false,
            attributed_by: None,
            table: None,
            anchors: vec![],
        }],
        erased_here: true,
    };
    let safeguards = claim.map(|row| Safeguard {
        name: "claim".into(),
        instrument: Instrument::Adequacy(ClaimedAdequacy {
            row: row.into(),
            importers: ["importer".into()].into(),
        }),
        assessments: vec![],
        namespaces: None,
        categories: None,
        validity: Validity::default(),
        preference: 100,
    });
    SnapshotBuilder {
        law: law.clone(),
        parties: vec![party(law, "exporter", home, "home"), party(law, "importer", home, "abroad")],
        stores: vec![Arc::new(store)],
        safeguards: safeguards.into_iter().map(Arc::new).collect(),
        ..SnapshotBuilder::default()
    }
    .build()
}

fn outcome(snapshot: &Snapshot, country: Country, now: Timestamp) -> Outcome {
    let labels = std::collections::BTreeMap::default();
    let verdict = decide(
        snapshot,
        &Request {
            workload: Workload {
                kind: "Pod",
                namespace: "abroad",
                name: "app",
                labels: &labels,
                one_off: false,
            },
            uses: &[Use {
                store: ObjectKey::new("home", "store"),
                via: vec!["a test".into()],
                access: UseAccess::Read,
            }],
            sends: &[],
            places: &[place(country)],
            now,
        },
    );
    assert_eq!(verdict.flows.len(), 1, "one dataset, one regime, one place");
    verdict.flows[0].outcome.clone()
}

/// What `decide` makes of the country, with and without a claim of the row that the country would have.
fn judged(law: &Arc<LawPack>, regime: &str, home: &str, prefix: &str, code: &str, now: Timestamp) -> Law {
    let country = law.country(code).unwrap();
    match outcome(&world(law, regime, home, None), country, now) {
        Outcome::NoBorder => In,
        Outcome::Adequate(by) => {
            assert!(by.starts_with(&format!("law/{prefix}-")), "{by}");
            All
        }
        Outcome::Uncovered { .. } => {
            let row = ["canada", "japan", "korea", "faroe", "gibraltar", "brazil"].into_iter().find(|row| {
                let claimed = world(law, regime, home, Some(&format!("{prefix}-{row}")));
                matches!(outcome(&claimed, country, now), Outcome::Carried { .. })
            });
            row.map_or(No, |_| Claimed)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_country_is_judged_as_the_decisions_say() {
    let law = law();
    let now = at("2026-11-01T00:00:00Z");
    for (code, eea, uk, ch) in TABLE {
        for ((regime, home, prefix), expected) in REGIMES.into_iter().zip([eea, uk, ch]) {
            assert_eq!(judged(&law, regime, home, prefix, code, now), *expected, "{code} for {regime}");
        }
    }
}

#[test]
fn only_canada_japan_and_korea_have_to_be_claimed() {
    let law = law();
    let mut claimed: Vec<_> =
        law.adequacy.values().filter(|r| !r.holds_by_itself).map(|r| r.id.to_string()).collect();
    claimed.sort();
    assert_eq!(
        claimed,
        ["ch-canada", "eu-canada", "eu-japan", "eu-korea", "uk-canada", "uk-japan", "uk-korea"]
    );
}

#[test]
fn a_decision_begins_and_ends_at_an_instant() {
    let law = law();
    for (regime, code, instant, before, from) in [
        ("EEA", "GB", "2031-12-28T00:00:00Z", All, No),
        ("EEA", "GB", "2021-06-28T00:00:00Z", No, All),
        ("EEA", "BR", "2026-01-28T00:00:00Z", No, All),
        ("EEA", "KR", "2021-12-17T00:00:00Z", No, Claimed),
        ("UK", "KR", "2022-12-19T00:00:00Z", No, Claimed),
    ] {
        let (_, home, prefix) = REGIMES.into_iter().find(|r| r.0 == regime).unwrap();
        let instant = at(instant);
        let just_before = instant - jiff::SignedDuration::from_nanos(1);
        assert_eq!(judged(&law, regime, home, prefix, code, just_before), before, "{code} before {instant}");
        assert_eq!(judged(&law, regime, home, prefix, code, instant), from, "{code} at {instant}");
    }
    let last_day = at("2031-12-27T23:59:59Z");
    assert_eq!(judged(&law, "EEA", "IE", "eu", "GB", last_day), All);
}

#[test]
fn the_united_states_have_no_row() {
    let law = law();
    let us = law.country("US").unwrap();
    assert!(law.adequacy.values().all(|row| !row.countries.contains(&us)));
}

#[test]
fn frameworks_begin_where_their_decisions_say() {
    use carnet::core::safeguard::FrameworkName::{EuUs, SwissUs, UkExtension};
    let law = law();
    for (name, regime, from) in [
        (EuUs, "EEA", "2023-07-10T00:00:00Z"),
        (UkExtension, "UK", "2023-10-12T00:00:00Z"),
        (SwissUs, "CH", "2024-09-15T00:00:00Z"),
    ] {
        let framework = &law.frameworks[&name];
        assert_eq!(&*framework.regime.0, regime);
        assert_eq!(framework.country.to_string(), "US");
        assert_eq!(framework.validity, Validity { from: Some(at(from)), until: None });
    }
}

#[test]
fn regions_lie_where_their_providers_say() {
    let law = law();
    for (provider, region, country) in [
        (Some("aws"), "eu-west-1", Some("IE")),
        (Some("aws"), "eu-west-2", Some("GB")),
        (Some("aws"), "eu-central-1", Some("DE")),
        (Some("aws"), "eu-central-2", Some("CH")),
        (Some("aws"), "us-east-1", Some("US")),
        (Some("aws"), "ca-central-1", Some("CA")),
        (Some("alibaba"), "eu-west-1", Some("GB")),
        (Some("alibaba"), "us-east-1", Some("US")),
        (Some("gcp"), "europe-west1", Some("BE")),
        (Some("gcp"), "europe-west2", Some("GB")),
        (Some("gcp"), "europe-west6", Some("CH")),
        (Some("gcp"), "europe-north1", Some("FI")),
        (Some("azure"), "northeurope", Some("IE")),
        (Some("azure"), "westeurope", Some("NL")),
        (Some("azure"), "uksouth", Some("GB")),
        (Some("azure"), "switzerlandnorth", Some("CH")),
        (Some("azure"), "norwayeast", Some("NO")),
        (Some("oci"), "uk-london-1", Some("GB")),
        (Some("oci"), "eu-zurich-1", Some("CH")),
        (Some("oci"), "eu-jovanovac-1", Some("RS")),
        (Some("digitalocean"), "lon1", Some("GB")),
        (Some("hetzner"), "hel1", Some("FI")),
        (Some("hetzner"), "ash", Some("US")),
        (Some("scaleway"), "pl-waw", Some("PL")),
        // Without a provider only where all that know the region agree.
        (None, "eu-west-1", None),
        (None, "eu-west-2", Some("GB")),
        (None, "us-east-1", Some("US")),
        (None, "europe-west6", Some("CH")),
        (None, "ap-southeast-3", None),
        // Unknown stays unknown.
        (Some("gcp"), "eu-west-1", None),
        (Some("gcp"), "global", None),
        (Some("gcp"), "eu", None),
        (Some("aws"), "eu-west-9", None),
        (Some("nobody"), "eu-west-1", None),
        (None, "nowhere", None),
    ] {
        let found = law.region(provider, region).map(|c| c.to_string());
        assert_eq!(found.as_deref(), country, "{provider:?} {region}");
    }
}

#[test]
fn countries_are_read_by_either_code() {
    let law = law();
    assert_eq!(law.codes.len(), 2 * 249);
    for (alpha3, alpha2) in [("NOR", "NO"), ("irl", "IE"), ("GBR", "GB"), ("no", "NO"), ("CHE", "CH")] {
        assert_eq!(law.country(alpha3).map(|c| c.to_string()).as_deref(), Some(alpha2));
    }
    assert!(law.country("UK").is_none() && law.country("EU").is_none() && law.country("").is_none());
}

#[test]
fn the_union_has_27_states_and_the_area_30() {
    let law = law();
    let territory = &law.regimes[&RegimeId("EEA".into())].territory;
    for code in
        "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split(' ')
    {
        assert!(territory.contains(&law.country(code).unwrap()), "{code}");
    }
    assert_eq!(territory.len(), 30 + 7);
}
