//! `explain`: which stores a workload uses, and why it may or may not run where it does, by the code that the webhook runs.

mod explanation;
mod target;
#[cfg(test)]
mod tests;

use std::{
    fmt::Debug,
    io::{self, Write},
};

use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
        batch::v1::{CronJob, Job},
        core::v1::Pod,
    },
};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

pub use self::target::Target;
use self::{explanation::Explanation, target::Kind};
use super::{
    answer::Output,
    asked::{JudgedBy, QuestionError, write_json},
    table::{plain, table},
    world::{self, Look, Template, Workload, World},
};
use crate::core::settings::{ClaimsFrom, Settings};

/// Why nothing was explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The object cannot be read.
    #[error("failed to read {kind} {namespace}/{name}")]
    Object {
        /// Kind.
        kind: String,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// It is without an answer, as other questions can be.
    #[error(transparent)]
    Question(#[from] QuestionError),
}

/// How `explain` is asked.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// A Pod, or `deploy/NAME`, `sts/NAME`, `ds/NAME`, `rs/NAME`, `job/NAME`, `cronjob/NAME`.
    #[arg(value_name = "POD|KIND/NAME")]
    pub target: Target,
    /// How it is judged.
    #[command(flatten)]
    pub by: JudgedBy,
    /// How the answer is written.
    #[arg(long, short, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Output,
}

/// Explains one workload of the cluster; tells whether it breaks no declared rule.
pub async fn explain(
    client: Client,
    namespace: &str,
    args: &ExplainArgs,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<bool, ExplainError> {
    let Target { kind, name } = &args.target;
    let template = match kind {
        Kind::Pod => read::<Pod>(&client, namespace, name).await?,
        Kind::Deployment => read::<Deployment>(&client, namespace, name).await?,
        Kind::ReplicaSet => read::<ReplicaSet>(&client, namespace, name).await?,
        Kind::StatefulSet => read::<StatefulSet>(&client, namespace, name).await?,
        Kind::DaemonSet => read::<DaemonSet>(&client, namespace, name).await?,
        Kind::Job => read::<Job>(&client, namespace, name).await?,
        Kind::CronJob => read::<CronJob>(&client, namespace, name).await?,
    };
    let look = if *kind == Kind::Pod { Look::Declared } else { Look::RunningIn };
    let (judging, law_pack) = (&args.by.judging, args.by.law_pack.as_ref());
    let world = world::gather(&client, judging, law_pack, look, Some(namespace))
        .await
        .map_err(QuestionError::from)?;
    let explanation = explanation::explain(&world, &world.snapshot(), &template, now);
    match args.output {
        Output::Json => {
            let judged = Judged {
                api_version: "explain.carnet.dev/v1",
                explanation: &explanation,
                claims_from: claims(&world.settings),
                unknown: &world.notes,
            };
            write_json(&judged, out)?;
        }
        Output::Text => show(&explanation, &world, out).map_err(QuestionError::from)?,
    }
    Ok(!explanation.violation)
}

fn show(explanation: &Explanation, world: &World, out: &mut impl Write) -> io::Result<()> {
    write(explanation, out)?;
    let claims = claims(&world.settings);
    writeln!(out, "\nJudged from here as an operator with --claims-from={claims} would.")?;
    for note in &world.notes {
        writeln!(out, "? {}", plain(note))?;
    }
    Ok(())
}

/// For machines.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged<'a> {
    api_version: &'static str,
    #[serde(flatten)]
    explanation: &'a Explanation,
    claims_from: String,
    unknown: &'a [String],
}

fn claims(settings: &Settings) -> String {
    match &settings.claims_from {
        ClaimsFrom::All => "*".into(),
        ClaimsFrom::Namespaces(names) if names.is_empty() => "(none)".into(),
        ClaimsFrom::Namespaces(names) => names.iter().cloned().collect::<Vec<_>>().join(","),
    }
}

async fn read<K>(client: &Client, namespace: &str, name: &str) -> Result<Template, ExplainError>
where
    K: Workload + Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let failed = |source| ExplainError::Object {
        kind: K::kind(&()).into_owned(),
        namespace: namespace.into(),
        name: name.into(),
        source: Box::new(source),
    };
    let object = Api::<K>::namespaced(client.clone(), namespace).get(name).await.map_err(failed)?;
    Ok(world::template(object))
}

fn write(e: &Explanation, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", plain(&e.workload))?;
    for used in &e.uses {
        writeln!(out, "  uses {}", used.store)?;
        for via in &used.via {
            writeln!(out, "    by {}", plain(via))?;
        }
    }
    for note in &e.notes {
        writeln!(out, "  note: {}", plain(note))?;
    }
    if e.uses.is_empty() {
        return writeln!(out, "  {}", e.message);
    }
    let bound = if e.is_bound { "runs in" } else { "may run in" };
    writeln!(out, "  {bound} {}\n", plain(&e.places.join(", ")))?;
    for line in e.message.lines() {
        writeln!(out, "{}", plain(line))?;
    }
    writeln!(out, "\nEach flow:")?;
    let rows: Vec<Vec<String>> = e.flows.iter().map(row).collect();
    table(out, &["DATA", "REGIME", "TO", "STANDS", "ON", "ELSE"], &rows)?;
    for line in &e.recourse {
        writeln!(out, "{}", plain(line))?;
    }
    if let Some(affinity) = &e.affinity {
        let lawful = e.lawful_places.join(", ");
        write!(out, "\nLawful: {}. Paste into the Pod's spec:\n{affinity}", plain(&lawful))?;
    }
    if !e.pods.is_empty() {
        writeln!(out, "\nWhat runs of it:")?;
    }
    for pods in &e.pods {
        writeln!(out, "  {} in {}: {}", pods.pods, plain(&pods.place), plain(&pods.stands))?;
    }
    if let Some(next) = &e.next_change {
        writeln!(out, "\nBy time alone, at {}:", next.at)?;
        for change in &next.changes {
            writeln!(out, "  {}", plain(change))?;
        }
    }
    Ok(())
}

fn row(flow: &super::said::FlowSaid) -> Vec<String> {
    let to = &flow.to;
    let to = match (&to.region, &to.country) {
        (Some(region), Some(country)) => format!("{region} ({country})"),
        (Some(region), None) => format!("{region} (country unknown)"),
        (None, Some(country)) => country.clone(),
        (None, None) => "an unknown place".into(),
    };
    let to = flow.way.as_ref().map_or_else(|| to.clone(), |way| format!("{to}: {way}"));
    vec![
        format!("{}: {}", flow.store, flow.dataset),
        flow.regime.clone(),
        to,
        flow.stands.state.into(),
        flow.stands.relied_on.clone().or(flow.stands.exception.clone()).unwrap_or_default(),
        flow.stands.fallbacks.join(", "),
    ]
}
