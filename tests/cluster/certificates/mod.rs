//! The webhook's certificates and the end of a replica, by operators of their own with short lives: in a namespace of their
//! own, behind a webhook configuration of their own, called by the real API server at one address as by a Service.

mod service;
mod site;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::{admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Secret};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

use crate::{
    cases,
    world::{World, eventually},
};
use site::{CONFIGURATION, Creator, SECRET, Site, configuration};

cases![
    pods_are_created_through_rotations_of_the_authority_without_one_failed_call,
    only_the_bundle_is_ours_and_whoever_changes_it_is_put_right,
    a_secret_that_is_lost_or_damaged_is_mended_and_a_rotation_can_be_asked_for,
    a_replica_that_ends_loses_no_request_and_another_leads_at_once,
];

/// Certificates of a bundle or of a key of the Secret.
fn certificates(bytes: &[u8]) -> usize {
    String::from_utf8_lossy(bytes).matches("BEGIN CERTIFICATE").count()
}

impl Site {
    fn secrets(w: &World) -> Api<Secret> {
        Api::namespaced(w.admin.clone(), site::NAMESPACE)
    }

    /// The one that leads; one that was killed before is waited for, as long as its lease lives.
    async fn leader(&self) -> Result<usize> {
        eventually("one to lead", 30, || async {
            for (n, operator) in self.operators.iter().enumerate() {
                if operator.metric("carnet_leader").await? > 0.0 {
                    return Ok(Some(n));
                }
            }
            Ok(None)
        })
        .await
        .with_context(|| self.logs())
    }

    async fn authority(&self, w: &World) -> Result<Vec<u8>> {
        let secret = Self::secrets(w).get(SECRET).await?;
        let data = secret.data.unwrap_or_default();
        Ok(data.get("ca.crt").map(|bytes| bytes.0.clone()).unwrap_or_default())
    }

    async fn bundle(&self, w: &World) -> Result<Vec<u8>> {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(w.admin.clone());
        let there = api.get(CONFIGURATION).await?;
        let hook = there.webhooks.unwrap_or_default().into_iter().next().context("a webhook")?;
        Ok(hook.client_config.ca_bundle.map(|b| b.0).unwrap_or_default())
    }
}

async fn pods_are_created_through_rotations_of_the_authority_without_one_failed_call(
    w: Arc<World>,
) -> Result<()> {
    let site =
        Site::start(&w, &["--ca-validity=PT40S", "--leaf-validity=PT30S", "--rotation-look=PT1S"], 2).await?;
    let creator = Creator::start(&w, 4);
    let mut seen = vec![site.authority(&w).await?];
    while seen.len() < 3 {
        let last = seen.last().cloned();
        let now = eventually("another authority to sign", 50, || async {
            let now = site.authority(&w).await?;
            Ok((Some(&now) != last.as_ref()).then_some(now))
        })
        .await
        .with_context(|| site.logs())?;
        let bundle = site.bundle(&w).await?;
        ensure!(certificates(&bundle) >= 2, "the old authority stays for as long as it carries");
        seen.push(now);
    }
    // Those that were there at first have ended since, and so has every leaf of theirs.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (created, failed) = creator.end().await;
    ensure!(failed.is_empty(), "{} of {created} failed: {:?}\n{}", failed.len(), failed.first(), site.logs());
    ensure!(created > 200, "only {created} were created");
    let name = "carnet_webhook_certificate_expiry_timestamp_seconds{certificate=\"authority\"}";
    let ends = site.operators[0].metric(name).await?;
    #[allow(clippy::cast_precision_loss, reason = "seconds")]
    let left = ends - jiff::Timestamp::now().as_second() as f64;
    ensure!(left > 0.0 && left <= 40.0, "{left}");
    Ok(())
}

async fn only_the_bundle_is_ours_and_whoever_changes_it_is_put_right(w: Arc<World>) -> Result<()> {
    let site = Site::start(&w, &[], 1).await?;
    let api: Api<ValidatingWebhookConfiguration> = Api::all(w.admin.clone());
    let ours = site.bundle(&w).await?;
    ensure!(ours == site.authority(&w).await?, "the bundle is the authority's certificate");

    let there = api.get(CONFIGURATION).await?;
    let managers = there.metadata.managed_fields.clone().unwrap_or_default();
    let mine: Vec<_> =
        managers.iter().filter(|m| m.manager.as_deref() == Some("carnet/certificate")).collect();
    ensure!(mine.len() == 1 && mine[0].operation.as_deref() == Some("Apply"), "{mine:?}");
    let fields = serde_json::to_value(&mine[0].fields_v1)?;
    let owned = json!({"f:webhooks": {"k:{\"name\":\"pods.carnet.dev\"}":
        {".": {}, "f:name": {}, "f:clientConfig": {"f:caBundle": {}}}}});
    ensure!(fields == owned, "{fields}");

    // As `helm upgrade` does it: its fields anew, without force, and no word of the bundle.
    let mut upgraded = configuration(site.service.address());
    upgraded["webhooks"][0]["timeoutSeconds"] = json!(7);
    api.patch(CONFIGURATION, &PatchParams::apply("helm"), &Patch::Apply(&upgraded))
        .await
        .context("no conflict")?;
    ensure!(site.bundle(&w).await? == ours, "an upgrade leaves the bundle alone");

    // The ways in which it gets lost.
    let json_patch =
        |value: serde_json::Value| -> Result<Patch<()>> { Ok(Patch::Json(serde_json::from_value(value)?)) };
    let at = "/webhooks/0/clientConfig/caBundle";
    let foreign = k8s_openapi::ByteString(Site::foreign_authority()?);
    for (how, patch) in [
        ("cleared", json_patch(json!([{"op": "remove", "path": at}]))?),
        ("replaced", json_patch(json!([{"op": "replace", "path": at, "value": foreign}]))?),
    ] {
        api.patch(CONFIGURATION, &PatchParams::default(), &patch).await.context(how)?;
        restored(&w, &site, &ours).await.with_context(|| format!("{how}\n{}", site.logs()))?;
    }
    // By the former way of writing, under the same name; and by force.
    let hook = json!({"webhooks": [{"name": "pods.carnet.dev", "clientConfig": {"caBundle": foreign}}]});
    let former = PatchParams { field_manager: Some("carnet/certificate".into()), ..PatchParams::default() };
    api.patch(CONFIGURATION, &former, &Patch::Strategic(hook.clone())).await?;
    restored(&w, &site, &ours).await?;
    let mut forced = configuration(site.service.address());
    forced["webhooks"][0]["clientConfig"]["caBundle"] = json!(foreign);
    api.patch(CONFIGURATION, &PatchParams::apply("helm").force(), &Patch::Apply(&forced)).await?;
    restored(&w, &site, &ours).await?;

    // Gone, it is not made; back, it is told again.
    api.delete(CONFIGURATION, &Default::default()).await?;
    tokio::time::sleep(Duration::from_secs(6)).await;
    ensure!(api.get_opt(CONFIGURATION).await?.is_none(), "nobody but an installation makes it");
    ensure!(site.operators[0].is_ready().await, "{}", site.logs());
    api.patch(
        CONFIGURATION,
        &PatchParams::apply("helm"),
        &Patch::Apply(&configuration(site.service.address())),
    )
    .await?;
    restored(&w, &site, &ours).await
}

/// The bundle is as it was within a poll, and the webhook believed.
async fn restored(w: &World, site: &Site, ours: &[u8]) -> Result<()> {
    eventually("the bundle to be restored", 8, || async {
        Ok((site.bundle(w).await? == ours).then_some(()))
    })
    .await?;
    eventually("a Pod to be created", 5, || async {
        Ok(site::create(&w.admin, "restored").await.is_ok().then_some(()))
    })
    .await
}

async fn a_secret_that_is_lost_or_damaged_is_mended_and_a_rotation_can_be_asked_for(
    w: Arc<World>,
) -> Result<()> {
    let site = Site::start(&w, &["--rotation-look=PT1S", "--ca-validity=PT60S"], 2).await?;
    let creator = Creator::start(&w, 2);
    let (secrets, first) = (Site::secrets(&w), site.authority(&w).await?);
    site.leader().await?;
    secrets.delete(SECRET, &Default::default()).await?;
    eventually("the Secret to be there again", 10, || async {
        let there = secrets.get_opt(SECRET).await?.and_then(|s| s.data?.remove("ca.crt"));
        Ok((there.is_some_and(|cert| cert.0 == first)).then_some(()))
    })
    .await
    .with_context(|| site.logs())?;
    let broken = json!({"data": {"ca.key": k8s_openapi::ByteString(b"nonsense".to_vec())}});
    secrets.patch(SECRET, &PatchParams::default(), &Patch::Merge(broken)).await?;
    eventually("the Secret to be mended", 10, || async {
        let data = secrets.get(SECRET).await?.data.unwrap_or_default();
        Ok((data["ca.crt"].0 == first && data["ca.key"].0 != b"nonsense").then_some(()))
    })
    .await
    .with_context(|| site.logs())?;
    let events: Api<k8s_openapi::api::events::v1::Event> = Api::namespaced(w.admin.clone(), site::NAMESPACE);
    let reasons: Vec<_> =
        events.list(&ListParams::default()).await?.into_iter().filter_map(|event| event.reason).collect();
    for reason in ["AuthorityRestored", "AuthorityReplaced"] {
        ensure!(reasons.iter().any(|r| r == reason), "{reason} is not among {reasons:?}");
    }

    let ask = json!({"metadata": {"annotations": {"carnet.dev/rotate": "distrust"}}});
    secrets.patch(SECRET, &PatchParams::default(), &Patch::Merge(ask)).await?;
    eventually("another authority to sign alone", 30, || async {
        let (now, bundle) = (site.authority(&w).await?, site.bundle(&w).await?);
        Ok((now != first && bundle == now).then_some(()))
    })
    .await
    .with_context(|| site.logs())?;
    ensure!(secrets.get(SECRET).await?.metadata.annotations.is_none_or(|a| a.is_empty()), "it is done once");
    let (created, failed) = creator.end().await;
    ensure!(failed.is_empty(), "{} of {created} failed: {:?}\n{}", failed.len(), failed.first(), site.logs());
    Ok(())
}

async fn a_replica_that_ends_loses_no_request_and_another_leads_at_once(w: Arc<World>) -> Result<()> {
    let mut site = Site::start(&w, &["--drain=PT4S"], 2).await?;
    let creator = Creator::start(&w, 6);
    tokio::time::sleep(Duration::from_secs(2)).await;
    for _ in 0..2 {
        let leads = site.leader().await?;
        let begun = std::time::Instant::now();
        site.operators[leads].terminate()?;
        eventually("it to be not ready", 2, || async {
            Ok((!site.operators[leads].is_ready().await).then_some(()))
        })
        .await?;
        let other = &site.operators[1 - leads];
        // Far less than the 15 s for which a dead leader is waited for.
        eventually("the other one to lead", 8, || async {
            Ok((other.metric("carnet_leader").await? > 0.0).then_some(()))
        })
        .await
        .with_context(|| site.logs())?;
        let status = site.operators[leads].ended().await?;
        ensure!(status.success(), "{status}\n{}", site.logs());
        let took = begun.elapsed();
        ensure!(took > Duration::from_secs(4) && took < Duration::from_secs(30), "{took:?}");
        // A rolling restart: the next one goes once this one is back.
        site.restart(&w, leads).await?;
    }
    let (created, failed) = creator.end().await;
    ensure!(failed.is_empty(), "{} of {created} failed: {:?}\n{}", failed.len(), failed.first(), site.logs());
    ensure!(created > 100, "only {created} were created");

    // Told twice, it does not wait.
    let begun = std::time::Instant::now();
    site.operators[0].terminate()?;
    eventually("it to be not ready", 2, || async { Ok((!site.operators[0].is_ready().await).then_some(())) })
        .await?;
    site.operators[0].terminate()?;
    ensure!(site.operators[0].ended().await?.code() == Some(143));
    ensure!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    Ok(())
}
