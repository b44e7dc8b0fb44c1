use serde_json::{Value, json};

use super::world::{World, deployment, idle, pod, request, using};

fn us() -> Value {
    using(Some("us-east-1"))
}

/// Every kind with a template, around this Pod spec.
fn templates(spec: &Value) -> Vec<(&'static str, Value)> {
    let template = json!({"metadata": {"labels": {"app": "exporter"}}, "spec": spec});
    let object = |kind: &str, spec: Value| json!({"kind": kind, "metadata": {"name": "exporter", "namespace": "analytics"}, "spec": spec});
    let plain = json!({"template": template});
    let mut all: Vec<_> = [
        ("apps/deployments", "Deployment"),
        ("apps/statefulsets", "StatefulSet"),
        ("apps/daemonsets", "DaemonSet"),
        ("apps/replicasets", "ReplicaSet"),
        ("/replicationcontrollers", "ReplicationController"),
        ("batch/jobs", "Job"),
    ]
    .into_iter()
    .map(|(resource, kind)| (resource, object(kind, plain.clone())))
    .collect();
    all.push((
        "batch/cronjobs",
        object("CronJob", json!({"schedule": "@daily", "jobTemplate": {"spec": plain}})),
    ));
    let mut bare = object("PodTemplate", Value::Null);
    bare["template"] = template;
    all.push(("/podtemplates", bare));
    all
}

#[test]
fn a10_every_kind_with_a_template_is_refused_early() {
    let world = World::default();
    for (resource, object) in templates(&us()) {
        let answer = world.create(resource, &object);
        let kind = object["kind"].as_str().unwrap();
        assert!(
            answer.is_refused(403).message().starts_with(&format!("{kind} analytics/exporter")),
            "{kind}"
        );
    }
    for (resource, object) in templates(&using(Some("eu-west-1"))) {
        world.create(resource, &object).is_allowed();
    }
}

#[test]
fn a12_nobody_is_exempt_by_name() {
    for user in ["system:serviceaccount:kube-system:replicaset-controller", "system:node:us", "system:admin"]
    {
        let mut by = request("/pods", &pod(&us()));
        by["userInfo"]["username"] = json!(user);
        World::default().ask(&by).is_refused(403);
    }
}

#[test]
fn a13_an_update_that_adds_a_use_is_refused() {
    World::default().update("apps/deployments", &deployment(&idle()), &deployment(&us())).is_refused(403);
}

#[test]
fn a15_scaling_labels_and_finalizers_pass_though_the_template_is_unlawful_by_now() {
    let old = deployment(&us());
    let mut new = old.clone();
    new["spec"]["replicas"] = json!(5);
    new["metadata"]["finalizers"] = json!(["x/y"]);
    new["metadata"]["labels"] = json!({"a": "b"});
    World::default().update("apps/deployments", &old, &new).is_allowed();
    let loading = World { ready: false, ..World::default() };
    loading.update("apps/deployments", &old, &new).is_allowed();
}

#[test]
fn a_change_that_makes_nothing_worse_is_warned_of_and_passes() {
    let mut image = us();
    image["containers"][0]["image"] = json!("app:2");
    let answer = World::default().update("apps/deployments", &deployment(&us()), &deployment(&image));
    assert_eq!(answer.is_allowed().warnings().len(), 1);
    World::default().update("apps/deployments", &deployment(&us()), &deployment(&idle())).is_allowed();
}

#[test]
fn a_change_to_another_unlawful_place_is_worse() {
    let answer = World::default().update(
        "apps/deployments",
        &deployment(&using(Some("eu-west-1"))),
        &deployment(&using(None)),
    );
    answer.is_refused(403);
}

#[test]
fn losing_the_last_lawful_place_is_worse_though_no_flow_is_new() {
    let answer = World::default().update("apps/deployments", &deployment(&using(None)), &deployment(&us()));
    answer.is_refused(403);
    let mut image = using(None);
    image["containers"][0]["image"] = json!("app:2");
    World::default().update("apps/deployments", &deployment(&using(None)), &deployment(&image)).is_allowed();
}

#[test]
fn what_is_being_deleted_is_let_go() {
    let mut leaving = deployment(&us());
    leaving["metadata"]["deletionTimestamp"] = json!("2026-11-10T00:00:00Z");
    World::default().update("apps/deployments", &deployment(&idle()), &leaving).is_allowed();
    let mut delete = request("apps/deployments", &deployment(&us()));
    delete["operation"] = json!("DELETE");
    delete["oldObject"] = delete["object"].take();
    World::default().ask(&delete).is_allowed();
}

#[test]
fn a04_an_ephemeral_container_that_adds_a_use_is_refused() {
    let mut old = idle();
    old["nodeName"] = json!("us");
    let mut new = old.clone();
    new["ephemeralContainers"] =
        json!([{"name": "debug", "image": "i", "envFrom": [{"secretRef": {"name": "accounts-readonly"}}]}]);
    let world = World::default();
    let answer = world.update("/pods/ephemeralcontainers", &pod(&old), &pod(&new));
    assert!(answer.is_refused(403).message().contains("ephemeral container debug"));
    old["nodeName"] = json!("eu");
    new["nodeName"] = json!("eu");
    world.update("/pods/ephemeralcontainers", &pod(&old), &pod(&new)).is_allowed();
}

#[test]
fn a16_other_subresources_are_not_judged() {
    let old = pod(&us());
    World::default().update("/pods/resize", &old, &old).is_allowed();
    World::default().update("/pods/status", &old, &old).is_allowed();
    World::default()
        .update("apps/deployments/scale", &json!({"kind": "Scale"}), &json!({"kind": "Scale"}))
        .is_allowed();
}

#[test]
fn a17_a_pod_without_a_name_yet_is_named_by_its_prefix() {
    let mut object = pod(&us());
    object["metadata"] = json!({"generateName": "exporter-", "namespace": "analytics"});
    let answer = World::default().create("/pods", &object);
    assert!(answer.is_refused(403).message().starts_with("Pod analytics/exporter-*"), "{}", answer.message());
}
