use jiff::civil::date;
use serde::de::DeserializeOwned;

use super::*;
use crate::cli::facts::testing::well;

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

fn shown(name: &str, made: Section) -> String {
    let mut out = vec![];
    section(&mut out, name, Ok(made)).unwrap();
    String::from_utf8(out).unwrap()
}

fn screen(facts: &Facts) -> (Answer, String) {
    let mut out = vec![];
    let answer = show(facts, Output::Text, &mut out).unwrap();
    (answer, String::from_utf8(out).unwrap())
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
    let mut facts = well();
    facts.stores = Err("you may not list datastores".into());
    let (answer, text) = screen(&facts);
    assert!(text.contains("Stores: you may not list datastores\n"), "{text}");
    assert_eq!(answer.exit_code(), 2);
}

#[test]
fn the_head_says_what_is_installed_and_how_it_is() {
    let (answer, text) = screen(&well());
    let law = crate::parse::law::built_in().unwrap().version;
    let text = text.replace(&law, "LAW").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    expect_test::expect![[r"
        Carnet VERSION in carnet-system, law pack LAW, transfers Enforce: 2 of 2 replicas ready
          enforcement   intact
          caches        current in 2 of 2 replicas
          leader        carnet-a, renewed 5 s ago
          certificates  served until 2027-02-20T00:00:00Z; believed until 2027-11-27T15:54:23Z
          runs          0 waiting for approval, 0 in progress, none planned
        Lapses next: 0
        Stores: 0 (0 violating, 0 unknown, 0 without violation)
        Retention policies: 0
        Deletion runs in progress: 0 (0 waiting for approval)
        Holds in force: 0
    "]]
    .assert_eq(&text);
    assert_eq!(answer.exit_code(), 0);
}

#[test]
fn what_is_not_well_is_said_and_ends_with_one() {
    let mut facts = well();
    facts.live.as_mut().unwrap().retain(|id, _| !id.name.ends_with(".carnet.dev"));
    let deployment = facts.deployment.as_mut().unwrap().as_mut().unwrap();
    deployment.status.as_mut().unwrap().ready_replicas = Some(1);
    facts.next_of_safeguards = Ok(vec![
        ("dpf".into(), "2026-12-01T00:00:00Z".parse().unwrap()),
        ("scc".into(), "2028-01-01T00:00:00Z".parse().unwrap()),
    ]);
    facts.stores = Ok(vec![store("bad", &json!({"conditions": conditions(&[("NoViolation", "False")])}))]);
    let (answer, text) = screen(&facts);
    let said: Vec<&str> = text.lines().filter(|line| line.starts_with('!')).collect();
    assert_eq!(
        said,
        [
            "! 1 of 2 replicas are ready",
            "! enforcement is not intact (deviations: 2)",
            "! TransferSafeguard dpf: what it carries, or what is overdue, changes at 2026-12-01T00:00:00Z",
            "! DataStore identity/bad: a declared rule is broken",
        ]
    );
    assert!(text.contains("  2026-12-01T00:00:00Z  2 d "), "{text}");
    assert_eq!(answer.exit_code(), 1);
}

#[test]
fn without_the_right_to_ask_pods_the_screen_shows_what_the_api_knows() {
    let mut facts = well();
    for replica in &mut facts.replicas {
        replica.answer = Err("you may not `get pods/proxy` in namespace carnet-system".into());
    }
    let (answer, text) = screen(&facts);
    assert!(text.contains("enforcement   intact"), "{text}");
    assert!(text.contains("caches        not known: you may not `get pods/proxy`"), "{text}");
    assert_eq!(answer.exit_code(), 2);
}

#[test]
fn machines_get_the_same_as_json() {
    let mut facts = well();
    facts.stores = Ok(vec![store("new", &json!({}))]);
    let mut out = vec![];
    show(&facts, Output::Json, &mut out).unwrap();
    let screen: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(screen["answer"], "Well");
    assert_eq!(screen["installation"]["enforcement"], "Intact");
    assert_eq!(screen["installation"]["leader"]["identity"], "carnet-a");
    assert_eq!(screen["sections"][0]["rows"][0]["noViolation"], "Unknown");
}

#[test]
fn more_rows_than_a_screen_holds_are_counted() {
    let rows = vec![vec!["x".into()]; ROWS + 3];
    let text = shown("Things", Section { summary: "many".into(), head: &["NAME"], rows });
    assert_eq!(text.lines().count(), 1 + 1 + ROWS + 1);
    assert!(text.ends_with("  and 3 more\n"));
}
