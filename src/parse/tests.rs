use super::*;
use crate::{api::v1alpha1 as api, core::law::LawPack};

const STORE: &str = "
metadata: {name: accounts, namespace: identity}
spec:
  exporterRef: {name: ltd}
  role: Controller
  location: {provider: aws, region: eu-west-1}
  origins: [EEA]
  engine: {postgres: {credentialsSecretRef: {name: erasure}}}
  datasets:
  - name: accounts
    categories: [account.contact]
    table: {schema: public, name: accounts}
    anchors: [{event: RelationshipEnded, column: closed_at}]
";
const SAFEGUARD: &str = "
metadata: {name: scc}
spec:
  instrument:
    standardContractualClauses:
      executedOn: '2024-01-15'
      parties: [{exporters: [ltd], importers: [inc], module: ControllerToController}]
  assessments: [{regimes: [EEA], country: USA, completedOn: '2026-02-01', outcome: Effective, reviewBy: '2027-02-01'}]
  scope: {any: true}
  validFrom: '2024-01-15'
  validThrough: '2027-01-14'
";

fn law() -> LawPack {
    law::built_in().unwrap()
}

fn yaml<T: serde::de::DeserializeOwned>(kind: &str, text: &str, edits: &[(&str, &str)]) -> T {
    let text = edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    let text = format!("apiVersion: carnet.dev/v1alpha1\nkind: {kind}{text}");
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn read_store(edits: &[(&str, &str)], check: RegionCheck) -> Result<crate::core::store::Store, Vec<String>> {
    store(&yaml("DataStore", STORE, edits), &law(), check).map_err(paths)
}

fn read_safeguard(edits: &[(&str, &str)]) -> Result<crate::core::safeguard::Safeguard, Vec<String>> {
    safeguard(&yaml("TransferSafeguard", SAFEGUARD, edits), &law()).map_err(paths)
}

fn paths(errors: Errors) -> Vec<String> {
    errors.0.into_iter().map(|e| e.path).collect()
}

#[test]
fn what_is_wrong_with_a_store_is_named_by_its_field() {
    assert!(read_store(&[], RegionCheck::Strict).is_ok());
    for (edits, path) in [
        (&[("role: Controller", "role: Processor")], "spec.controllerRef"),
        (&[("role: Controller", "role: Controller\n  controllerRef: {name: acme}")], "spec.controllerRef"),
        (&[("region: eu-west-1", "region: eu-west-9")], "spec.location.region"),
        (&[("provider: aws, ", "")], "spec.location.region"),
        (&[("provider: aws, region: eu-west-1", "country: ZZ")], "spec.location.country"),
        (&[("region: eu-west-1", "region: eu-west-1, country: GB")], "spec.location.country"),
        (&[("provider: aws, region: eu-west-1", "provider: aws")], "spec.location"),
        (&[("origins: [EEA]", "origins: []")], "spec.origins"),
        (&[("origins: [EEA]", "origins: [Atlantis]")], "spec.origins[0]"),
        (&[("origins: [EEA]", "origins: [Unrestricted]")], "spec.originsReason"),
        (&[("origins: [EEA]", "origins: [EEA, Unrestricted]")], "spec.origins"),
        (&[("{postgres:", "{volume: {persistentVolumeClaim: c}, postgres:")], "spec.engine"),
        (&[("account.contact", "Account")], "spec.datasets[0].categories[0]"),
        (&[("column: closed_at", "modifiedTime: {}")], "spec.datasets[0].anchors[0].modifiedTime"),
        (&[("column: closed_at", "column: a, objectTag: b")], "spec.datasets[0].anchors[0]"),
        (
            &[("column: closed_at", "column: a, columnType: {timestamp: {timeZone: Mars/Olympus}}")],
            "spec.datasets[0].anchors[0].columnType.timestamp.timeZone",
        ),
    ] {
        assert_eq!(read_store(edits, RegionCheck::Strict).unwrap_err(), [path], "{edits:?}");
    }
}

#[test]
fn every_problem_is_named_at_once() {
    let edits = [("role: Controller", "role: Processor"), ("eu-west-1", "eu-west-9"), ("[EEA]", "[]")];
    let errors = read_store(&edits, RegionCheck::Strict).unwrap_err();
    assert_eq!(errors, ["spec.controllerRef", "spec.location.region", "spec.origins"]);
}

#[test]
fn what_the_law_pack_does_not_know_is_unknown_on_an_existing_store() {
    let store =
        read_store(&[("eu-west-1", "eu-west-9"), ("[EEA]", "[Atlantis]")], RegionCheck::Lenient).unwrap();
    assert_eq!(store.place.country, None);
    assert_eq!(store.origins, crate::core::store::Origins::Unknown);
}

#[test]
fn a_country_beside_an_unknown_region_says_where_it_is() {
    let edits = [("provider: aws, region: eu-west-1", "provider: own, region: dublin, country: IRL")];
    let store = read_store(&edits, RegionCheck::Strict).unwrap();
    assert_eq!(store.place.country.map(|c| c.to_string()).as_deref(), Some("IE"));
}

#[test]
fn what_is_wrong_with_a_safeguard_is_named_by_its_field() {
    assert!(read_safeguard(&[]).is_ok());
    let clauses = "spec.instrument.standardContractualClauses";
    let adequacy = "instrument: {adequacy: {row: R, importers: [inc], assertion: a}}\n  ignored:";
    let claim = |row: &str| adequacy.replace('R', row);
    for (edits, path) in [
        (
            vec![("executedOn: '2024-01-15'", "executedOn: '15.1.2024'".to_owned())],
            format!("{clauses}.executedOn"),
        ),
        (
            vec![("executedOn: '2024-01-15'", "executedOn: '2024-02-30'".into())],
            format!("{clauses}.executedOn"),
        ),
        (vec![("importers: [inc]", "importers: []".into())], format!("{clauses}.parties[0].importers")),
        (vec![("scope: {any: true}", "scope: {}".into())], "spec.scope".into()),
        (vec![("scope: {any: true}", "scope: {any: true, namespaces: [a]}".into())], "spec.scope.any".into()),
        (
            vec![("scope: {any: true}", "scope: {categories: ['*']}".into())],
            "spec.scope.categories[0]".into(),
        ),
        (
            vec![("validThrough: '2027-01-14'", "validThrough: '2024-01-14'".into())],
            "spec.validThrough".into(),
        ),
        (
            vec![("validThrough: '2027-01-14'", "validUntil: '2024-01-15T00:00:00Z'".into())],
            "spec.validUntil".into(),
        ),
        (vec![("regimes: [EEA]", "regimes: [EU]".into())], "spec.assessments[0].regimes[0]".into()),
        (vec![("country: USA", "country: XX".into())], "spec.assessments[0].country".into()),
        (
            vec![("reviewBy: '2027-02-01'", "reviewBy: '2026-01-31'".into())],
            "spec.assessments[0].reviewBy".into(),
        ),
        (vec![("instrument:", claim("eu-atlantis"))], "spec.instrument.adequacy.row".into()),
        (vec![("instrument:", claim("eu-israel"))], "spec.instrument.adequacy.row".into()),
    ] {
        let edits: Vec<(&str, &str)> = edits.iter().map(|(f, t)| (*f, t.as_str())).collect();
        assert_eq!(read_safeguard(&edits).unwrap_err(), [path], "{edits:?}");
    }
}

#[test]
fn a_last_day_is_whole() {
    let until = read_safeguard(&[]).unwrap().validity.until.unwrap();
    assert_eq!(until.to_string(), "2027-01-15T00:00:00Z");
}

#[test]
fn a_uk_extension_needs_the_entry_that_it_extends() {
    let text = "
metadata: {name: dpf}
spec:
  instrument:
    dataPrivacyFramework:
      participantRef: {name: inc}
      frameworks: [{name: UKExtension, status: Active, since: '2024-01-01', recertifyBy: '2027-01-01'}]
      coveredData: [NonHR]
      checkedOn: '2026-11-01'
  scope: {any: true}
";
    let object: api::TransferSafeguard = yaml("TransferSafeguard", text, &[]);
    let errors = safeguard(&object, &law()).map_err(paths).unwrap_err();
    assert_eq!(errors, ["spec.instrument.dataPrivacyFramework.frameworks"]);
}

#[test]
fn an_exception_ends_at_the_clusters_maximum_at_the_latest() {
    let text = "
metadata: {name: incident, creationTimestamp: '2026-11-01T12:00:00Z'}
spec:
  reason: r
  ticket: t
  workloads: {namespace: analytics}
  stores: [{namespace: identity, name: accounts}]
  expiresAt: 'END'
";
    let settings = crate::core::settings::Settings::default();
    for (end, until) in
        [("2026-11-03T00:00:00Z", "2026-11-03T00:00:00Z"), ("2026-12-03T00:00:00Z", "2026-11-08T12:00:00Z")]
    {
        let object: api::TransferException = yaml("TransferException", text, &[("END", end)]);
        assert_eq!(exception(&object, &settings).unwrap().until.to_string(), until);
    }
}

#[test]
fn a_country_that_yaml_took_for_a_boolean_is_to_be_quoted() {
    let error = country("spec.country", "false", &law()).unwrap_err();
    assert!(error.fix.contains("quote it"));
}

#[test]
fn a_pack_that_contradicts_itself_is_not_loaded() {
    let pack = include_str!("../../law/pack.yaml");
    for (from, to, path) in [
        ("countries: [\"AD\"]", "countries: [\"ZZ\"]", "adequacy[0].countries[0]"),
        ("id: eu-argentina", "id: eu-andorra", "adequacy[1].id"),
        ("regime: EEA\n    countries: [\"AD\"]", "regime: EU\n    countries: [\"AD\"]", "adequacy[0].regime"),
        ("validThrough: \"2031-12-27\"", "validThrough: \"2021-06-27\"", "adequacy[14].validThrough"),
        ("territory: [GB]", "territory: [GB, IE]", "regimes[1].territory"),
        ("regime: UK, country: US", "regime: GB, country: US", "frameworks[1].regime"),
        ("source: S1", "source: hearsay", "adequacy[0].source"),
        ("asOf: \"2026-08-05\"", "asOf: \"August\"", "asOf"),
    ] {
        assert!(pack.contains(from), "{from}");
        let Err(law::LawError::Invalid(errors)) = law::from_yaml(&pack.replacen(from, to, 1)) else {
            panic!("{from} -> {to} was loaded")
        };
        assert!(errors.0.iter().any(|e| e.path == path), "{path}: {errors}");
    }
    assert!(law::from_yaml("version: [").is_err());
}
