use jiff::civil::date;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn object<K: DeserializeOwned>(kind: &str, name: &str, spec: &Value, status: &Value) -> K {
    serde_json::from_value(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": kind,
        "metadata": {"name": name, "namespace": "identity"},
        "spec": spec, "status": status,
    }))
    .unwrap()
}

fn conditions(all: &[(&str, &str)]) -> Value {
    all.iter()
        .map(|(kind, status)| {
            json!({
                "type": kind, "status": status, "reason": "R", "message": "",
                "lastTransitionTime": "2026-11-24T00:00:00Z",
            })
        })
        .collect()
}

fn store(name: &str, status: &Value) -> DataStore {
    let spec = json!({
        "exporterRef": {"name": "ltd"}, "role": "Controller", "location": {"country": "IE"},
        "engine": {"external": {"description": "x"}},
        "datasets": [{"name": "d", "categories": ["account.contact"]}],
    });
    object("DataStore", name, &spec, status)
}

fn hold(name: &str, release: &Value) -> LegalHold {
    let spec = json!({
        "reason": "Litigation", "reference": "matters/1", "placedOn": "2026-10-01", "release": release,
    });
    object("LegalHold", name, &spec, &json!({}))
}

fn shown(name: &str, section_: Section) -> String {
    let mut out = vec![];
    section(&mut out, name, Ok(vec![()]), |_| section_, &mut vec![]).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn violating_stores_come_first_and_the_unknown_before_the_clean() {
    let text = shown(
        "Stores",
        stores_section(&[
            store(
                "clean",
                &json!({"country": "IE", "conditions": conditions(&[("NoViolation", "True"), ("Held", "False")])}),
            ),
            store("new", &json!({})),
            store(
                "bad",
                &json!({
                    "country": "IE", "conditions": conditions(&[("NoViolation", "False")]),
                    "transfers": {"using": 3, "violating": 2, "waived": 0, "violatingCopies": 1},
                }),
            ),
        ]),
    );
    expect_test::expect![[r"
        Stores: 3 (1 violating, 1 unknown, 1 without violation)
          STORE           COUNTRY  NO VIOLATION  USING  VIOLATING  WAIVED  COPIES  HELD     NEXT CHANGE
          identity/bad    IE       False         3      2          0       1       Unknown  -
          identity/new    -        Unknown       0      0          0       0       Unknown  -
          identity/clean  IE       True          0      0          0       0       False    -
    "]]
    .assert_eq(&text);
}

#[test]
fn a_hold_is_shown_until_the_day_of_its_release() {
    let holds = [
        hold("stands", &Value::Null),
        hold("ends-tomorrow", &json!({"on": "2026-11-25", "reason": "settled"})),
        hold("ended-today", &json!({"on": "2026-11-24", "reason": "settled"})),
        hold("unreadable", &json!({"on": "2026-13-99", "reason": "settled"})),
    ];
    let section = holds_section(&holds, date(2026, 11, 24));
    let names: Vec<&str> = section.rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["ends-tomorrow", "stands", "unreadable"]);
}

#[test]
fn a_run_that_ended_is_not_in_progress() {
    let run = |name: &str, phase: &str| -> DeletionRun {
        let pinned = json!({"name": "x", "uid": "y"});
        let spec = json!({
            "policy": pinned, "store": pinned, "action": "Apply", "decidedAt": "2026-11-24T01:00:00Z",
            "stateHash": format!("sha256:{}", "0".repeat(64)), "targets": [],
        });
        object("DeletionRun", name, &spec, &json!({"phase": phase}))
    };
    let section = runs_section(&[run("a", "Succeeded"), run("b", "AwaitingApproval"), run("c", "Erasing")]);
    assert_eq!(section.summary, "2 (1 waiting for approval)");
    assert_eq!(section.rows.len(), 2);
}

#[test]
fn findings_of_a_policy_are_named() {
    let all: Vec<Condition> = serde_json::from_value(conditions(&[
        ("Ready", "False"),
        ("Overdue", "True"),
        ("Held", "False"),
        ("PromiseBroken", "True"),
    ]))
    .unwrap();
    assert_eq!(findings(&all), ["Overdue", "PromiseBroken", "not Ready"]);
}

#[test]
fn a_list_that_fails_is_said_and_remembered() {
    let mut out = vec![];
    let mut failed = vec![];
    let error = kube::Error::LinesCodecMaxLineLengthExceeded;
    section(&mut out, "Stores", Err(error), stores_section, &mut failed).unwrap();
    assert!(String::from_utf8(out).unwrap().starts_with("Stores: cannot be listed: "));
    assert_eq!(failed, ["stores"]);
}

#[test]
fn more_rows_than_a_screen_holds_are_counted() {
    let rows = vec![vec!["x".into()]; ROWS + 3];
    let text = shown("Things", Section { summary: "many".into(), head: &["NAME"], rows });
    assert_eq!(text.lines().count(), 1 + 1 + ROWS + 1);
    assert!(text.ends_with("  and 3 more\n"));
}
