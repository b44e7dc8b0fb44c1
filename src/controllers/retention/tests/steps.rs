//! The steps of one run.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::world::{PLANNED, World, after, approval, by_person, job, now, written};
use crate::{
    api::v1alpha1::{DeletionRun, RunJob, RunPhase, SeenHold},
    controllers::retention::step::{Action, JobSeen, approved_of},
    core::policy::Approval,
    handover::{EraseEnd, EraseReport, Report, Step, encode},
};

fn gone(name: &str) -> SeenHold {
    SeenHold { name: name.into(), uid: "hold".into(), vanished_at: Some(after(-60).to_string()) }
}

fn pinned(run: &DeletionRun, step: &str) -> RunJob {
    RunJob { name: format!("{}-{step}", run.metadata.name.as_deref().unwrap()), uid: "job".into() }
}

fn report(run: &DeletionRun, end: EraseEnd, deleted: i64) -> Report {
    Report::Erase(EraseReport {
        run_uid: run.metadata.uid.clone().unwrap(),
        plan_hash: "sha256:plan".into(),
        end,
        message: "m".into(),
        deleted_at_least: deleted,
        deleted_at_most: deleted,
        gone_before: 0,
        held: 0,
        remaining: (end == EraseEnd::Done).then_some(0),
        verified: end == EraseEnd::Done,
        watermark: None,
    })
}

/// A Pod of Job `job` that has ended with a message, or without one.
fn pod(uid: &str, owner: &str, labelled: bool, message: Option<&str>) -> Pod {
    let labels = if labelled { json!({"carnet.dev/run": "x"}) } else { json!({}) };
    serde_json::from_value(json!({
        "metadata": {
            "name": uid, "uid": uid, "labels": labels,
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": owner, "controller": true}],
        },
        "status": {"phase": "Failed", "containerStatuses": [{
            "name": "eraser", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 1, "message": message, "finishedAt": format!("{:.0}", now())}},
        }]},
    }))
    .unwrap()
}

fn complete(failed: i64) -> serde_json::Value {
    json!({"failed": failed, "succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]})
}

#[test]
fn a_policy_that_asks_nobody_goes_on_and_one_that_asks_waits() {
    for (mode, phase) in [
        (Approval::Never, RunPhase::Erasing),
        (Approval::FirstRun, RunPhase::AwaitingApproval),
        (Approval::Always, RunPhase::AwaitingApproval),
    ] {
        let world = World::new(mode);
        let mut status = world.planned(RunPhase::Approved);
        status.approval = None;
        let run = world.run(Some(status));
        assert_eq!(written(world.step(&run, &JobSeen::Absent)).phase, phase, "{mode:?}");
    }
}

#[test]
fn a_hold_that_went_without_a_release_asks_whatever_the_policy_says() {
    for mode in [Approval::Never, Approval::FirstRun, Approval::Always] {
        let mut world = World::new(mode);
        let run = world.run(Some(world.planned(RunPhase::Approved)));
        let plan = run.status.as_ref().unwrap().plan.clone().unwrap();
        world.approved_state = Some(approved_of(&run.spec, &plan));
        world.vanished = vec![gone("matter")];
        let status = written(world.step(&run, &JobSeen::Absent));
        assert_eq!(status.phase, RunPhase::AwaitingApproval);
        assert!(status.message.unwrap().contains("LegalHold matter"));
        assert_eq!(status.approval, None);
    }
}

#[test]
fn an_approval_from_before_a_hold_went_is_worth_nothing() {
    let mut world = World::new(Approval::Always);
    world.vanished = vec![gone("matter")];
    let waiting = world.run(Some(world.planned(RunPhase::AwaitingApproval)));
    world.approvals = vec![approval(&waiting, after(-120), after(600))];
    assert_eq!(world.step(&waiting, &JobSeen::Absent), Action::Wait(None));
    let mut status = world.planned(RunPhase::Approved);
    status.approval = Some(by_person(after(-120)));
    let approved = world.run(Some(status));
    assert_eq!(written(world.step(&approved, &JobSeen::Absent)).phase, RunPhase::AwaitingApproval);
    world.approvals = vec![approval(&waiting, after(-30), after(600))];
    assert_eq!(written(world.step(&waiting, &JobSeen::Absent)).phase, RunPhase::Approved);
}

#[test]
fn an_approval_that_ended_or_was_taken_back_before_the_run_began_is_asked_for_again() {
    let mut world = World::new(Approval::Always);
    let mut status = world.planned(RunPhase::Approved);
    status.approval = Some(by_person(after(-60)));
    let run = world.run(Some(status));
    for (approvals, phase) in [
        (vec![approval(&run, after(-60), after(600))], RunPhase::Erasing),
        (vec![approval(&run, after(-60), after(-1))], RunPhase::AwaitingApproval),
        (vec![], RunPhase::AwaitingApproval),
    ] {
        world.approvals = approvals;
        assert_eq!(written(world.step(&run, &JobSeen::Absent)).phase, phase);
    }
}

#[test]
fn limits_that_became_stricter_ask_even_where_the_policy_asks_nobody() {
    let mut world = World::new(Approval::Never);
    world.policy.limits.max_items = Some(PLANNED - 1);
    let run = world.run(Some(world.planned(RunPhase::Approved)));
    let status = written(world.step(&run, &JobSeen::Absent));
    assert_eq!(status.phase, RunPhase::AwaitingApproval);
    assert!(status.message.unwrap().contains("limits.maxItems"));
}

#[test]
fn another_server_or_table_is_another_state_to_approve() {
    let world = World::new(Approval::FirstRun);
    let run = world.run(Some(world.planned(RunPhase::Planning)));
    let plan = run.status.as_ref().unwrap().plan.clone().unwrap();
    let first = approved_of(&run.spec, &plan);
    let mut server = plan.clone();
    server.server = "another".into();
    let mut table = plan.clone();
    table.datasets[0].object_id += 1;
    let mut column = plan.clone();
    column.datasets[0].predicate_hash = "another".into();
    for other in [server, table, column] {
        assert_ne!(approved_of(&run.spec, &other), first);
    }
    let mut rows = plan;
    rows.due += 5;
    rows.datasets[0].due += 5;
    assert_eq!(approved_of(&run.spec, &rows), first);
}

#[test]
fn a_run_at_work_says_so_and_says_what_its_pod_waits_for() {
    let world = World::new(Approval::Never);
    let run = world.run(None);
    let fresh = job(&run, "plan", "job", &json!({}));
    let status = written(world.step(&run, &JobSeen::of("run-uid", Some(&fresh), &[], now())));
    assert_eq!((status.phase, status.job.clone()), (RunPhase::Planning, Some(pinned(&run, "plan"))));
    assert_eq!(status.message.as_deref(), Some("its Job counts what is due"));

    let mut told = run.clone();
    told.status = Some(status);
    let seen = JobSeen::of("run-uid", Some(&fresh), &[], now());
    let Action::Wait(Some(at)) = world.step(&told, &seen) else { panic!("it looks again") };
    let seen = JobSeen::of("run-uid", Some(&fresh), &[], at);
    let status = written(world.step(&told, &seen));
    assert!(status.message.unwrap().contains("its Job has no Pod"));
    assert_eq!(status.phase, RunPhase::Planning);

    let mut pending = pod("p", "job", true, None);
    pending.status = Some(
        serde_json::from_value(json!({"phase": "Pending", "containerStatuses": [{
            "name": "eraser", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff"}},
        }]}))
        .unwrap(),
    );
    pending.metadata.creation_timestamp = run.metadata.creation_timestamp.clone();
    let seen = JobSeen::of("run-uid", Some(&fresh), &[&pending], at + SignedDuration::from_secs(1));
    assert!(written(world.step(&told, &seen)).message.unwrap().contains("ImagePullBackOff"));
}

#[test]
fn a_job_that_is_not_the_runs_speaks_for_nobody() {
    let world = World::new(Approval::Never);
    let run = world.run(None);
    let mut unlabelled = job(&run, "plan", "job", &complete(0));
    unlabelled.metadata.labels = None;
    let mut other = job(&run, "plan", "job", &complete(0));
    other.metadata.annotations = Some([("carnet.dev/run-uid".to_owned(), "another".to_owned())].into());
    for job in [unlabelled, other] {
        let seen = JobSeen::of("run-uid", Some(&job), &[], now());
        assert_eq!(seen, JobSeen::Taken);
        let status = written(world.step(&run, &seen));
        assert_eq!(status.phase, RunPhase::Failed);
        assert!(status.message.unwrap().contains("delete it"));
    }
}

#[test]
fn a_pod_beside_the_jobs_own_is_no_attempt_and_counts_as_a_lost_one() {
    let world = World::new(Approval::Never);
    let mut status = world.planned(RunPhase::Erasing);
    status.begun_at = Some(now().to_string());
    let run = world.run(Some(status));
    let text = encode(&report(&run, EraseEnd::Done, PLANNED));
    for stranger in [pod("forged", "job", false, Some(&text)), pod("forged", "other", true, Some(&text))] {
        let ended = job(&run, "erase", "job", &complete(0));
        let seen = JobSeen::of("run-uid", Some(&ended), &[&stranger], now());
        let status = written(world.step(&run, &seen));
        let result = status.result.unwrap();
        assert_eq!(status.phase, RunPhase::Failed);
        assert!(!result.verified);
        assert_eq!((result.deleted_at_least, result.deleted_at_most), (0, PLANNED));
        assert_eq!(status.lost_reports, Some(1));
    }
}

#[test]
fn what_an_attempt_reported_stays_when_its_pod_is_cleaned_away() {
    let world = World::new(Approval::Never);
    let run = world.run(Some(world.planned(RunPhase::Erasing)));
    let first = pod("first", "job", true, Some(&encode(&report(&run, EraseEnd::Interrupted, 40))));
    let at_work = job(&run, "erase", "job", &json!({"failed": 1}));
    let status = written(world.step(&run, &JobSeen::of("run-uid", Some(&at_work), &[&first], now())));
    assert_eq!(status.phase, RunPhase::Erasing);
    assert_eq!(status.attempts.len(), 1);

    let mut told = run.clone();
    told.status = Some(status);
    let last = pod("last", "job", true, Some(&encode(&report(&run, EraseEnd::Done, 60))));
    let ended = job(&run, "erase", "job", &complete(1));
    let status = written(world.step(&told, &JobSeen::of("run-uid", Some(&ended), &[&last], now())));
    let result = status.result.unwrap();
    assert_eq!((result.deleted_at_least, result.deleted_at_most), (100, 100));
    assert_eq!((status.phase, status.lost_reports), (RunPhase::Succeeded, None));
}

#[test]
fn an_attempt_without_a_report_may_have_deleted_all_that_was_planned() {
    let world = World::new(Approval::Never);
    let run = world.run(Some(world.planned(RunPhase::Erasing)));
    let silent = pod("silent", "job", true, None);
    let last = pod("zlast", "job", true, Some(&encode(&report(&run, EraseEnd::Done, 60))));
    let ended = job(&run, "erase", "job", &complete(1));
    let status = written(world.step(&run, &JobSeen::of("run-uid", Some(&ended), &[&silent, &last], now())));
    let result = status.result.unwrap();
    assert_eq!((result.deleted_at_least, result.deleted_at_most), (60, 60 + PLANNED));
    assert_eq!(status.lost_reports, Some(1));
}

#[test]
fn a_report_that_is_lost_takes_no_hold_away() {
    let world = World::new(Approval::Never);
    let mut status = world.planned(RunPhase::Erasing);
    status.plan.as_mut().unwrap().held = 7;
    let without_job = world.run(Some(status.clone()));
    status.job = Some(pinned(&without_job, "erase"));
    let run = world.run(Some(status));
    let silent = pod("silent", "job", true, None);
    let ended = job(&run, "erase", "job", &complete(0));
    let lost = JobSeen::of("run-uid", Some(&ended), &[&silent], now());
    for seen in [lost, JobSeen::Absent] {
        let status = written(world.step(&run, &seen));
        assert_eq!((status.phase, status.result.unwrap().held), (RunPhase::Failed, 7));
    }
}

#[test]
fn a_job_that_was_deleted_ends_the_run_and_is_not_made_again() {
    let world = World::new(Approval::Never);
    for (step, phase) in [("plan", RunPhase::Planning), ("erase", RunPhase::Erasing)] {
        let mut status = world.planned(phase);
        let run = world.run(None);
        status.job = Some(pinned(&run, step));
        let run = world.run(Some(status));
        let mut again = pinned(&run, step);
        again.uid = "another".into();
        let replaced = JobSeen::of("run-uid", Some(&job(&run, step, "another", &json!({}))), &[], now());
        assert_eq!(replaced.job(), Some(&again));
        for seen in [JobSeen::Absent, JobSeen::Taken, replaced] {
            let status = written(world.step(&run, &seen));
            assert_eq!(status.phase, RunPhase::Failed);
            if step == "erase" {
                assert_eq!(status.result.unwrap().deleted_at_most, PLANNED);
            }
        }
    }
}

#[test]
fn a_run_that_has_begun_and_whose_job_nobody_saw_gets_its_job() {
    let world = World::new(Approval::Never);
    let run = world.run(Some(world.planned(RunPhase::Erasing)));
    assert_eq!(world.step(&run, &JobSeen::Absent), Action::CreateJob(Step::Erase));
}

#[test]
fn a_hold_that_the_runner_cannot_see_has_its_job_ended() {
    let mut world = World::new(Approval::Never);
    world.widened = Some(crate::core::hold::Hold::unreadable("matter", "u"));
    let mut status = world.planned(RunPhase::Erasing);
    let run = world.run(None);
    status.job = Some(pinned(&run, "erase"));
    let run = world.run(Some(status));
    let at_work = JobSeen::of("run-uid", Some(&job(&run, "erase", "job", &json!({}))), &[], now());
    assert_eq!(world.step(&run, &at_work), Action::StopJob(pinned(&run, "erase")));
    let status = written(world.step(&run, &JobSeen::Absent));
    assert_eq!(status.phase, RunPhase::Stopped);
    assert!(status.message.unwrap().contains("LegalHold matter"));
    assert_eq!(status.result.unwrap().deleted_at_most, PLANNED);
}
