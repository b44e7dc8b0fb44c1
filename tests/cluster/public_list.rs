//! `kubectl carnet dpf import` on a real API server: what the public list says becomes an object, and safeguards are held
//! against it.

use std::{io::Write, path::Path, sync::Arc};

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    cases,
    doctor::carnet,
    flows::says,
    world::{World, refusal},
};

cases![a_list_that_is_imported_ends_what_it_does_not_say_and_an_older_one_takes_its_place_never];

const PARTIES: &str = include_str!("../../examples/party.yaml");

/// The day so many days ago.
fn day(ago: i64) -> String {
    (Timestamp::now() - SignedDuration::from_hours(24 * ago)).strftime("%Y-%m-%d").to_string()
}

fn list(status: &str) -> Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::with_suffix(".csv")?;
    writeln!(
        file,
        "Organization Name,Framework,Status,Covered Data\n\"Hosted Platform, Inc.\",EU-US,{status},Non-HR\n\
         \"Somebody Else, LLC\",EU-US,Active,Non-HR"
    )?;
    Ok(file)
}

async fn import(w: &World, file: &Path, taken_on: &str) -> Result<(i32, String)> {
    let path = file.display().to_string();
    carnet(&w.kubeconfig_of_admin(), &["dpf", "import", &path, "--taken-on", taken_on, "--name", "of-a-test"])
        .await
}

async fn a_list_that_is_imported_ends_what_it_does_not_say_and_an_older_one_takes_its_place_never(
    w: Arc<World>,
) -> Result<()> {
    w.apply(PARTIES).await?;
    let certified = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "metadata": {"name": "listed"},
        "spec": {"scope": {"any": true}, "instrument": {"dataPrivacyFramework": {"participantRef": {"name": "inc"},
            "coveredData": ["NonHR"], "recourse": {"provider": "JAMS"}, "checkedOn": day(3),
            "frameworks": [{"name": "EU-US", "status": "Active", "since": "2023-09-29", "recertifyBy": "2100-01-01"}]}}}});
    w.apply_as(&w.admin, &certified).await?;
    says(&w, &certified, "PublicList", "Unknown", "kubectl carnet dpf import").await?;
    says(&w, &certified, "InForce", "True", "carries EEA data to US").await?;

    let (code, said) = import(&w, list("Withdrawn")?.path(), &day(2)).await?;
    ensure!(code == 0 && said.contains("1 of 2 rows were read"), "{code}: {said}");
    ensure!(said.contains("Hosted Platform, Inc.: EU-US Withdrawn"), "{said}");
    let object = json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataPrivacyFrameworkSnapshot",
        "metadata": {"name": "of-a-test"}});
    let done = compared(&w, &certified, &object).await;
    for object in [object, certified] {
        w.delete(&object.to_string()).await?;
    }
    done
}

async fn compared(w: &World, certified: &Value, object: &Value) -> Result<()> {
    says(w, object, "Latest", "True", "").await?;
    let live = w.api(&w.admin, object)?.get("of-a-test").await?;
    ensure!(!live.data.to_string().contains("Somebody Else"), "nobody else is kept: {}", live.data);
    says(w, certified, "PublicList", "False", "DataPrivacyFrameworkSnapshot of-a-test").await?;
    says(w, certified, "InForce", "False", "").await?;
    // What a person runs to see what is wrong names it too.
    let (_, report) = carnet(&w.kubeconfig_of_admin(), &["doctor", "-o", "json"]).await?;
    ensure!(
        report.contains("PublicListDisagrees") && report.contains("TransferSafeguard listed"),
        "{report}"
    );

    let (code, said) = import(w, list("Active")?.path(), &day(1)).await?;
    ensure!(code == 0 && said.contains("EU-US Active"), "{code}: {said}");
    says(w, certified, "PublicList", "True", "").await?;
    says(w, certified, "InForce", "True", "carries EEA data to US").await?;

    let older = import(w, list("Removed")?.path(), &day(2)).await;
    let Err(why) = older else { anyhow::bail!("an older list was taken: {older:?}") };
    ensure!(why.to_string().contains("an older list is not put in its place"), "{why}");
    says(w, certified, "PublicList", "True", "").await?;

    // What it prints for a repository is what it applies: the API server takes it, under another name.
    let (path, taken_on) = (list("Active")?, day(1));
    let path_text = path.path().display().to_string();
    let print = ["dpf", "import", &path_text, "--taken-on", &taken_on, "--name", "printed", "--print"];
    let (_, yaml) = carnet(&w.kubeconfig_of_admin(), &print).await?;
    w.apply(&yaml).await?;
    w.delete(&yaml).await?;
    let mut wrong = live.clone();
    wrong.metadata = kube::api::ObjectMeta { name: Some("wrong".into()), ..Default::default() };
    wrong.data["spec"]["file"]["sha256"] = "no digest".into();
    refusal(w.create(&serde_json::to_string(&wrong)?).await)?;
    Ok(())
}
