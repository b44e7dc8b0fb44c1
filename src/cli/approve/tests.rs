use std::io::Cursor;

use super::*;
use crate::api::v1alpha1::{
    DeletionRunSpec, DeletionRunStatus, PinnedRef, PlannedDataset, RunCondition, RunTarget,
};

const HASH: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn run() -> DeletionRun {
    let pinned = |name: &str| PinnedRef { name: name.into(), uid: format!("uid-of-{name}") };
    let mut run = DeletionRun::new(
        "account-data-accounts-5f1c2a9b",
        DeletionRunSpec {
            policy: pinned("account-data"),
            store: pinned("accounts"),
            action: PolicyAction::Apply,
            decided_at: "2026-11-24T01:00:00Z".into(),
            state_hash: HASH.into(),
            targets: vec![RunTarget {
                dataset: "sign-ins".into(),
                rules: vec!["usage".into()],
                conditions: vec![RunCondition {
                    event: "Collected".into(),
                    cutoff: "2026-08-26T01:00:00Z".into(),
                }],
            }],
        },
    );
    run.metadata.namespace = Some("identity".into());
    run.metadata.uid = Some("9c1b8f5e".into());
    run.status = Some(DeletionRunStatus {
        phase: RunPhase::AwaitingApproval,
        plan: Some(RunPlan {
            hash: HASH.into(),
            server: "7312\u{1b}[2J".into(),
            due: 42,
            held: 7,
            datasets: vec![
                PlannedDataset {
                    dataset: "sign-ins".into(),
                    total: 100,
                    due: 42,
                    undated: 3,
                    ..PlannedDataset::default()
                },
                PlannedDataset {
                    dataset: "accounts".into(),
                    total: 50,
                    due: 0,
                    held_by: Some("matter-2026-117".into()),
                    ..PlannedDataset::default()
                },
            ],
            counted_at: "2026-11-24T01:00:03Z".into(),
        }),
        ..DeletionRunStatus::default()
    });
    run
}

fn now() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

#[test]
fn the_plan_is_shown_with_counts_cut_offs_server_and_hash() {
    let run = run();
    let mut out = vec![];
    describe(&run, approvable(&run).unwrap(), &mut out).unwrap();
    expect_test::expect![[r"
        DeletionRun identity/account-data-accounts-5f1c2a9b
          policy   account-data
          store    accounts
          server   7312�[2J
          counted  2026-11-24T01:00:03Z
          plan     sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

          DATASET   ALL  DUE  UNDATED  HELD BY          RULES  CUT-OFF
          sign-ins  100  42   3        -                usage  Collected at or before 2026-08-26T01:00:00Z
          accounts  50   0    0        matter-2026-117  -      -

        42 items would be deleted for good, 7 are held and stay.
    "]]
    .assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn a_run_in_any_other_phase_is_not_approved() {
    for phase in [
        RunPhase::Planning,
        RunPhase::Approved,
        RunPhase::Erasing,
        RunPhase::Succeeded,
        RunPhase::Previewed,
        RunPhase::NothingDue,
        RunPhase::Stopped,
        RunPhase::Failed,
        RunPhase::Cancelled,
    ] {
        let mut run = run();
        run.status.as_mut().unwrap().phase = phase;
        let error = approvable(&run).unwrap_err();
        assert!(error.is_refusal(), "{phase:?}");
        assert!(error.to_string().contains(&format!("its phase is {phase:?}")), "{error}");
    }
}

#[test]
fn a_run_without_status_plan_or_hash_is_not_approved() {
    let mut without_status = run();
    without_status.status = None;
    assert!(matches!(approvable(&without_status), Err(ApproveError::NotAwaiting { .. })));
    let mut without_plan = run();
    without_plan.status.as_mut().unwrap().plan = None;
    assert!(matches!(approvable(&without_plan), Err(ApproveError::NoPlan(_))));
    let mut without_hash = run();
    without_hash.status.as_mut().unwrap().plan.as_mut().unwrap().hash = "sha256:".into();
    assert!(matches!(approvable(&without_hash), Err(ApproveError::NoPlan(_))));
}

#[test]
fn a_preview_is_not_approved() {
    let mut run = run();
    run.spec.action = PolicyAction::Preview;
    assert!(matches!(approvable(&run), Err(ApproveError::Preview(_))));
}

#[test]
fn the_approval_names_run_uid_plan_and_person() {
    let run = run();
    let made = approval(&run, approvable(&run).unwrap(), "dpo@example.com".into(), now());
    assert_eq!(made.name_any(), "account-data-accounts-5f1c2a9b-01234567");
    assert_eq!(made.namespace().as_deref(), Some("identity"));
    assert_eq!(made.spec.run_name, "account-data-accounts-5f1c2a9b");
    assert_eq!(made.spec.run_uid, "9c1b8f5e");
    assert_eq!(made.spec.plan_hash, HASH);
    assert_eq!(made.spec.approver, "dpo@example.com");
}

#[test]
fn a_long_name_is_cut_to_what_an_object_may_have() {
    let mut run = run();
    run.metadata.name = Some(format!("{}-{}", "a".repeat(243), "b".repeat(9)));
    let made = approval(&run, approvable(&run).unwrap(), "x".into(), now());
    assert_eq!(made.name_any(), format!("{}-01234567", "a".repeat(243)));
}

#[test]
fn only_the_name_of_the_run_is_a_yes() {
    let answer = |text: &str| confirm("run-1", &mut Cursor::new(text.to_owned()), &mut vec![]);
    assert!(answer("run-1\n").is_ok());
    for no in ["", "\n", "y\n", "yes\n", "run-2\n"] {
        assert!(matches!(answer(no), Err(ApproveError::NotConfirmed)), "{no:?}");
    }
}

#[test]
fn an_approval_that_is_there_counts_only_for_the_same_plan_and_while_it_lasts() {
    let run = run();
    let plan = approvable(&run).unwrap();
    let later = |hours: i64| now() + jiff::SignedDuration::from_hours(hours);
    let wanted = approval(&run, plan, "a".into(), later(24));
    assert_eq!(standing(&approval(&run, plan, "b".into(), later(1)), &wanted, now()), Standing::Good);
    assert_eq!(standing(&approval(&run, plan, "b".into(), now()), &wanted, now()), Standing::Expired);
    let mut other = approval(&run, plan, "b".into(), later(1));
    other.spec.run_uid = "another".into();
    assert_eq!(standing(&other, &wanted, now()), Standing::Other);
}

#[test]
fn an_approval_ends_after_a_positive_period() {
    assert_eq!(end("P1D", now()).unwrap().to_string(), "2026-11-25T10:00:00Z");
    assert_eq!(end("PT8H", now()).unwrap().to_string(), "2026-11-24T18:00:00Z");
    for wrong in ["", "1 day", "P0D", "-P1D", "P-1D", "tomorrow", "P99999Y"] {
        assert!(matches!(end(wrong, now()), Err(ApproveError::Period(_))), "{wrong:?}");
    }
}
