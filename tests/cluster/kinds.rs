//! The kinds on a real API server: what users write applies as it stands, and wrong input is refused with path and fix.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use carnet::testbed::install;
use serde_json::{Value, json};

use crate::{
    cases,
    flows::says,
    world::{World, eventually, forbidden, project, refusal},
};

cases![
    every_example_applies_as_it_stands,
    an_approval_of_another_than_the_requester_is_refused,
    wrong_input_is_refused_with_the_field_and_the_fix,
    a_ground_kept_longer_than_delete_after_is_accepted_and_reported,
    a_hold_cannot_be_deleted_or_narrowed_before_its_release,
    an_accepted_object_says_ready_with_its_generation,
    an_approval_says_that_it_does_not_count_and_why,
    deleting_everything_leaves_nothing_stuck,
    a_namespace_goes_with_the_runs_and_approvals_in_it,
];

const KINDS: [&str; 8] = [
    "party.yaml",
    "datastore.yaml",
    "datastore-objects.yaml",
    "transfersafeguard.yaml",
    "transferexception.yaml",
    "dataprivacyframeworksnapshot.yaml",
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
    let says = ["spec.approver must be your own user name", "nobody approves in the name of another"];
    forbidden(w.apply_as(&other, &approval).await, &says)?;
    Ok(())
}

/// Where, with what, and what the refusal says: the field's full path, and the fix.
type Wrong = (&'static str, &'static str, Value, &'static str, &'static str);

async fn wrong_input_is_refused_with_the_field_and_the_fix(w: Arc<World>) -> Result<()> {
    let all = examples()?;
    let of = |kind: &str| all.iter().find(|o| o["kind"] == kind).expect("an example of the kind").clone();
    let table: &[Wrong] = &[
        (
            "DataStore",
            "/spec/engine/mysql",
            json!({"credentialsSecretRef": {"name": "x"}}),
            "spec.engine: ",
            "name exactly one engine: postgres, mysql, objectStore, volume or external",
        ),
        (
            "DataStore",
            "/spec/location",
            json!({"provider": "aws", "region": "eu-nowhere-9"}),
            "spec.location.region: ",
            "does not know the region eu-nowhere-9; correct it, or write the country beside it",
        ),
        (
            "DataStore",
            "/spec/role",
            json!("Processor"),
            "spec.controllerRef: ",
            "a Processor holds data for somebody: name the controller's Party in controllerRef",
        ),
        ("DataStore", "/spec/origins", json!([]), "spec.origins: ", "should have at least 1 items"),
        (
            "DataStore",
            "/spec/origins",
            json!(["Unrestricted"]),
            "spec.originsReason: ",
            "Unrestricted takes the data out of every regime: say why in originsReason",
        ),
        (
            "DataStore",
            "/spec/datasets/0/anchors/0/modifiedTime",
            json!({}),
            "spec.datasets[0].anchors[0]: ",
            "say when the event happened by exactly one of column, modifiedTime, objectTag and keyPattern",
        ),
        (
            "TransferSafeguard",
            "/spec/instrument",
            json!({}),
            "spec.instrument: ",
            "name exactly one instrument, such as standardContractualClauses, dataPrivacyFramework or adequacy",
        ),
        (
            "TransferSafeguard",
            "/spec/validThrough",
            json!("2020-01-01"),
            "spec.validThrough: ",
            "validity ends before it begins: validThrough must not lie before validFrom",
        ),
        (
            "TransferSafeguard",
            "/spec/validFrom",
            json!("yesterday"),
            "spec.validFrom: ",
            "write a calendar day as YYYY-MM-DD, for example \"2026-01-31\"",
        ),
        (
            "RetentionPolicy",
            "/spec/rules/0/deleteAfter",
            json!("3 years"),
            "spec.rules[0].deleteAfter: ",
            "write an ISO 8601 period, for example P90D, P3Y or P1Y6M",
        ),
        (
            "RetentionPolicy",
            "/spec/storeSelector",
            json!({}),
            "spec.storeSelector: ",
            "an empty selector would take every store of the namespace: name at least one label",
        ),
        (
            "Party",
            "/spec/country",
            json!("Ireland"),
            "spec.country: ",
            "write an ISO 3166-1 code of two or three letters and quote it in YAML, for example \"NO\" or \"NOR\"",
        ),
    ];
    for (kind, pointer, value, path, fix) in table {
        let mut object = of(kind);
        object["metadata"]["name"] = "wrong-on-purpose".into();
        let (parent, field) = pointer.rsplit_once('/').context("a pointer has a slash")?;
        object.pointer_mut(parent).context("the parent is there")?[field] = value.clone();
        refused_for(&w, &object, path, fix).await.with_context(|| format!("{kind} {pointer} = {value}"))?;
    }
    let dpf = json!({
        "apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "wrong-on-purpose"},
        "spec": {"scope": {"any": true}, "instrument": {"dataPrivacyFramework": {
            "participantRef": {"name": "inc"}, "coveredData": ["NonHR"], "checkedOn": "2026-11-01", "frameworks": [
            {"name": "UKExtension", "status": "Active", "since": "2023-10-12", "recertifyBy": "2027-09-29"}]}}}});
    let (path, fix) = (
        "spec.instrument.dataPrivacyFramework.frameworks: ",
        "the UKExtension extends EU-US: add the EU-US entry beside it",
    );
    refused_for(&w, &dpf, path, fix).await
}

async fn refused_for(w: &World, object: &Value, path: &str, fix: &str) -> Result<()> {
    let message = refusal(w.apply_as(&w.admin, object).await)?;
    ensure!(
        message.contains(path) && message.contains(fix),
        "`{path}` and `{fix}` are not both in:\n{message}"
    );
    Ok(())
}

/// No typing error but a conflict of two promises: keeping wins, and the other is reported as broken.
async fn a_ground_kept_longer_than_delete_after_is_accepted_and_reported(w: Arc<World>) -> Result<()> {
    let store = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore",
        "metadata": {"name": "kept-long", "namespace": "billing", "labels": {"test": "kept-long"}},
        "spec": {"exporterRef": {"name": "ltd"}, "role": "Controller", "location": {"country": "IE"}, "origins": ["EEA"],
            "engine": {"postgres": {"credentialsSecretRef": {"name": "x"}}},
            "datasets": [{"name": "invoices", "categories": ["account.billing"],
                "table": {"schema": "public", "name": "invoices"},
                "anchors": [{"event": "Issued", "column": "issued_at"}]}]}});
    let policy = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "RetentionPolicy",
        "metadata": {"name": "kept-long", "namespace": "billing"},
        "spec": {"storeSelector": {"matchLabels": {"test": "kept-long"}}, "rules": [{
            "name": "invoices", "categories": ["account.billing"], "after": "Issued", "deleteAfter": "P30D",
            "then": "Delete", "grounds": [{"kind": "LegalObligation", "keepAtLeast": "P7Y", "citation": "tax"}]}]}});
    for object in [&store, &policy] {
        w.apply_as(&w.admin, object).await?;
    }
    let said = says(&w, &policy, "PromiseBroken", "True", "kept-long/invoices: ").await?;
    ensure!(said.contains("invoices") && said.contains("LegalObligation"), "{said}");
    for object in [policy, store] {
        w.delete(&object.to_string()).await?;
    }
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
    narrower["spec"]["scope"]["stores"] = json!(["one"]);
    refusal(w.apply_as(&w.admin, &narrower).await).context("a narrower scope")?;
    let mut released = hold;
    released["spec"]["release"] = json!({"on": "2026-11-01", "reason": "settled"});
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

async fn an_approval_says_that_it_does_not_count_and_why(w: Arc<World>) -> Result<()> {
    let mut approval = install::documents(&project().join("examples/deletionapproval.yaml"))?.remove(0);
    approval["metadata"]["name"] = "of-nothing".into();
    let person = w.user("dpo@example.com", &["system:masters"]).await?;
    w.create_as(&person, &approval.to_string()).await?;
    says(&w, &approval, "Ready", "True", "").await?;
    says(&w, &approval, "Counts", "False", "there is no DeletionRun").await?;
    w.delete(&approval.to_string()).await
}

async fn deleting_everything_leaves_nothing_stuck(w: Arc<World>) -> Result<()> {
    for mut object in examples()? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let api = w.api(&w.admin, &object)?;
        if object["kind"] == "LegalHold" {
            object["spec"]["release"] = json!({"on": "2026-11-01", "reason": "settled"});
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

async fn a_namespace_goes_with_the_runs_and_approvals_in_it(w: Arc<World>) -> Result<()> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "going"}});
    w.apply_as(&w.admin, &namespace).await?;
    let operator = w.user("system:serviceaccount:carnet-system:carnet-operator", &["system:masters"]).await?;
    let run = crate::forgery::run("record", "going");
    w.create_as(&operator, &run.to_string()).await.context("the run, as the operator")?;
    let person = w.user("dpo@example.com", &["system:masters"]).await?;
    let mut approval = install::documents(&project().join("examples/deletionapproval.yaml"))?.remove(0);
    approval["metadata"]["namespace"] = "going".into();
    w.create_as(&person, &approval.to_string()).await.context("the approval, as the person it names")?;
    // As long as its namespace stays, a record does.
    let runs = w.api(&w.admin, &run)?;
    forbidden(
        runs.delete("record", &Default::default()).await,
        &["only Carnet's operator writes DeletionRuns"],
    )?;

    let namespaces = w.api(&w.admin, &namespace)?;
    namespaces.delete("going", &Default::default()).await?;
    eventually("the namespace to be gone", 45, || async {
        Ok(namespaces.get_opt("going").await?.is_none().then_some(()))
    })
    .await?;
    let approvals = w.api(&w.admin, &approval)?;
    let name = approval["metadata"]["name"].as_str().unwrap_or_default();
    ensure!(
        runs.get_opt("record").await?.is_none() && approvals.get_opt(name).await?.is_none(),
        "left behind"
    );
    Ok(())
}
