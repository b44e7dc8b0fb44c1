use serde_json::{Value, json};

use super::world::{World, example_store, pod, request, using};
use crate::core::settings::Mode;

const JOB_CONTROLLER: &str = "system:serviceaccount:kube-system:job-controller";
const OPERATOR: &str = "system:serviceaccount:carnet-system:carnet-operator";

fn spec() -> Value {
    json!({
        "serviceAccountName": "carnet-eraser",
        "nodeSelector": {"topology.kubernetes.io/region": "eu-west-1"},
        "containers": [{"name": "eraser", "image": "carnet"}],
        "volumes": [{"name": "credentials", "secret": {"secretName": "accounts-erasure"}}],
    })
}

fn runner() -> Value {
    json!({"kind": "Pod", "spec": spec(), "metadata": {
        "name": "run-x-erase-abcde", "namespace": "identity", "labels": {"carnet.dev/run": "run-x"},
        "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "run-x-erase", "controller": true}]}})
}

fn job() -> Value {
    json!({"kind": "Job", "metadata": {"name": "run-x-erase", "namespace": "identity"}, "spec": {
        "template": {"metadata": {"labels": {"carnet.dev/run": "run-x"}}, "spec": spec()}}})
}

fn by(user: &str, resource: &str, object: &Value) -> Value {
    let mut request = request(resource, object);
    request["userInfo"]["username"] = json!(user);
    request
}

#[test]
fn the_runner_may_use_the_erasure_secret() {
    World::default().ask(&by(OPERATOR, "batch/jobs", &job())).is_allowed();
    World::default().ask(&by(JOB_CONTROLLER, "/pods", &runner())).is_allowed();
    World::default().ask(&by("system:kube-controller-manager", "/pods", &runner())).is_allowed();
}

#[test]
fn nobody_else_may_in_any_mode_or_dry_run() {
    let mut world = World::default();
    for mode in [Mode::Audit, Mode::Warn, Mode::Enforce] {
        world.settings.mode = mode;
        let mut forged = by("an-admin", "/pods", &runner());
        forged["dryRun"] = json!(true);
        let message = world.ask(&forged).is_refused(403).message().to_owned();
        assert!(
            message.contains("Secret identity/accounts-erasure") && message.contains("volume credentials")
        );
        world.ask(&by("an-admin", "batch/jobs", &job())).is_refused(403);
    }
}

#[test]
fn each_mark_of_the_runner_is_needed() {
    let world = World::default();
    let spoils: [fn(&mut Value); 4] = [
        |p| p["metadata"]["labels"] = json!({}),
        |p| p["metadata"]["ownerReferences"] = json!([]),
        |p| p["spec"]["serviceAccountName"] = json!("default"),
        |p| p["spec"]["ephemeralContainers"] = json!([{"name": "debug"}]),
    ];
    for spoil in spoils {
        let mut pod = runner();
        spoil(&mut pod);
        world.ask(&by(JOB_CONTROLLER, "/pods", &pod)).is_refused(403);
    }
}

#[test]
fn a_debug_container_beside_the_runner_is_refused() {
    let mut new = runner();
    new["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": "i",
        "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "accounts-erasure", "key": "password"}}}]}]);
    let mut update = by("an-admin", "/pods/ephemeralcontainers", &new);
    update["operation"] = json!("UPDATE");
    update["oldObject"] = runner();
    World::default().ask(&update).is_refused(403);
}

/// The example's store, with a host that no parser accepts.
fn unreadable() -> World {
    let mut store = example_store();
    store["spec"]["access"]["hosts"] = json!(["https://db example"]);
    World { stores: vec![store], ..World::default() }
}

#[test]
fn a_store_that_cannot_be_read_opens_no_border() {
    let world = unreadable();
    // Not even inside: what it holds, and for whom, is not known.
    for region in ["us-east-1", "eu-west-1"] {
        let answer = world.create("/pods", &pod(&using(Some(region))));
        let message = answer.is_refused(403).message();
        assert!(message.contains("identity/accounts is declared, but cannot be read"), "{message}");
    }
}

#[test]
fn a_store_that_cannot_be_read_guards_its_erasure_secret() {
    let world = unreadable();
    world.ask(&by("an-admin", "/pods", &runner())).is_refused(403);
}
