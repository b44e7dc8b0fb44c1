use serde_json::json;

use super::*;

const LIST: &[u8] =
    b"Organization Name,Framework,Status\n\"Acme, Inc.\",EU-US,Active\nOther LLC,EU-US,Active\n";

fn party(name: &str, legal_name: &str, country: &str) -> Party {
    serde_json::from_value(
        json!({"metadata": {"name": name}, "spec": {"legalName": legal_name, "country": country}}),
    )
    .unwrap()
}

fn safeguard(participant: &str, listed_as: Option<&str>) -> TransferSafeguard {
    serde_json::from_value(json!({"metadata": {"name": participant}, "spec": {"scope": {"any": true}, "instrument":
        {"dataPrivacyFramework": {"participantRef": {"name": participant}, "listedAs": listed_as, "coveredData": ["NonHR"],
            "checkedOn": "2026-11-01", "frameworks": []}}}}))
    .unwrap()
}

fn asked(columns: &[&str]) -> Import {
    Import {
        file: "list.csv".into(),
        taken_on: None,
        columns: columns.iter().map(ToString::to_string).collect(),
        ignored: vec![],
        name: "public-list".into(),
        print: false,
    }
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(ToString::to_string).collect()
}

#[test]
fn those_are_looked_for_that_could_be_certified_or_are_said_to_be_listed() {
    let parties =
        [party("inc", "Acme, Inc.", "USA"), party("ltd", "Acme Ltd", "IE"), party("sub", "Sub Corp", "US")];
    let found = sought(&parties, &[]).unwrap();
    assert_eq!(found, names(&["Acme, Inc.", "Sub Corp"]));
    let found =
        sought(&parties[1..2], &[safeguard("ltd", None), safeguard("gone", Some("Gone, Inc."))]).unwrap();
    assert_eq!(found, names(&["Acme Ltd", "Gone, Inc."]));
    assert!(matches!(sought(&parties[1..2], &[]), Err(DpfError::Nobody)));
    let many: Vec<_> = (0..=MOST).map(|n| party(&n.to_string(), &format!("Party {n}"), "US")).collect();
    assert!(matches!(sought(&many, &[]), Err(DpfError::TooMany(501))));
}

#[test]
fn of_the_whole_file_its_digest_and_its_rows_are_kept() {
    let day = jiff::civil::date(2026, 11, 27);
    let object = snapshot(&asked(&[]), LIST, day, &names(&["Acme, Inc.", "Gone, Inc."])).unwrap();
    let spec = &object.spec;
    assert_eq!((spec.file.rows, spec.taken_on.as_str()), (2, "2026-11-27"));
    let digest: String = Sha256::digest(LIST).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(spec.file.sha256, digest);
    let listed: Vec<_> = spec.organisations.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(listed, ["Acme, Inc."], "nobody else is kept");
    assert_eq!(spec.not_listed, ["Gone, Inc."]);
    assert!(parse::framework_list(&object).is_ok());
    let mut said = vec![];
    tell(&object, &mut said).unwrap();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("1 of 2 rows") && said.contains("Acme, Inc.: EU-US Active"), "{said}");
    assert!(said.contains("Gone, Inc.: not on the list"), "{said}");
}

#[test]
fn a_file_whose_headers_are_others_is_refused() {
    let day = jiff::civil::date(2026, 11, 27);
    let refused = snapshot(&asked(&["since=From"]), LIST, day, &names(&["Acme, Inc."]));
    assert!(refused.unwrap_err().to_string().contains("--column since=HEADER"));
}
