//! Cases of tests/cases that only a real API server can be asked: LOU-01, LOU-02, A15, C12b, D09. Others are carried by the
//! tests that name them.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use carnet::testbed::install;
use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    core::v1::Pod,
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PostParams},
};
use serde_json::{Value, json};

use crate::{
    backstop::{counts, scene},
    cases,
    flows::{clauses, pod, says, store},
    world::{World, eventually, project, refusal},
};

cases![
    what_a_running_pod_stands_on_alone_is_not_deleted_without_a_reason_as_the_table_has_it,
    a_workload_whose_safeguard_has_lapsed_is_scaled_and_resized_and_shows_that,
    a_forged_status_is_written_anew,
    a_compromised_runner_gets_nothing_that_is_not_its_own,
];

const PARTIES: &str = include_str!("../../examples/party.yaml");

/// The objects of a case, those that it shares with others first, without the marks of the harness.
fn objects(id: &str, with: &[&str]) -> Result<Vec<Value>> {
    let folder = project().join("tests/cases/transfers");
    let shared = with.iter().map(|name| folder.join(format!("base/{name}.yaml")));
    let mut all = vec![];
    for path in shared.chain([folder.join(format!("{id}.yaml"))]) {
        for mut object in install::documents(&path)? {
            if let Some(labels) = object["metadata"]["labels"].as_object_mut() {
                labels.remove("carnet.dev/case");
            }
            all.push(object);
        }
    }
    Ok(all)
}

fn named<'a>(all: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    all.iter()
        .find(|o| o["kind"] == kind && o["metadata"]["name"] == name)
        .with_context(|| format!("no {kind} {name}"))
}

/// LOU-01, LOU-02.
async fn what_a_running_pod_stands_on_alone_is_not_deleted_without_a_reason_as_the_table_has_it(
    w: Arc<World>,
) -> Result<()> {
    let w = scene(&w).await?;
    w.revive_operator().await?;
    let first = objects("LOU-01", &["nodes", "ltd", "inc", "accounts"])?;
    let second = objects("LOU-02", &[])?;
    let node = named(&first, "Node", "n-us")?;
    let mut running = named(&first, "Pod", "runs")?.clone();
    // The backstop asks for a region even where the node is named.
    running["spec"]["nodeSelector"] = json!({"topology.kubernetes.io/region": "us-east-1"});
    for (kind, name) in [("Node", "n-us"), ("Party", "ltd"), ("Party", "inc"), ("DataStore", "accounts")] {
        w.apply(&named(&first, kind, name)?.to_string()).await?;
    }
    let done = deleted(&w, named(&first, "TransferSafeguard", "scc")?, &running, &second).await;
    for object in [&running, node] {
        w.delete(&object.to_string()).await?;
    }
    done
}

async fn deleted(w: &World, scc: &Value, running: &Value, second: &[Value]) -> Result<()> {
    let now = DeleteParams::default();
    w.apply(&scc.to_string()).await?;
    runs(w, running).await?;
    counted(w, "/spec/standing/safeguards/scc").await?;
    let safeguards = w.api(&w.admin, scc)?;
    let message = refusal(safeguards.delete("scc", &now).await).context("LOU-01")?;
    ensure!(message.contains("TransferSafeguard scc alone covers 1 running Pod:"), "{message}");

    // As the second case has the store: it claims nothing, so that under a running Pod it could not become so.
    w.delete(&running.to_string()).await?;
    let store = named(second, "DataStore", "accounts")?;
    w.apply(&store.to_string()).await?;
    runs(w, running).await?;
    counted(w, "/spec/standing/stores/identity~1accounts").await?;
    let stores = w.api(&w.admin, store)?;
    let message = refusal(stores.delete("accounts", &now).await).context("LOU-02")?;
    ensure!(message.contains("DataStore identity/accounts is used by 1 running Pod:"), "{message}");

    // LOU-P: somebody says why.
    let why =
        json!({"metadata": {"annotations": {"carnet.dev/acknowledge": "replaced by bcr, ticket DPO-12"}}});
    safeguards.patch("scc", &Default::default(), &Patch::Merge(&why)).await?;
    safeguards.delete("scc", &now).await.context("LOU-P")?;
    Ok(())
}

/// Waits until the Pod of the case is admitted.
async fn runs(w: &World, pod: &Value) -> Result<()> {
    eventually("the Pod of the case to be admitted", 20, || async {
        Ok(w.create(&pod.to_string()).await.ok())
    })
    .await
}

/// Waits until one Pod is counted there, and until the API server has had a moment to read it.
async fn counted(w: &World, pointer: &str) -> Result<()> {
    let standing = w.api(&w.admin, &counts())?;
    eventually(&format!("a Pod to be counted at {pointer}"), 20, || async {
        let live = standing.get_opt("carnet-standing").await?;
        Ok(live.filter(|o| o.data.pointer(pointer) == Some(&json!(1))).map(drop))
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(())
}

/// A15.
async fn a_workload_whose_safeguard_has_lapsed_is_scaled_and_resized_and_shows_that(
    w: Arc<World>,
) -> Result<()> {
    w.apply(PARTIES).await?;
    let (store, covers) = (store("scaled"), clauses("scaled", &["inc"], 1));
    for object in [&store, &covers] {
        w.apply_as(&w.admin, object).await?;
    }
    says(&w, &store, "NoViolation", "True", "").await?;
    let mut running = pod("scaled-alone", "us-east-1", &["scaled-app"]);
    // To be resized it must have asked for something.
    running["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "10m"}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "scaled", "namespace": "analytics"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "scaled"}}, "template": {
            "metadata": {"labels": {"app": "scaled"}}, "spec": running["spec"]}}});
    for object in [&running, &deployment] {
        runs(&w, object).await?;
    }
    w.delete(&covers.to_string()).await?;
    says(&w, &store, "NoViolation", "False", "Pod analytics/scaled-alone").await?;
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
    let more = json!({"spec": {"containers": [{"name": "app", "resources": {"requests": {"cpu": "20m"}}}]}});
    match pods
        .patch_subresource("resize", "scaled-alone", &Default::default(), &Patch::Strategic(&more))
        .await
    {
        Ok(_) => {}
        // The node is played, and says nothing of what it can: the API server's own word, and none of ours.
        Err(kube::Error::Api(status)) if status.message.contains("node without support for resize") => {}
        Err(error) => return Err(error).context("a running Pod is resized"),
    }
    let deployments = w.api(&w.admin, &deployment)?;
    let five = json!({"spec": {"replicas": 5}});
    deployments
        .patch_scale("scaled", &Default::default(), &Patch::Merge(&five))
        .await
        .context("it is scaled")?;
    let live = deployments.get("scaled").await?;
    ensure!(live.data["spec"]["replicas"] == 5, "{}", live.data);
    for object in [deployment, running, store] {
        w.delete(&object.to_string()).await?;
    }
    Ok(())
}

/// C12b.
async fn a_forged_status_is_written_anew(w: Arc<World>) -> Result<()> {
    w.apply(PARTIES).await?;
    let mut ended = clauses("forged", &["inc"], 1);
    ended["spec"]["validUntil"] = "2025-01-01T00:00:00Z".into();
    w.apply_as(&w.admin, &ended).await?;
    says(&w, &ended, "InForce", "False", "2025-01-01").await?;
    let tenant = w.user("tenant", &["system:masters"]).await?;
    let api = w.api(&tenant, &ended)?;
    let forged = json!({"status": {"observedGeneration": 1, "conditions": [{"type": "InForce", "status": "True",
        "reason": "InForce", "message": "forged", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}});
    let params = kube::api::PatchParams::default();
    let live = api.patch_status("forged", &params, &Patch::Merge(&forged)).await?;
    ensure!(live.data.to_string().contains("forged"), "the forgery did not take: {}", live.data);
    says(&w, &ended, "InForce", "False", "2025-01-01").await?;
    let live = api.get("forged").await?;
    let left = live.data.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let forged: Vec<&Value> = left.filter(|c| c["message"] == "forged").collect();
    ensure!(forged.is_empty(), "{forged:?}");
    w.delete(&ended.to_string()).await
}

/// D09.
async fn a_compromised_runner_gets_nothing_that_is_not_its_own(w: Arc<World>) -> Result<()> {
    let reviews: Api<SubjectAccessReview> = Api::all(w.admin.clone());
    let may = |verb: &'static str, group: &'static str, resource: &'static str, namespace: &'static str| {
        let reviews = reviews.clone();
        async move {
            let asked = ResourceAttributes {
                verb: Some(verb.into()),
                group: Some(group.into()),
                resource: Some(resource.into()),
                namespace: (!namespace.is_empty()).then(|| namespace.into()),
                ..Default::default()
            };
            let spec = SubjectAccessReviewSpec {
                user: Some("system:serviceaccount:identity:carnet-eraser".into()),
                groups: Some(vec!["system:serviceaccounts".into(), "system:authenticated".into()]),
                resource_attributes: Some(asked),
                ..Default::default()
            };
            let review = SubjectAccessReview { spec, ..Default::default() };
            let answer = reviews.create(&PostParams::default(), &review).await?;
            anyhow::Ok(answer.status.is_some_and(|status| status.allowed))
        }
    };
    for verb in ["get", "list", "watch", "create", "update", "patch", "delete"] {
        for (group, resource) in [
            ("", "secrets"),
            ("", "pods"),
            ("", "pods/exec"),
            ("batch", "jobs"),
            ("carnet.dev", "deletionapprovals"),
        ] {
            ensure!(
                !may(verb, group, resource, "identity").await?,
                "it may {verb} {resource} in its namespace"
            );
        }
    }
    for verb in ["create", "update", "patch", "delete"] {
        for resource in
            ["deletionruns", "deletionruns/status", "retentionpolicies", "datastores", "legalholds"]
        {
            ensure!(!may(verb, "carnet.dev", resource, "identity").await?, "it may {verb} {resource}");
        }
    }
    ensure!(
        !may("get", "carnet.dev", "deletionruns", "billing").await?,
        "it may read runs of another namespace"
    );
    for (resource, namespace) in
        [("deletionruns", "identity"), ("datastores", "identity"), ("legalholds", "")]
    {
        ensure!(may("get", "carnet.dev", resource, namespace).await?, "it may not read {resource}");
    }
    Ok(())
}
