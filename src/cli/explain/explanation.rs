//! What is known of one workload. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cli::{
        said::{self, FlowSaid},
        world::{Template, World},
    },
    core::{
        snapshot::Snapshot,
        store::Place,
        transfer::{Request, Use, Verdict, decide, next_flip, text},
    },
    placement::{affinity_to_paste, candidates, node_place},
};

/// What is known of one workload.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// `Deployment analytics/web`.
    pub workload: String,
    /// The Party that runs its namespace; none = unknown.
    pub importer: Option<String>,
    /// Stores that it uses, each with the references by which that was found.
    pub uses: Vec<UseSaid>,
    /// What changes no verdict.
    pub notes: Vec<String>,
    /// Whether it is bound to a node; else places are those in which it may be scheduled.
    pub is_bound: bool,
    /// Places that are judged.
    pub places: Vec<String>,
    /// Those of them in which no declared rule is broken.
    pub lawful_places: Vec<String>,
    /// Every flow, and how it stands.
    pub flows: Vec<FlowSaid>,
    /// Whether a declared rule is broken.
    pub violation: bool,
    /// The webhook's own words.
    pub message: String,
    /// What would make it lawful.
    pub would_make_it_lawful: Vec<String>,
    /// Who hears complaints about what certifications carry, and who has jurisdiction.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recourse: Vec<String>,
    /// What to paste into the Pod's spec, where some places are lawful and others are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<String>,
    /// When a flow stands otherwise by time alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_change: Option<NextSaid>,
    /// Its running Pods by place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<PodsSaid>,
    /// Version of the law pack.
    pub law: String,
    /// When it was judged.
    pub judged_at: String,
}

/// A use.
#[derive(Clone, Debug, Serialize)]
pub struct UseSaid {
    /// `namespace/name` of the store.
    pub store: String,
    /// References of the spec.
    pub via: Vec<String>,
}

/// What changes next by time alone.
#[derive(Clone, Debug, Serialize)]
pub struct NextSaid {
    /// When.
    pub at: Timestamp,
    /// Each flow that stands otherwise from then on: from what, to what.
    pub changes: Vec<String>,
    /// Whether a declared rule is broken from then on.
    pub violation: bool,
}

/// Running Pods in one place.
#[derive(Clone, Debug, Serialize)]
pub struct PodsSaid {
    /// Where.
    pub place: String,
    /// How many.
    pub pods: usize,
    /// How they stand.
    pub stands: String,
    /// Whether they break a declared rule.
    pub violation: bool,
}

/// Explains a template, or a Pod.
pub fn explain(world: &World, snapshot: &Snapshot, template: &Template, now: Timestamp) -> Explanation {
    let owner = &template.owner;
    let detection = world.detect(snapshot, template);
    let bound = template.spec.node_name.as_deref().filter(|name| !name.is_empty());
    let places = candidates(snapshot, &template.spec).into_places();
    let request = Request {
        workload: template.workload(snapshot),
        uses: &detection.uses,
        sends: &detection.sends,
        places: &places,
        now,
    };
    let verdict = decide(snapshot, &request);
    let lawful: Vec<&Place> = places.iter().filter(|place| is_lawful(&verdict, place)).collect();
    let mixed = bound.is_none() && lawful.len() < places.len();
    let uses_nothing = detection.uses.is_empty();
    Explanation {
        workload: owner.to_string(),
        importer: snapshot.runs.get(&owner.namespace).map(ToString::to_string),
        uses: detection.uses.iter().map(used).collect(),
        notes: detection.findings.iter().map(ToString::to_string).collect(),
        is_bound: bound.is_some(),
        places: places.iter().map(said::place).collect(),
        lawful_places: lawful.iter().map(|place| said::place(place)).collect(),
        flows: verdict.flows.iter().map(|f| FlowSaid::new(&f.flow, &f.outcome)).collect(),
        violation: verdict.is_violation(),
        message: if uses_nothing {
            "uses no store that is declared, as far as its spec says".into()
        } else {
            text::message(&request, &verdict)
        },
        would_make_it_lawful: text::ways(&request, &verdict),
        recourse: text::recourse(snapshot, &verdict),
        affinity: affinity_to_paste(&snapshot.settings.region_label, lawful.iter().copied())
            .filter(|_| mixed && !uses_nothing),
        next_change: next_flip(snapshot, &request, &verdict).map(|(at, then)| NextSaid {
            at,
            changes: changes(&verdict, &then),
            violation: then.is_violation(),
        }),
        pods: pods(world, snapshot, template, &detection.uses, now),
        law: snapshot.law.version.clone(),
        judged_at: now.to_string(),
    }
}

fn used(used: &Use) -> UseSaid {
    UseSaid { store: used.store.to_string(), via: used.via.clone() }
}

fn is_lawful(verdict: &Verdict, place: &Place) -> bool {
    let here = verdict.flows.iter().filter(|f| f.flow.place == *place);
    here.into_iter().all(|f| f.outcome.state() != "uncovered")
}

/// Each flow that stands otherwise, once for all datasets and regimes that change alike.
fn changes(now: &Verdict, then: &Verdict) -> Vec<String> {
    let mut alike: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (a, b) in now.flows.iter().zip(&then.flows) {
        let (from, to) = (said::outcome(&a.outcome), said::outcome(&b.outcome));
        if from != to {
            let what = format!("{} data of {} to {}", a.flow.regime, a.flow.store, said::to(&a.flow));
            alike.entry(format!("{what}: {from} -> {to}")).or_default().insert(a.flow.dataset.to_string());
        }
    }
    let line = |(change, datasets): (String, BTreeSet<String>)| {
        format!("{change} ({})", datasets.into_iter().collect::<Vec<_>>().join(", "))
    };
    alike.into_iter().map(line).collect()
}

/// Its running Pods, judged where they are. A Pod is its own.
fn pods(
    world: &World,
    snapshot: &Snapshot,
    template: &Template,
    uses: &[Use],
    now: Timestamp,
) -> Vec<PodsSaid> {
    if template.owner.kind == "Pod" {
        return vec![];
    }
    let mut by: BTreeMap<(String, bool, String), usize> = BTreeMap::new();
    for pod in &world.pods {
        let Some(node) = pod.node().filter(|_| is_of(world, &pod.owner, template)) else { continue };
        let running = Template {
            owner: template.owner.clone(),
            above: None,
            labels: pod.labels.clone(),
            annotations: pod.annotations.clone(),
            spec: (*pod.spec).clone(),
            claims: vec![],
        };
        // What runs may be of an older template than the one that is there now.
        let detection = world.detect(snapshot, &running);
        let place = node_place(snapshot, node);
        let request = Request {
            workload: crate::core::transfer::Workload {
                kind: &template.owner.kind,
                namespace: &template.owner.namespace,
                name: &template.owner.name,
                labels: &pod.labels,
                one_off: snapshot.is_one_off(&pod.key.namespace, &pod.owner.made_by()),
            },
            uses: &detection.uses,
            sends: &detection.sends,
            places: std::slice::from_ref(&place),
            now,
        };
        let verdict = decide(snapshot, &request);
        let stands = match (detection.uses.is_empty(), verdict.is_violation()) {
            (true, _) => "uses no store that is declared".to_owned(),
            (false, true) => text::first_line(&request, &verdict),
            (false, false) => text::summary_ok(&verdict),
        };
        let differs = detection.uses.iter().map(|u| &u.store).ne(uses.iter().map(|u| &u.store));
        let older = if differs { " (it uses other stores than the template)" } else { "" };
        let key = (said::place(&place), verdict.is_violation(), format!("{stands}{older}"));
        *by.entry(key).or_default() += 1;
    }
    let said = |((place, violation, stands), pods)| PodsSaid { place, pods, stands, violation };
    by.into_iter().map(said).collect()
}

/// Whether a Pod of this controller is the template's, at whatever height.
fn is_of(world: &World, owner: &crate::index::Owner, template: &Template) -> bool {
    let mut at = owner;
    for _ in 0..4 {
        if at.uid == template.owner.uid {
            return true;
        }
        match world.owners.get(&at.uid) {
            Some(above) => at = above,
            None => return false,
        }
    }
    false
}
