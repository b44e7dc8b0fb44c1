//! What stops a run, or makes it wait, with every part real.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::{
    api::v1alpha1::{DeletionRun, RunPhase},
    handover::{EraseEnd, EraseReport, Report, decode},
    testbed::{Ended, install},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, PostParams},
};
use serde_json::{Value, json};

use crate::{
    Case, case,
    oracle::Seed,
    scene::{Scene, status},
    world::{A_STEP, APPROVER, World},
};

/// Rows for each second of a slow run, and the most rows in one of its batches: the runner takes care that a batch is
/// about half a second's worth, and doubles it at the most once before it notices.
const RATE: i64 = 60;

pub fn cases() -> Vec<(String, Case)> {
    vec![
        case!(a_hold_placed_during_a_run_stops_it_within_a_batch),
        case!(a_run_over_its_limits_waits_for_approval),
        case!(a_runner_whose_pod_is_deleted_ends_on_a_whole_batch_and_another_goes_on),
    ]
}

/// What concerns every store, and so runs when no other test does.
pub fn alone() -> Vec<(String, Case)> {
    vec![case!(an_operational_pause_stops_everything)]
}

/// A store whose run takes seconds.
async fn slow(world: &Arc<World>) -> Result<Scene> {
    let mut scene = Scene::new(world, Seed::default()).await?;
    scene.policy = json!({"approval": "Never", "limits": {"itemsPerSecond": RATE}});
    Ok(scene)
}

fn hold(name: &str, reason: &str, scope: &Value) -> Value {
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "LegalHold", "metadata": {"name": name},
           "spec": {"reason": reason, "reference": "matters/2", "placedOn": "2026-10-01", "scope": scope}})
}

/// The hold, released from today on.
async fn release(world: &World, mut hold: Value) -> Result<()> {
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    hold["spec"]["release"] = json!({"on": today, "reason": "settled"});
    Ok(install::apply(&world.admin, &[hold]).await?)
}

/// Waits until the runner has begun to delete.
async fn mid_run(scene: &Scene) -> Result<i64> {
    let gone = || async {
        let gone = scene.left()?.gone;
        Ok((gone > 0).then_some(gone))
    };
    let gone = scene.world.until("the first rows to be gone", A_STEP, gone).await?;
    ensure!(gone < scene.seed.due, "the run was over before it could be stopped");
    Ok(gone)
}

/// A person's yes to a plan.
async fn approve(world: &World, run: &DeletionRun, plan_hash: &str, name: &str) -> Result<()> {
    let person = world.cluster.client_for(APPROVER, &[]).await?;
    let kind = kube::discovery::pinned_kind(
        &person,
        &kube::core::GroupVersionKind::gvk("carnet.dev", "v1alpha1", "DeletionApproval"),
    )
    .await?
    .0;
    let namespace = run.namespace().unwrap_or_default();
    let approvals: Api<DynamicObject> = Api::namespaced_with(person, &namespace, &kind);
    let approval = serde_json::from_value(json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "DeletionApproval",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"runName": run.name_any(), "runUID": run.uid(), "planHash": plan_hash, "approver": APPROVER,
                 "expiresAt": "2999-01-01T00:00:00Z"}}))?;
    approvals.create(&PostParams::default(), &approval).await?;
    Ok(())
}

fn plan_hash(run: &DeletionRun) -> String {
    status(run).plan.map(|plan| plan.hash).unwrap_or_default()
}

async fn a_hold_placed_during_a_run_stops_it_within_a_batch(world: Arc<World>) -> Result<()> {
    let scene = slow(&world).await?;
    scene.begin().await?;
    mid_run(&scene).await?;
    let scope = json!({"namespaces": [scene.namespace], "stores": [scene.name]});
    let hold = hold(&format!("{}-whole", scene.name), "Investigation", &scope);
    install::apply(&world.admin, std::slice::from_ref(&hold)).await?;
    let placed = scene.left()?.gone;
    scene.some_run("the run to be stopped", |run| status(run).phase == RunPhase::Stopped).await?;
    // What follows finds everything held.
    scene
        .last_run("a plan that finds everything held", |run| status(run).phase == RunPhase::NothingDue)
        .await?;
    let left = scene.is_truthful().await?;
    ensure!(left.gone - placed <= RATE, "{} rows went after the hold was placed", left.gone - placed);
    ensure!(left.still_due > 0, "nothing was left to be held");
    release(&world, hold).await?;
    scene.last_run("the run after the release", |run| status(run).phase == RunPhase::Succeeded).await?;
    scene.ends_as_sql_says().await
}

async fn an_operational_pause_stops_everything(world: Arc<World>) -> Result<()> {
    let (running, mut asked, later) = (slow(&world).await?, slow(&world).await?, slow(&world).await?);
    asked.policy = json!({"approval": "Always"});
    running.begin().await?;
    asked.begin().await?;
    let waiting = asked
        .last_run("the plan to be asked about", |r| status(r).phase == RunPhase::AwaitingApproval)
        .await?;
    mid_run(&running).await?;
    // Nothing named: everything.
    let pause = hold("pause", "OperationalPause", &json!({}));
    install::apply(&world.admin, std::slice::from_ref(&pause)).await?;
    let placed = running.left()?.gone;
    approve(&world, &waiting, &plan_hash(&waiting), &format!("{}-1", asked.name)).await?;
    later.begin().await?;
    for scene in [&running, &asked, &later] {
        let held = |run: &DeletionRun| status(run).phase == RunPhase::NothingDue;
        let run = scene.last_run("a plan that finds everything held", held).await?;
        ensure!(
            status(&run).plan.is_some_and(|plan| plan.due == 0 && plan.held > 0),
            "{}",
            scene.story().await
        );
    }
    let stopped = running.is_truthful().await?;
    ensure!(stopped.gone - placed <= RATE, "{} rows went after the pause", stopped.gone - placed);
    for scene in [&asked, &later] {
        ensure!(scene.is_truthful().await?.gone == 0, "{}", scene.story().await);
    }
    release(&world, pause).await?;
    let again = asked
        .last_run("the plan to be asked about", |r| status(r).phase == RunPhase::AwaitingApproval)
        .await?;
    approve(&world, &again, &plan_hash(&again), &format!("{}-2", asked.name)).await?;
    for scene in [&running, &asked, &later] {
        scene.last_run("the run after the pause", |run| status(run).phase == RunPhase::Succeeded).await?;
        scene.ends_as_sql_says().await?;
    }
    Ok(())
}

async fn a_run_over_its_limits_waits_for_approval(world: Arc<World>) -> Result<()> {
    let mut scene = Scene::new(&world, Seed::default()).await?;
    scene.policy = json!({"approval": "Never", "limits": {"maxItems": 100}});
    scene.begin().await?;
    let waits = |run: &DeletionRun| status(run).phase == RunPhase::AwaitingApproval;
    let run = scene.last_run("the run to wait", waits).await?;
    // An operator that knows nothing of it yet waits as well; and a yes to another plan is none to this.
    drop(world.take_operator().await);
    let other = format!("sha256:{}", "0".repeat(64));
    approve(&world, &run, &other, &format!("{}-other", scene.name)).await?;
    let message = status(&run).message.unwrap_or_default();
    ensure!(message.contains("limits.maxItems"), "{message}");
    // Its status is written anew by whoever looks at it next.
    scene.change(&json!({"schedule": {"rescan": "P2D"}})).await?;
    let policies: Api<carnet::api::v1alpha1::RetentionPolicy> =
        Api::namespaced(world.admin.clone(), scene.namespace);
    world
        .until("the operator to have looked at the policy", A_STEP, || async {
            let policy = policies.get(&format!("p-{}", scene.name)).await?;
            let seen = policy.status.and_then(|s| s.observed_generation);
            Ok((seen == policy.metadata.generation).then_some(()))
        })
        .await?;
    let still = scene.runs().await?;
    ensure!(still.len() == 1 && waits(&still[0]), "{}", scene.story().await);
    ensure!(scene.left()?.gone == 0, "{}", scene.story().await);
    approve(&world, &run, &plan_hash(&run), &format!("{}-this", scene.name)).await?;
    let ended = scene.end().await?;
    let approver = status(&ended).approval.map(|a| a.approver);
    ensure!(approver.as_deref() == Some(APPROVER), "approved by {approver:?}");
    scene.ends_as_sql_says().await
}

fn erase_report(ended: &Ended) -> Option<EraseReport> {
    match decode(&ended.message) {
        Ok(Report::Erase(report)) => Some(report),
        _ => None,
    }
}

async fn a_runner_whose_pod_is_deleted_ends_on_a_whole_batch_and_another_goes_on(
    world: Arc<World>,
) -> Result<()> {
    let scene = slow(&world).await?;
    scene.begin().await?;
    mid_run(&scene).await?;
    let running = world.kubelet.running();
    let victim = running.iter().find(|r| r.pod.starts_with(&scene.pods())).context("a runner that runs")?;
    let pods: Api<Pod> = Api::namespaced(world.admin.clone(), scene.namespace);
    pods.delete(&victim.pod, &Default::default()).await?;
    scene.ends_as_sql_says().await?;
    let ended = world.kubelet.ended(&scene.pods());
    let first = ended.iter().find(|e| e.uid == victim.uid).context("the runner has ended")?;
    let said = erase_report(first).with_context(|| format!("its report: {first:?}"))?;
    ensure!(first.exit_code == 1 && said.end == EraseEnd::Interrupted, "{first:?}");
    ensure!(said.deleted_at_least == said.deleted_at_most && said.deleted_at_least > 0, "{said:?}");
    // What it says is what the next one no longer finds.
    let next = ended.iter().filter_map(erase_report).find(|r| r.end == EraseEnd::Done).context("the next")?;
    ensure!(next.gone_before == said.deleted_at_most, "{said:?} then {next:?}");
    Ok(())
}
