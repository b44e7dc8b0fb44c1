//! `kubectl carnet check` applies our definitions without an API server. Here both are asked about the same objects.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result, ensure};
use carnet::{cli::check::Definitions, testbed::install};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    cases,
    world::{World, project, refusal},
};

cases![every_object_that_breaks_a_rule_is_refused_here_as_it_is_by_the_api_server];

/// A row of `tests/rules/wrong.yaml`.
#[derive(Deserialize)]
struct Wrong {
    of: String,
    #[serde(default)]
    before: Option<Map<String, Value>>,
    set: Map<String, Value>,
}

async fn every_object_that_breaks_a_rule_is_refused_here_as_it_is_by_the_api_server(
    w: Arc<World>,
) -> Result<()> {
    let text = std::fs::read_to_string(project().join("tests/rules/wrong.yaml"))?;
    let rows: Vec<Wrong> = serde_saphyr::from_str(&text)?;
    let definitions = Definitions::built_in()?;
    for Wrong { of, before, set } in &rows {
        let (file, number) = of.split_once(' ').context("a file and a number")?;
        let mut example = install::documents(&project().join(file))?.swap_remove(number.parse()?);
        example["metadata"]["name"] = "wrong-on-purpose".into();
        let old = before.as_ref().map(|before| with(&example, before)).transpose()?;
        let object = with(&example, set)?;
        let asked = same(&w, definitions, &object, old.as_ref()).await;
        if let Some(old) = &old {
            gone(&w, old).await?;
        }
        asked.with_context(|| format!("{of} {set:?}"))?;
    }
    Ok(())
}

async fn same(w: &World, definitions: &Definitions, object: &Value, old: Option<&Value>) -> Result<()> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let (_, ours) = definitions.all().find(|(name, _)| *name == kind).context("a kind of ours")?;
    let user = match kind {
        "DeletionRun" => {
            w.user("system:serviceaccount:carnet-system:carnet-operator", &["system:masters"]).await?
        }
        "DeletionApproval" => w.user("dpo@example.com", &["system:masters"]).await?,
        _ => w.admin.clone(),
    };
    if let Some(old) = old {
        w.apply_as(&user, old).await.context("what is there before")?;
    }
    let said = refusal(w.apply_as(&user, object).await)?;
    let here = ours.wrong(object, old);
    ensure!(!here.is_empty(), "nothing is wrong with it here; the API server says:\n{said}");
    for error in &here {
        let path = format!("{}: ", error.path);
        ensure!(
            said.contains(&path) && said.contains(&error.fix),
            "here: {error}\nthe API server says:\n{said}"
        );
    }
    let there: BTreeSet<String> =
        ours.messages().into_iter().filter(|message| said.contains(message)).collect();
    let here: BTreeSet<String> = here.into_iter().map(|error| error.fix).collect();
    ensure!(there.is_subset(&here), "not seen here: {:?}", there.difference(&here));
    Ok(())
}

/// What was written for an update, taken away again.
async fn gone(w: &World, object: &Value) -> Result<()> {
    let mut object = object.clone();
    if object["kind"] == "LegalHold" {
        object["spec"]["release"] = json!({"on": "2026-11-01", "reason": "settled"});
        w.apply_as(&w.admin, &object).await.context("release")?;
    }
    let user = w.user("system:serviceaccount:carnet-system:carnet-operator", &["system:masters"]).await?;
    w.api(&user, &object)?.delete("wrong-on-purpose", &Default::default()).await.context("delete")?;
    Ok(())
}

fn with(object: &Value, set: &Map<String, Value>) -> Result<Value> {
    let mut object = object.clone();
    // From the last, so that what is taken out of a list moves nothing that is still to be found.
    for (pointer, value) in set.iter().rev() {
        let (parent, field) = pointer.rsplit_once('/').context("a pointer has a slash")?;
        match object.pointer_mut(parent).with_context(|| format!("{pointer} is not there"))? {
            Value::Array(items) if value.is_null() => drop(items.remove(field.parse()?)),
            Value::Object(fields) if value.is_null() => drop(fields.remove(field)),
            parent => parent[field] = value.clone(),
        }
    }
    Ok(object)
}
