//! `explain`: which stores a Pod uses, and why it may or may not run where it is, by the code that the webhook runs.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::{Api, Client, ResourceExt};
use serde::de::DeserializeOwned;

use super::{list::list, table::plain};
use crate::{
    api::v1alpha1::{DataStore, LegalHold, Party, RetentionPolicy, TransferException, TransferSafeguard},
    core::{
        law::LawPack,
        settings::{ClaimsFrom, Settings},
        snapshot::Snapshot,
        store::Place,
        transfer::{Request, Workload, decide, text},
    },
    detect::{PodSubject, uses},
    index::{Change, Context, Entry, Kind, State, TableEvent, Watched, facts, key},
    parse::law,
    placement::{Candidates, candidates},
};

/// Why nothing was explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The cluster did not answer.
    #[error("failed to {attempt}")]
    Cluster {
        /// What was attempted on which object.
        attempt: String,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// The law pack's file cannot be read.
    #[error("failed to read the law pack {}", path.display())]
    LawFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The law pack cannot be used.
    #[error("failed to load the law pack")]
    Law(#[from] law::LawError),
    /// The output is gone.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}

fn failed(attempt: String) -> impl FnOnce(kube::Error) -> ExplainError {
    move |source| ExplainError::Cluster { attempt, source: Box::new(source) }
}

/// Flags of the operator, as the person who asks knows them.
pub struct Flags {
    /// `--claims-from`.
    pub claims_from: Vec<String>,
    /// `--region-label`.
    pub region_label: String,
    /// `--law-pack`.
    pub law_pack: Option<PathBuf>,
}

/// Explains one Pod of the cluster; tells whether it breaks no declared rule.
pub async fn explain(
    client: Client,
    namespace: &str,
    pod: &str,
    flags: &Flags,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<bool, ExplainError> {
    let Flags { claims_from, region_label, law_pack } = flags;
    let law = match law_pack {
        None => law::built_in()?,
        Some(path) => law::from_yaml(
            &std::fs::read_to_string(path)
                .map_err(|source| ExplainError::LawFile { path: path.clone(), source })?,
        )?,
    };
    let settings = Settings {
        claims_from: claims(claims_from),
        region_label: region_label.clone(),
        ..Settings::default()
    };
    let pod = Api::<Pod>::namespaced(client.clone(), namespace)
        .get(pod)
        .await
        .map_err(failed(format!("read Pod {namespace}/{pod}")))?;
    let snapshot = gather(&client, Arc::new(law), Arc::new(settings)).await?;
    let lawful = write_answer(&snapshot, &pod, now, out)?;
    writeln!(
        out,
        "\nJudged from here as an operator with --claims-from={} and otherwise default flags would.",
        if claims_from.is_empty() { "(none)".into() } else { claims_from.join(",") }
    )?;
    Ok(lawful)
}

fn claims(names: &[String]) -> ClaimsFrom {
    if names.iter().any(|name| name == "*") {
        ClaimsFrom::All
    } else {
        ClaimsFrom::Namespaces(names.iter().cloned().collect())
    }
}

/// What the operator's watches would have gathered, from lists.
async fn gather(
    client: &Client,
    law: Arc<LawPack>,
    settings: Arc<Settings>,
) -> Result<Snapshot, ExplainError> {
    let context = Context { law: law.clone(), settings: settings.clone() };
    let mut state = State::new(law.clone(), settings.clone());
    declared::<Party>(client, &context, &mut state).await?;
    declared::<DataStore>(client, &context, &mut state).await?;
    declared::<TransferSafeguard>(client, &context, &mut state).await?;
    declared::<TransferException>(client, &context, &mut state).await?;
    declared::<RetentionPolicy>(client, &context, &mut state).await?;
    declared::<LegalHold>(client, &context, &mut state).await?;
    for namespace in all::<Namespace>(client).await? {
        let event = TableEvent::Apply(key(&namespace.metadata), facts::namespace(&namespace));
        state.apply(Change::Namespace(event));
    }
    for node in all::<Node>(client).await? {
        let key = key(&node.metadata);
        let node = Arc::new(facts::node(node, &law, &settings));
        state.apply(Change::Node(TableEvent::Apply(key, node)));
    }
    Ok(state.snapshot())
}

async fn declared<K: Kind>(
    client: &Client,
    context: &Context,
    state: &mut State,
) -> Result<(), ExplainError> {
    for object in all::<Watched<K>>(client).await? {
        let entry = Entry::new(object, context);
        state.apply(K::change(TableEvent::Apply(entry.key(), entry)));
    }
    Ok(())
}

async fn all<K>(client: &Client) -> Result<Vec<K>, ExplainError>
where
    K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    list(&Api::<K>::all(client.clone())).await.map_err(failed(format!("list {}", K::plural(&()))))
}

fn write_answer(snapshot: &Snapshot, pod: &Pod, now: Timestamp, out: &mut impl Write) -> io::Result<bool> {
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let spec = pod.spec.clone().unwrap_or_default();
    let subject = PodSubject {
        namespace: &namespace,
        spec: &spec,
        annotations: pod.annotations(),
        labels: pod.labels(),
        claim_templates: &[],
        config_maps: None,
    };
    let detection = uses(snapshot, &subject);
    writeln!(out, "Pod {namespace}/{name}")?;
    for used in &detection.uses {
        writeln!(out, "  uses {}", used.store)?;
        for via in &used.via {
            writeln!(out, "    by {}", plain(via))?;
        }
    }
    for finding in &detection.findings {
        writeln!(out, "  note: {}", plain(&finding.to_string()))?;
    }
    if detection.uses.is_empty() {
        writeln!(out, "  uses no store that is declared, as far as its spec says")?;
        return Ok(true);
    }

    let places = match candidates(snapshot, &spec) {
        Candidates::Places(places) => places,
        Candidates::NoNode => vec![Place { provider: None, region: None, country: None }],
    };
    let where_: BTreeSet<String> = places.iter().map(place_name).collect();
    let bound = if spec.node_name.is_some() { "runs in" } else { "may run in" };
    writeln!(out, "  {bound} {}\n", where_.into_iter().collect::<Vec<_>>().join(", "))?;

    let workload = Workload { kind: "Pod", namespace: &namespace, name: &name, labels: pod.labels() };
    let request = Request { workload, uses: &detection.uses, sends: &detection.sends, places: &places, now };
    let verdict = decide(snapshot, &request);
    writeln!(out, "{}", text::message(&request, &verdict))?;
    if let Some(next) = verdict.next_change {
        writeln!(out, "This answer can change by time alone at {next}.")?;
    }
    Ok(!verdict.is_violation())
}

fn place_name(place: &Place) -> String {
    match (&place.region, place.country) {
        (Some(region), Some(country)) => format!("{} ({country})", plain(region)),
        (Some(region), None) => format!("{} (no country known)", plain(region)),
        (None, Some(country)) => country.to_string(),
        (None, None) => "an unknown place".into(),
    }
}

#[cfg(test)]
mod tests;
