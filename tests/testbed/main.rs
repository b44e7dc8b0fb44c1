//! The test cluster itself: it is what it says, and nothing of it stays.
//!
//! Those tests start clusters of their own, one at a time. Real nodes need root.

mod image;
mod killed;

use anyhow::{Context, Result, ensure};
use carnet::testbed::{
    BUSYBOX_IMAGE, Cluster, ControlPlane, ControlPlaneOptions, FakeNode, Level, MARKER, NodesOptions,
    Postgres, PostgresOptions, Testbed,
};
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    core::v1::{ConfigMap, Node, Pod},
};
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
    runtime::wait::await_condition,
};
use serde_json::json;
use std::time::Duration;
use tokio::sync::Mutex;

/// Whoever starts a cluster holds this: two at once would only wait for each other's processor.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn a_kwok_node_has_its_region_and_runs_a_pod() -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    plane.add_kwok_node(&FakeNode::aws("played", "eu-west-1")).await?;
    let client = plane.client_admin().await?;

    let node = Api::<Node>::all(client.clone()).get("played").await?;
    let labels = node.metadata.labels.unwrap_or_default();
    ensure!(
        labels.get("topology.kubernetes.io/region").map(String::as_str) == Some("eu-west-1"),
        "{labels:?}"
    );
    let provider = node.spec.and_then(|spec| spec.provider_id);
    ensure!(provider.as_deref() == Some("aws:///eu-west-1a/i-played"), "{provider:?}");

    let pod = finished_or_running(&client, "eu-west-1", &["true"], "Running").await?;
    ensure!(pod.spec.and_then(|spec| spec.node_name).as_deref() == Some("played"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_acts_as_the_user_it_was_made_for() -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let who = async |client: Client| -> Result<_> {
        let reviews = Api::<SelfSubjectReview>::all(client);
        let review = reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await?;
        review.status.and_then(|status| status.user_info).context("nobody")
    };

    let alice = who(plane.client_for("alice", &["privacy", "legal"]).await?).await?;
    ensure!(alice.username.as_deref() == Some("alice"), "{alice:?}");
    ensure!(
        alice.groups == Some(["privacy", "legal", "system:authenticated"].map(String::from).into()),
        "{alice:?}"
    );

    let kubeconfig = plane.kubeconfig_for_service_account("default", "default").await?;
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    let account = who(Client::try_from(config)?).await?;
    ensure!(account.username.as_deref() == Some("system:serviceaccount:default:default"), "{account:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_cluster_is_touched_only_when_it_is_marked() -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let level = || Level::ControlPlane(ControlPlaneOptions::default());
    let given = Testbed::given(plane.kubeconfig_admin(), &level()).await?;
    ensure!(given.host() == plane.host(), "{} is not {}", given.host(), plane.host());
    drop(given);

    let maps: Api<ConfigMap> = Api::namespaced(plane.client_admin().await?, "kube-system");
    maps.delete(MARKER, &DeleteParams::default()).await?;
    let refused = Testbed::given(plane.kubeconfig_admin(), &level()).await.err().context("it was taken")?;
    ensure!(refused.to_string().contains("kube-system/carnet-test-cluster"), "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_runs_in_a_container_on_the_node_of_its_region_and_reaches_a_database() -> Result<()> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let cluster = Cluster::nodes(NodesOptions::default()).await?;
    let postgres = Postgres::start(PostgresOptions { address: cluster.host(), ..Default::default() }).await?;
    let client = cluster.client_admin().await?;

    // Whoever is spoken to in a tongue that it does not know says so in its own: `E` begins PostgreSQL's errors.
    let script = format!(
        "hostname >/dev/termination-log; printf '\\0\\0\\0\\10\\0\\1\\0\\0' | nc {} {} | head -c 1 >>/dev/termination-log",
        postgres.address(),
        postgres.port()
    );
    for (region, node) in [("eu-west-1", "eu1"), ("us-east-1", "us1")] {
        let pod = finished_or_running(&client, region, &["sh", "-c", &script], "Succeeded").await?;
        let status = pod.status.context("a status")?;
        let state =
            status.container_statuses.into_iter().flatten().next().and_then(|container| container.state);
        let message =
            state.and_then(|state| state.terminated).and_then(|ended| ended.message).unwrap_or_default();
        ensure!(message == format!("on-{region}\nE"), "the container said {message:?}");
        ensure!(pod.spec.and_then(|spec| spec.node_name).as_deref() == Some(node));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_gone_with_its_guard() -> Result<()> {
    let postgres = Postgres::start(PostgresOptions { tls: true, ..Default::default() }).await?;
    let encrypted = "select ssl::text || ' ' || version from pg_stat_ssl where pid = pg_backend_pid()";
    let answer = postgres.sql("postgres", encrypted)?;
    ensure!(answer.starts_with("true TLSv1."), "{answer}");
    let place = postgres.sql("postgres", "show data_directory")?;
    let address = (postgres.address(), postgres.port());
    drop(postgres);
    ensure!(std::net::TcpStream::connect(address).is_err(), "it still listens");
    ensure!(!std::path::Path::new(&place).exists(), "its data is still there");
    Ok(())
}

/// Runs a Pod in a region until it is in that phase.
async fn finished_or_running(client: &Client, region: &str, command: &[&str], phase: &str) -> Result<Pod> {
    let name = format!("on-{region}");
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let pod = serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "nodeSelector": {"topology.kubernetes.io/region": region},
            "containers": [{
                "name": "it",
                "image": BUSYBOX_IMAGE,
                "imagePullPolicy": "Never",
                "args": command,
            }],
        },
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    let reached = |pod: Option<&Pod>| {
        pod.and_then(|pod| pod.status.as_ref()?.phase.as_deref()).is_some_and(|found| found == phase)
    };
    let pod = tokio::time::timeout(Duration::from_mins(1), await_condition(pods, &name, reached))
        .await
        .with_context(|| format!("the Pod {name} did not become {phase}"))??;
    pod.with_context(|| format!("the Pod {name} is gone"))
}
