//! The kinds on a real API server: what users write applies as it stands, and wrong input is refused with path and fix.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::testbed::install;
use serde_json::Value;

use crate::{
    cases,
    world::{World, eventually, project, refusal},
};

cases![
    every_example_applies_as_it_stands,
    an_approval_of_another_than_the_requester_is_refused,
    wrong_input_is_refused_with_the_field_and_the_fix,
    a_hold_cannot_be_deleted_or_narrowed_before_its_release,
    an_accepted_object_says_ready_with_its_generation,
    deleting_everything_leaves_nothing_stuck,
];

const KINDS: [&str; 7] = [
    "party.yaml",
    "datastore.yaml",
    "datastore-objects.yaml",
    "transfersafeguard.yaml",
    "transferexception.yaml",
    "retentionpolicy.yaml",
    "legalhold.yaml",
];

fn examples() -> Result<Vec<Value>> {
    let mut all = vec![];
    for file in KINDS {
        all.extend(install::documents(&project().join("examples").join(file))?);
    }
    Ok(all)
}

async fn every_example_applies_as_it_stands(w: Arc<World>) -> Result<()> {
    for object in examples()? {
        w.apply_as(&w.admin, &object).await.with_context(|| format!("apply {object}"))?;
    }
    let approval = install::documents(&project().join("examples/deletionapproval.yaml"))?;
    let person = w.user("dpo@example.com", &["system:masters"]).await?;
    w.apply_as(&person, &approval[0]).await.context("apply the approval as the user it names")?;
    Ok(())
}

async fn an_approval_of_another_than_the_requester_is_refused(w: Arc<World>) -> Result<()> {
    let mut approval = install::documents(&project().join("examples/deletionapproval.yaml"))?.remove(0);
    approval["metadata"]["name"] = "of-another".into();
    let other = w.user("mallory@example.com", &["system:masters"]).await?;
    let message = refusal(w.apply_as(&other, &approval).await)?;
    ensure!(message.contains("approver"), "{message}");
    Ok(())
}

async fn wrong_input_is_refused_with_the_field_and_the_fix(w: Arc<World>) -> Result<()> {
    let all = examples()?;
    let of = |kind: &str| all.iter().find(|o| o["kind"] == kind).expect("an example of the kind").clone();
    let table: &[(&str, &str, Value, &str)] = &[
        (
            "DataStore",
            "/spec/engine/mysql",
            serde_json::json!({"credentialsSecretRef": {"name": "x"}}),
            "engine",
        ),
        (
            "DataStore",
            "/spec/location",
            serde_json::json!({"provider": "aws", "region": "eu-nowhere-9"}),
            "region",
        ),
        ("DataStore", "/spec/role", "Processor".into(), "controllerRef"),
        ("DataStore", "/spec/origins", serde_json::json!([]), "origins"),
        ("DataStore", "/spec/origins", serde_json::json!(["Unrestricted"]), "originsReason"),
        ("TransferSafeguard", "/spec/instrument", serde_json::json!({}), "instrument"),
        ("TransferSafeguard", "/spec/validThrough", "2020-01-01".into(), "validFrom"),
        ("TransferSafeguard", "/spec/validFrom", "yesterday".into(), "validFrom"),
        ("RetentionPolicy", "/spec/rules/0/deleteAfter", "3 years".into(), "deleteAfter"),
        ("RetentionPolicy", "/spec/storeSelector", serde_json::json!({}), "storeSelector"),
        ("Party", "/spec/country", "Ireland".into(), "country"),
    ];
    for (kind, pointer, value, word) in table {
        let mut object = of(kind);
        object["metadata"]["name"] = "wrong-on-purpose".into();
        let (parent, field) = pointer.rsplit_once('/').context("a pointer has a slash")?;
        object.pointer_mut(parent).context("the parent is there")?[field] = value.clone();
        let message = refusal(w.apply_as(&w.admin, &object).await)
            .with_context(|| format!("{kind} {pointer} = {value}"))?;
        ensure!(message.contains(word), "{kind} {pointer} = {value}: {message}");
    }
    let dpf = serde_json::json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "wrong-on-purpose"},
        "spec": {"scope": {"any": true}, "instrument": {"dataPrivacyFramework": {
            "participantRef": {"name": "inc"}, "coveredData": ["NonHR"], "checkedOn": "2026-11-01", "frameworks": [
            {"name": "UKExtension", "status": "Active", "since": "2023-10-12", "recertifyBy": "2027-09-29"}]}}}});
    let message = refusal(w.apply_as(&w.admin, &dpf).await)?;
    ensure!(message.contains("EU-US"), "{message}");
    Ok(())
}

async fn a_hold_cannot_be_deleted_or_narrowed_before_its_release(w: Arc<World>) -> Result<()> {
    const HOLD: &str = r#"
apiVersion: carnet.dev/v1alpha1
kind: LegalHold
metadata: {name: not-yet}
spec: {reason: Audit, reference: "a/1", scope: {namespaces: [billing]}, placedOn: "2026-10-01"}
"#;
    w.apply(HOLD).await?;
    let hold = install::documents_of(HOLD, "hold")?.remove(0);
    let api = w.api(&w.admin, &hold)?;
    let message = refusal(api.delete("not-yet", &Default::default()).await)?;
    ensure!(message.contains("release"), "{message}");
    let mut narrower = hold.clone();
    narrower["spec"]["scope"]["stores"] = serde_json::json!(["one"]);
    refusal(w.apply_as(&w.admin, &narrower).await).context("a narrower scope")?;
    let mut released = hold;
    released["spec"]["release"] = serde_json::json!({"on": "2026-11-01", "reason": "settled"});
    w.apply_as(&w.admin, &released).await?;
    api.delete("not-yet", &Default::default()).await?;
    Ok(())
}

async fn an_accepted_object_says_ready_with_its_generation(w: Arc<World>) -> Result<()> {
    for object in examples()? {
        let api = w.api(&w.admin, &object)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        eventually(&format!("{} {name} to say Ready", object["kind"]), 15, || async {
            let live = api.get(&name).await?;
            let observed = live.data.pointer("/status/observedGeneration").and_then(Value::as_i64);
            let says = live.data.pointer("/status/conditions").and_then(Value::as_array).is_some_and(|all| {
                all.iter()
                    .any(|c| c["type"] == "Ready" && matches!(c["status"].as_str(), Some("True" | "False")))
            });
            Ok((says && observed == live.metadata.generation).then_some(()))
        })
        .await?;
    }
    Ok(())
}

async fn deleting_everything_leaves_nothing_stuck(w: Arc<World>) -> Result<()> {
    for mut object in examples()? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let api = w.api(&w.admin, &object)?;
        if object["kind"] == "LegalHold" {
            object["spec"]["release"] = serde_json::json!({"on": "2026-11-01", "reason": "settled"});
            w.apply_as(&w.admin, &object).await?;
        }
        api.delete(&name, &Default::default()).await.with_context(|| format!("delete {name}"))?;
        eventually(&format!("{name} to be gone"), 10, || async {
            Ok(api.get_opt(&name).await?.is_none().then_some(()))
        })
        .await?;
    }
    Ok(())
}
