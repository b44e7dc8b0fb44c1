//! What is installed: stored as it was written, and found to work by the program that `helm test` runs.

use std::{process::Stdio, sync::Arc};

use anyhow::{Context, Result, ensure};
use carnet::testbed::{Binaries, install};
use kube::api::{Patch, PatchParams};
use serde_json::Value;
use tokio::process::Command;

use crate::{
    cases,
    world::{World, project},
};

cases![
    nothing_that_is_installed_is_stored_in_another_form,
    every_manifest_that_can_be_installed_is_taken_whole,
    the_installation_is_verified_by_a_refusal_and_an_admission,
];

/// Everything that `written` says, `stored` says too; where `exactly`, and nothing more.
fn compare(path: &str, written: &Value, stored: &Value, exactly: bool) -> Result<()> {
    match (written, stored) {
        (Value::Object(w), Value::Object(s)) => {
            for (name, value) in w {
                compare(&format!("{path}.{name}"), value, s.get(name).unwrap_or(&Value::Null), exactly)?;
            }
            if exactly {
                let more: Vec<&String> = s.keys().filter(|k| !w.contains_key(*k)).collect();
                ensure!(more.is_empty(), "{path}: the API server adds {more:?}");
            }
        }
        (Value::Array(w), Value::Array(s)) => {
            ensure!(w.len() == s.len(), "{path}: {w:?} is stored as {s:?}");
            for (number, (w, s)) in w.iter().zip(s).enumerate() {
                compare(&format!("{path}[{number}]"), w, s, exactly)?;
            }
        }
        (Value::Number(w), Value::Number(s)) if w.as_f64() == s.as_f64() => {}
        _ => ensure!(written == stored, "{path}: {written} is stored as {stored}"),
    }
    Ok(())
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

async fn nothing_that_is_installed_is_stored_in_another_form(w: Arc<World>) -> Result<()> {
    for mut object in install::objects(&project(), w.webhook())? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut live = serde_json::to_value(w.api(&w.admin, &object)?.get(&name).await?)?;
        // The authority is the operator's to write.
        for hook in live["webhooks"].as_array_mut().into_iter().flatten() {
            let client = hook["clientConfig"].as_object_mut().context("a client")?;
            ensure!(client.remove("caBundle").is_some(), "no authority in {name}");
        }
        let path = format!("{} {name}", kind(&object));
        // What is asked and refused is spelt out whole, so that nobody sees a difference that is none.
        let exactly = path.starts_with("Validating");
        for part in ["webhooks", "spec"].into_iter().filter(|_| exactly) {
            compare(&format!("{path}: {part}"), &object[part], &live[part], true)?;
        }
        object.as_object_mut().context("an object")?.remove("apiVersion");
        compare(&path, &object, &live, false)?;
    }
    Ok(())
}

async fn every_manifest_that_can_be_installed_is_taken_whole(w: Arc<World>) -> Result<()> {
    // A dry run of those too that a test cluster leaves out; unknown fields are errors.
    let strict = PatchParams::apply("test").force().dry_run().validation_strict();
    for object in install::directory(&project().join("deploy/base"))? {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{} {name}", kind(&object));
        let taken = w.api(&w.admin, &object)?.patch(name, &strict, &Patch::Apply(&object)).await;
        let taken = serde_json::to_value(taken.with_context(|| path.clone())?)?;
        if let (false, Some(spec)) = (path.starts_with("Validating"), object.get("spec")) {
            compare(&path, spec, &taken["spec"], false)?;
        }
    }
    Ok(())
}

async fn the_installation_is_verified_by_a_refusal_and_an_admission(w: Arc<World>) -> Result<()> {
    let rendered = Command::new(Binaries::find()?.path("helm")?)
        .args(["template", "carnet", "charts/carnet", "--namespace", install::NAMESPACE])
        .args(["--show-only", "templates/tests/verify.yaml"])
        .current_dir(project())
        .output()
        .await?;
    ensure!(rendered.status.success(), "{}", String::from_utf8_lossy(&rendered.stderr));
    let objects = install::documents_of(&String::from_utf8(rendered.stdout)?, "the test of the chart")?;
    let (pods, around): (Vec<Value>, Vec<Value>) = objects.into_iter().partition(|o| kind(o) == "Pod");
    install::apply(&w.admin, &around).await?;
    let args = pods[0].pointer("/spec/containers/0/args").and_then(Value::as_array).context("arguments")?;
    let verify = || async {
        anyhow::Ok(
            Command::new(env!("CARGO_BIN_EXE_carnet-operator"))
                .args(args.iter().filter_map(Value::as_str))
                .env("KUBECONFIG", w.kubeconfig_of(install::NAMESPACE, "carnet-verify").await?)
                .stdin(Stdio::null())
                .output()
                .await?,
        )
    };
    // Twice: it leaves nothing behind.
    for _ in 0..2 {
        let said = verify().await?;
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        ensure!(said.status.success(), "{out}\n{err}");
        ensure!(out.contains("verified-store") && out.contains("admitted, as it must be"), "{out}");
    }
    // Where nothing is refused, it says so. A cluster in which all is enforced has no such namespace but an exempt one.
    let exempt = Command::new(env!("CARGO_BIN_EXE_carnet-operator"))
        .args([
            "verify-installation",
            "--namespace=kube-public",
            "--store=aws/eu-west-1",
            "--abroad=aws/us-east-1",
        ])
        .args(["--patience=PT2S"])
        .env("KUBECONFIG", w.kubeconfig_of_admin())
        .stdin(Stdio::null())
        .output()
        .await?;
    ensure!(!exempt.status.success(), "it found a refusal where nothing is judged");
    let said = String::from_utf8_lossy(&exempt.stderr);
    ensure!(said.contains("was admitted for 2 s"), "{said}");
    Ok(())
}
