//! A second Carnet in one cluster does nothing but say so.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, ensure};
use carnet::testbed::install::{self, Operator, OperatorOptions};
use k8s_openapi::api::{coordination::v1::Lease, events::v1::Event};
use kube::Api;
use serde_json::{Value, json};

use crate::{
    cases,
    world::{World, eventually},
};

cases![a_second_installation_refuses_in_words_and_begins_once_it_is_alone];

/// The webhook's configuration as if Carnet ran in this namespace.
fn serving(configuration: &Value, namespace: &str) -> Value {
    let mut object = configuration.clone();
    for hook in object["webhooks"].as_array_mut().into_iter().flatten() {
        hook["clientConfig"] =
            json!({"service": {"name": "carnet-webhook", "namespace": namespace, "path": "/review"}});
    }
    object
}

async fn a_second_installation_refuses_in_words_and_begins_once_it_is_alone(w: Arc<World>) -> Result<()> {
    let configuration = w.installed.object("ValidatingWebhookConfiguration", "carnet")?.clone();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}});
    w.put(&[namespace, serving(&configuration, "carnet-system")]).await?;
    let told = refuses(&w, &configuration).await;
    w.put(&[configuration]).await?;
    told
}

async fn refuses(w: &World, configuration: &Value) -> Result<()> {
    let bundle = || async {
        let api = w.api(&w.admin, configuration)?;
        anyhow::Ok(api.get("carnet").await?.data["webhooks"].clone())
    };
    let before = bundle().await?;
    let options = OperatorOptions {
        program: env!("CARGO_BIN_EXE_carnet-operator").into(),
        logs: std::env::temp_dir(),
        flags: ["--own-namespace=elsewhere", "--leader-elect"].map(String::from).into(),
        env: vec![("HOSTNAME".into(), "second".into())],
        webhook_port: None,
    };
    let webhook: SocketAddr = install::free_address(w.access().host())?;
    let mut second = Operator::spawn(w.access(), options, webhook).await?;
    let sentence = "another Carnet, in namespace carnet-system, has this cluster";
    eventually("the second one to say why it is not ready", 15, || async {
        Ok(second.ask("/readyz").await.ok().filter(|text| text.contains(sentence)))
    })
    .await?;
    let events: Api<Event> = Api::namespaced(w.admin.clone(), "elsewhere");
    for kind in ["Deployment", "Pod"] {
        let event = eventually(&format!("an Event on its {kind}"), 10, || async {
            let all = events.list(&kube::api::ListParams::default()).await?;
            Ok(all.into_iter().find(|e| {
                e.reason.as_deref() == Some("AnotherCarnet")
                    && e.regarding.as_ref().is_some_and(|r| r.kind.as_deref() == Some(kind))
            }))
        })
        .await?;
        ensure!(event.note.is_some_and(|note| note.contains("uninstall")));
    }
    ensure!(second.is_running(), "it ended: {}", second.log_end());
    ensure!(second.log_end().contains(sentence), "{}", second.log_end());
    ensure!(bundle().await? == before, "it touched the webhook's configuration");
    let leases: Api<Lease> = Api::namespaced(w.admin.clone(), "elsewhere");
    ensure!(leases.get_opt("carnet-operator").await?.is_none(), "it took part in an election");
    ensure!(second.ask("/readyz").await?.contains("caches"), "it began to watch");

    // Once the cluster is its own it begins; here it gets no further than its rights.
    w.put(&[serving(configuration, "elsewhere")]).await?;
    eventually("the second one to begin", 20, || async {
        Ok(second.log_end().contains("no other Carnet has the cluster any more").then_some(()))
    })
    .await
    .with_context(|| second.log_end())?;
    second.kill();
    Ok(())
}
