//! The backstop from one operator to the next: what one that begins, one that sees nothing, and none at all leave of it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use futures::StreamExt;
use k8s_openapi::api::{core::v1::Pod, rbac::v1::ClusterRole};
use kube::{
    Api,
    api::{DeleteParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::{Value, json};

use crate::{
    backstop::{backstop, counts, declared, failure_policy, kill, operator, pod, reader, scene, shown},
    cases,
    world::{World, eventually, refusal},
};

cases![
    a_new_leader_leaves_the_counts_alone_until_it_has_counted,
    what_cannot_be_written_is_counted_until_it_is,
    an_operator_that_cannot_see_leaves_a_pod_to_the_failure_policy,
    without_the_operator_a_new_namespace_is_no_open_border,
    without_the_operator_a_namespace_that_is_made_anew_is_no_open_border,
];

/// Whose Pods they are the operator asks before it counts them; here it gets no answer.
const JAIL: &str = "
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: jail}
spec:
  type: Limited
  limited:
    nominalConcurrencyShares: 0
    lendablePercent: 0
    borrowingLimitPercent: 0
    limitResponse: {type: Queue, queuing: {queues: 1, handSize: 1, queueLengthLimit: 50}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: jail}
spec:
  priorityLevelConfiguration: {name: jail}
  matchingPrecedence: 100
  rules:
  - subjects:
    - {kind: ServiceAccount, serviceAccount: {name: carnet-operator, namespace: carnet-system}}
    resourceRules:
    - {verbs: [get], apiGroups: [apps], resources: [replicasets], namespaces: ['*']}
";

async fn a_new_leader_leaves_the_counts_alone_until_it_has_counted(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    w.revive_operator().await?;
    declared(&w).await?;
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "counted", "namespace": "analytics"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "counted"}},
            "template": {"metadata": {"labels": {"app": "counted"}}, "spec": reader("none", "eu-west-1")["spec"]}}})
    .to_string();
    w.create(&owner).await?;
    let counted = |object: &kube::api::DynamicObject| {
        object.data.pointer("/spec/standing/stores/identity~1accounts").is_some()
    };
    let counts = w.api(&w.admin, &counts())?;
    let before = eventually("its Pod to be counted", 30, || async {
        Ok(counts.get_opt("carnet-standing").await?.filter(counted))
    })
    .await?;
    kill(&w);
    w.apply(JAIL).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let version = before.metadata.resource_version.context("a version")?;
    let ours = WatchParams::default().fields("metadata.name=carnet-standing");
    let mut seen = counts.watch(&ours, &version).await?.boxed();
    w.revive_operator().await?;
    let written = || async { Ok(w.metrics()?.contains("carnet_backstop_unwritten 0").then_some(())) };
    eventually("the verdicts to be as they should be", 20, written).await?;
    let judged =
        || Ok::<_, anyhow::Error>(w.metrics()?.contains("carnet_transfers_judged_timestamp_seconds "));
    tokio::time::sleep(Duration::from_secs(2)).await;
    ensure!(!judged()?, "nothing keeps the operator from counting");
    w.delete(JAIL).await?;
    eventually("what runs to be judged", 30, || async { Ok(judged()?.then_some(())) }).await?;
    let end = tokio::time::Instant::now() + Duration::from_secs(2);
    while let Ok(Some(event)) = tokio::time::timeout_at(end, seen.next()).await {
        match event? {
            WatchEvent::Modified(now) => ensure!(counted(&now), "{}", now.data),
            WatchEvent::Bookmark(_) => {}
            other => bail!("{other:?}"),
        }
    }
    w.delete(&owner).await
}

/// Takes a kind out of the operator's rights; the rights as they were.
async fn without_the_right_to(w: &World, kind: &str) -> Result<ClusterRole> {
    let roles: Api<ClusterRole> = Api::all(w.admin.clone());
    let rights = roles.get("carnet-operator").await?;
    let mut fewer = rights.clone();
    for resources in fewer.rules.iter_mut().flatten().filter_map(|rule| rule.resources.as_mut()) {
        resources.retain(|resource| resource != kind);
    }
    ensure!(fewer != rights, "no right to {kind} is there to be taken away");
    roles.replace("carnet-operator", &PostParams::default(), &fewer).await?;
    Ok(rights)
}

async fn give_back(w: &World, mut rights: ClusterRole) -> Result<()> {
    rights.metadata.resource_version = None;
    let roles: Api<ClusterRole> = Api::all(w.admin.clone());
    roles.replace("carnet-operator", &PostParams::default(), &rights).await?;
    Ok(())
}

async fn what_cannot_be_written_is_counted_until_it_is(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    w.revive_operator().await?;
    declared(&w).await?;
    let counts = |number: &'static str| {
        let w = w.clone();
        move || {
            let line = format!("carnet_backstop_unwritten {number}");
            let metrics = w.metrics();
            async move { Ok(metrics?.contains(&line).then_some(())) }
        }
    };
    eventually("nothing to be left", 10, counts("0")).await?;
    ensure!(w.metrics()?.contains("carnet_backstop_left_out 0"), "something has no room");
    let rights = without_the_right_to(&w, "transferbackstops").await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let operator = operator(&w).await?;
    w.api(&operator, &backstop("analytics"))?.delete("carnet", &DeleteParams::default()).await?;
    eventually("it to be missed", 10, counts("1")).await?;
    give_back(&w, rights).await?;
    eventually("it to be back", 10, counts("0")).await?;
    shown(&w, "analytics", "/spec/secrets/accounts-readonly/0", &json!("identity/accounts")).await
}

async fn an_operator_that_cannot_see_leaves_a_pod_to_the_failure_policy(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    w.revive_operator().await?;
    declared(&w).await?;
    let rights = without_the_right_to(&w, "legalholds").await?;
    let is_ready = |wanted: bool| {
        let w = w.clone();
        move || {
            let w = w.clone();
            async move { Ok(((w.ask_operator("GET", "/readyz", "")?.0 == 200) == wanted).then_some(())) }
        }
    };
    eventually("the operator to be blind", 60, is_ready(false)).await?;

    let free = pod("analytics", "free", &json!({}));
    w.create(&free.to_string()).await.context("an unrelated Pod while the failure policy is Ignore")?;
    let pods: Api<Pod> = Api::namespaced(w.admin.clone(), "analytics");
    eventually("its binding to pass", 20, || async {
        Ok(pods.get("free").await?.spec.and_then(|spec| spec.node_name).map(drop))
    })
    .await?;
    w.delete(&free.to_string()).await?;
    let message = refusal(w.create(&reader("abroad", "us-east-1").to_string()).await)?;
    ensure!(message.contains("allowed regions: "), "the backstop does not judge: {message}");

    failure_policy(&w, "Fail").await?;
    let message = eventually("the failure policy to be Fail", 10, || async {
        let created = w.create(&free.to_string()).await;
        if created.is_ok() {
            w.delete(&free.to_string()).await?;
        }
        Ok(refusal(created).ok())
    })
    .await?;
    for words in ["failed calling webhook \"pods.carnet.dev\"", "Carnet has heard nothing of legalholds for"]
    {
        ensure!(message.contains(words), "`{words}` is missing in:\n{message}");
    }
    give_back(&w, rights).await?;
    eventually("the operator to see again", 60, is_ready(true)).await?;
    w.create(&free.to_string()).await.context("an unrelated Pod that is judged again")?;
    w.delete(&free.to_string()).await?;
    failure_policy(&w, "Ignore").await
}

/// Makes a namespace in which Pods can be made.
async fn namespace(w: &World, name: &str) -> Result<()> {
    w.apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}")).await?;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": name}});
    let accounts = w.api(&w.admin, &account)?;
    eventually("its account", 20, || async { Ok(accounts.get_opt("default").await?.map(drop)) }).await
}

/// What uses the store `far` is refused abroad and admitted at home.
async fn closed(w: &World, namespace: &str, what: &str, container: &Value) -> Result<()> {
    let mut container = container.clone();
    container["name"] = "app".into();
    container["image"] = "app".into();
    let using = |name: &str, region: &str| {
        let selector = json!({"topology.kubernetes.io/region": region});
        pod(namespace, name, &json!({"nodeSelector": selector, "containers": [container.clone()]}))
            .to_string()
    };
    let message = refusal(w.create(&using("abroad", "us-east-1")).await).context(what.to_owned())?;
    ensure!(message.contains("identity/far"), "{what}: {message}");
    w.create(&using("home", "eu-west-1")).await.with_context(|| format!("{what} at home"))?;
    w.delete(&using("home", "eu-west-1")).await
}

fn by_secret() -> Value {
    json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "claimed", "key": "k"}}}]})
}

async fn without_the_operator_a_new_namespace_is_no_open_border(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    w.revive_operator().await?;
    declared(&w).await?;
    shown(&w, "carnet-system", "/spec/secrets/made-tonight~1claimed/0", &json!("identity/far")).await?;
    kill(&w);
    namespace(&w, "made-tonight").await?;
    let made = w.api(&w.admin, &backstop("made-tonight"))?.get_opt("carnet").await?;
    ensure!(made.is_none(), "nobody can have made it");
    closed(&w, "made-tonight", "a host", &json!({"args": ["--db=pg://FAR.example.com.:5432/x"]})).await?;
    closed(&w, "made-tonight", "a Secret", &by_secret()).await
}

async fn without_the_operator_a_namespace_that_is_made_anew_is_no_open_border(w: Arc<World>) -> Result<()> {
    let w = scene(&w).await?;
    w.revive_operator().await?;
    declared(&w).await?;
    let there = "{apiVersion: v1, kind: Namespace, metadata: {name: comes-and-goes}}";
    namespace(&w, "comes-and-goes").await?;
    shown(&w, "comes-and-goes", "/spec/secrets/claimed/0", &json!("identity/far")).await?;
    let cluster = w.api(&w.admin, &backstop("carnet-system"))?;
    let by_both = "/spec/secrets/comes-and-goes~1claimed";
    eventually("it to be in one object alone", 10, || async {
        Ok(cluster.get("carnet").await?.data.pointer(by_both).is_none().then_some(()))
    })
    .await?;
    w.delete(there).await?;
    shown(&w, "carnet-system", &format!("{by_both}/0"), &json!("identity/far")).await?;
    kill(&w);
    namespace(&w, "comes-and-goes").await?;
    closed(&w, "comes-and-goes", "a Secret", &by_secret()).await
}
