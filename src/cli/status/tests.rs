use jiff::civil::date;
use serde::de::DeserializeOwned;

use super::*;
use crate::{
    api::v1alpha1::{BackstopSummary, Party, TransferException},
    cli::facts::testing::well,
    platform::status::EnforcementState,
};

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
    assert!(text.contains("Stores: not known\n"), "{text}");
    assert!(text.ends_with("? you may not list datastores\n"), "{text}");
    assert_eq!(answer.exit_code(), 2);
}

#[test]
fn without_rights_nothing_is_said_to_be_none_and_each_reason_is_told() {
    let mut facts = well();
    let no = |what: &str| format!("you may not list {what}");
    facts.deployment = Err("you may not get deployments in namespace carnet-system".into());
    facts.lease = Err("you may not get leases in namespace carnet-system".into());
    facts.live = Err(no("validatingadmissionpolicies"));
    facts.replicas = vec![];
    facts.stores = Err(no("datastores"));
    facts.runs = Err(no("deletionruns"));
    facts.policies = Err(no("retentionpolicies"));
    facts.holds = Err(no("legalholds"));
    facts.exceptions = Err(no("transferexceptions"));
    facts.next_of_safeguards = Err(no("transfersafeguards"));
    let (answer, text) = screen(&facts);
    expect_test::expect![[r"
        Carnet not known in carnet-system, law pack not known, transfers not known: replicas not known
          enforcement   not known
          caches        not known: no replica runs
          leader        not known
          certificates  served not known; believed not known
          runs          not known, next not known
        Lapses next: 0, and what could not be looked at
        Stores: not known
        Retention policies: not known
        Deletion runs in progress: not known
        Holds in force: not known
        ? you may not get deployments in namespace carnet-system
        ? you may not get leases in namespace carnet-system
        ? you may not list datastores
        ? you may not list deletionruns
        ? you may not list legalholds
        ? you may not list retentionpolicies
        ? you may not list transferexceptions
        ? you may not list transfersafeguards
        ? you may not list validatingadmissionpolicies
    "]]
    .assert_eq(&text);
    assert_eq!(answer.exit_code(), 2);
}

#[test]
fn who_leaves_enforcement_to_the_replicas_believes_the_one_that_says_the_worst() {
    use EnforcementState::{Changed, Intact, Loading, NotWatched, Unknown};
    let said = |states: [EnforcementState; 2]| {
        let mut facts = well();
        facts.installed = Ok(None);
        for (replica, state) in facts.replicas.iter_mut().zip(states) {
            replica.answer.as_mut().unwrap().enforcement.state = state;
        }
        let (answer, text) = screen(&facts);
        (answer.exit_code(), text)
    };
    assert_eq!(said([Intact, Intact]).0, 0);
    assert_eq!(said([Intact, Changed]).0, 1);
    for unknown in [NotWatched, Loading, Unknown] {
        for states in [[Intact, unknown], [unknown, Intact], [unknown, unknown]] {
            let (code, text) = said(states);
            assert_eq!(code, 2, "{states:?}");
            assert!(text.contains("? whether enforcement is intact is not known: "), "{text}");
        }
    }
}

#[test]
fn what_is_declared_and_cannot_be_used_is_a_finding_of_every_kind() {
    let stalled = conditions(&[("Ready", "False"), ("Stalled", "True")]);
    let unresolved = conditions(&[("Ready", "True"), ("ResolvedRefs", "False")]);
    let contested = conditions(&[("Ready", "True"), ("NamespacesUnique", "False")]);
    let party = |name: &str, conditions: &Value| {
        let mut party: Party = object(
            "Party",
            name,
            &json!({"legalName": "x", "country": "IE"}),
            &json!({"conditions": conditions}),
        );
        party.metadata.namespace = None;
        party
    };
    let exception = |name: &str, until: &str, conditions: &Value| {
        let spec = json!({"reason": "r", "ticket": "t", "workloads": {"namespace": "a"},
            "stores": [{"namespace": "identity", "name": "s"}], "expiresAt": until});
        let mut exception: TransferException =
            object("TransferException", name, &spec, &json!({"conditions": conditions}));
        exception.metadata.namespace = None;
        exception
    };
    let mut facts = well();
    facts.parties = Ok(vec![party("inc", &stalled), party("ltd", &contested)]);
    facts.exceptions = Ok(vec![
        exception("now", "2027-11-28T00:00:00Z", &unresolved),
        exception("over", "2026-11-27T00:00:00Z", &unresolved),
    ]);
    facts.stores = Ok(vec![store("s", &json!({"conditions": unresolved}))]);
    let mut kept = hold("matter", &Value::Null);
    kept.status = serde_json::from_value(json!({"conditions": stalled})).unwrap();
    facts.holds = Ok(vec![kept]);
    let left_out = BackstopSummary { left_out: 3, ..BackstopSummary::default() };
    facts.backstops = Ok(vec![("identity".into(), "carnet".into(), left_out)]);
    let (answer, text) = screen(&facts);
    let said: Vec<&str> = text.lines().filter(|line| line.starts_with('!')).collect();
    assert_eq!(
        said,
        [
            "! Party inc: it cannot be used: a person must mend it",
            "! Party ltd: another Party runs the same namespaces, so nobody is taken to",
            "! DataStore identity/s: it names what does not exist",
            "! TransferException now: it names what does not exist",
            "! LegalHold identity/matter: it cannot be used: a person must mend it",
            "! the backstop has no room for 3 stores or classes of namespaces: the webhook alone judges them",
        ]
    );
    assert_eq!(answer.exit_code(), 1);
    facts = well();
    facts.parties = Err("you may not list parties".into());
    assert_eq!(screen(&facts).0.exit_code(), 2);
}

#[test]
fn an_exception_lapses_when_the_operator_s_flag_says_so() {
    let spec = json!({"reason": "r", "ticket": "t", "workloads": {"namespace": "a"},
        "stores": [{"namespace": "identity", "name": "s"}], "expiresAt": "2027-03-01T00:00:00Z"});
    let mut exception: TransferException = object("TransferException", "e", &spec, &Value::Null);
    exception.metadata.creation_timestamp = serde_json::from_value(json!("2026-11-28T00:00:00Z")).unwrap();
    let mut facts = well();
    facts.exceptions = Ok(vec![exception]);
    let (_, text) = screen(&facts);
    assert!(text.contains("\n  2026-12-05T00:00:00Z"), "seven days are the default: {text}");
    let deployment = facts.deployment.as_mut().unwrap().as_mut().unwrap();
    let pod = deployment.spec.template.spec.as_mut().unwrap();
    pod.containers[0].args.as_mut().unwrap().push("--max-exception=P30D".into());
    let (_, text) = screen(&facts);
    assert!(text.contains("\n  2026-12-28T00:00:00Z"), "{text}");
}

#[test]
fn another_law_than_the_operator_s_makes_what_lapses_next_unknown() {
    let mut facts = well();
    facts.law = Some("2020".into());
    let (answer, text) = screen(&facts);
    assert!(
        text.contains(
            "? what lapses next of safeguards is reckoned by law pack 2020, and the operator judges by"
        ),
        "{text}"
    );
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

#[test]
fn another_law_pack_and_a_public_list_that_says_otherwise_are_on_the_screen() {
    let mut facts = well();
    let summary = json!({"using": 1, "violating": 0, "waived": 0, "violatingCopies": 0, "law": "2020-01-01"});
    facts.stores = Ok(vec![store(
        "accounts",
        &json!({"conditions": conditions(&[("NoViolation", "True")]), "transfers": summary}),
    )]);
    facts.safeguards = Ok(vec![object(
        "TransferSafeguard",
        "inc-dpf",
        &json!({"scope": {"any": true}, "instrument": {}}),
        &json!({"conditions": conditions(&[("PublicList", "False")])}),
    )]);
    let (answer, text) = screen(&facts);
    assert_eq!(answer, Answer::Findings);
    for part in [
        "! the operator judges by law pack",
        "1 DataStores were last judged by 2020-01-01",
        "! TransferSafeguard identity/inc-dpf: it claims what the public list does not say",
    ] {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
    facts.replicas[0].answer.as_mut().unwrap().law_pack = "2999-01-01".into();
    let (_, text) = screen(&facts);
    assert!(text.contains("! replicas judge by law packs") && !text.contains("last judged by"), "{text}");
}
