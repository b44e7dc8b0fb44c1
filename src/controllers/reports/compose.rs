//! One report for each namespace, and one of the safeguards, in the words of OpenReports. Pure, and the same as long as the
//! answers are: no times in it, so that nothing is written anew for a look.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    core::{
        ids::ObjectKey,
        snapshot::Snapshot,
        transfer::{Flow, Outcome, force},
    },
    picture::{FlowStanding, Who},
    platform::conditions::truncate,
};

/// Results of a report; what is beyond is counted in an annotation. At half a kibibyte each, a report stays far below what
/// etcd bears.
pub const MOST: usize = 100;
/// Bytes of a message.
const MESSAGE: usize = 512;
/// Annotation with the number of results that were left out.
pub const LEFT_OUT: &str = "carnet.dev/left-out";
/// Whose reports these are.
pub const SOURCE: &str = "carnet";

/// Flows by who carries them.
pub type Flows = BTreeMap<(Who, Flow), FlowStanding>;

/// Flows of one subject to one store.
type Subjects<'a> = BTreeMap<(&'a Who, String), Vec<(&'a Flow, &'a FlowStanding)>>;

/// How a result stands, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stands {
    Fail,
    Warn,
    Pass,
}

impl Stands {
    fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Pass => "pass",
        }
    }
}

/// What there is to say of one subject.
struct Finding {
    stands: Stands,
    rule: String,
    resource: Value,
    message: String,
    properties: BTreeMap<&'static str, String>,
}

/// Reports by namespace: of the workloads, and of the copies of the stores, that are there.
pub fn of_namespaces(flows: &Flows, law: &str) -> BTreeMap<String, Value> {
    let mut by: BTreeMap<&str, Subjects<'_>> = BTreeMap::new();
    for ((who, flow), standing) in flows {
        let here = by.entry(who.namespace()).or_default();
        here.entry((who, flow.store.to_string())).or_default().push((flow, standing));
    }
    let report = |(namespace, subjects): (&str, Subjects<'_>)| {
        let found = subjects.into_iter().map(|((who, store), flows)| of_subject(who, &store, &flows, law));
        (namespace.to_owned(), report("Report", Some(namespace), found.collect()))
    };
    by.into_iter().map(report).collect()
}

fn of_subject(who: &Who, store: &str, flows: &[(&Flow, &FlowStanding)], law: &str) -> Finding {
    let worst = flows.iter().map(|(_, standing)| stands(standing)).min().unwrap_or(Stands::Pass);
    let these: Vec<_> = flows.iter().filter(|(_, standing)| stands(standing) == worst).collect();
    let words = |of: &dyn Fn(&Flow) -> String| {
        let all: BTreeSet<String> = these.iter().map(|(flow, _)| of(flow)).collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
    };
    let regimes = words(&|flow| flow.regime.to_string());
    let places =
        words(&|flow| flow.to.country.map_or_else(|| "an unknown country".into(), |c| c.to_string()));
    let relied: BTreeSet<String> =
        flows.iter().filter_map(|(_, s)| s.outcome.relied_on().map(ToString::to_string)).collect();
    let waived: BTreeSet<String> = flows.iter().filter_map(|(_, s)| exception(&s.outcome)).collect();
    let what = match worst {
        Stands::Fail => "nothing covers it",
        Stands::Warn if !waived.is_empty() => "waived(fail)",
        Stands::Warn if these.iter().all(|(_, s)| s.is_exempt) => "nothing covers it, in an exempt namespace",
        Stands::Warn => "one safeguard alone carries it",
        Stands::Pass => "covered",
    };
    let mut properties = BTreeMap::from([("store", store.to_owned()), ("law", law.to_owned())]);
    for (name, values) in [("reliedOn", relied), ("waivedBy", waived)] {
        if !values.is_empty() {
            properties.insert(name, values.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    let resource = match who {
        Who::Owner { kind, namespace, name } => json!({"kind": kind, "namespace": namespace, "name": name}),
        Who::Copy(of, copy) => {
            properties.insert("copy", copy.clone());
            of_store(of)
        }
        Who::Store(of) => of_store(of),
    };
    let message = format!("{regimes} data of {store} to {places}: {what}");
    Finding { stands: worst, rule: "covered".into(), resource, message, properties }
}

fn of_store(store: &ObjectKey) -> Value {
    let ObjectKey { namespace, name } = store;
    json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "DataStore", "namespace": &**namespace, "name": &**name})
}

fn stands(standing: &FlowStanding) -> Stands {
    match &standing.outcome {
        Outcome::Uncovered { .. } if standing.is_exempt => Stands::Warn,
        Outcome::Uncovered { .. } => Stands::Fail,
        Outcome::Waived { .. } => Stands::Warn,
        Outcome::Carried { .. } if standing.outcome.last_leg().is_some() => Stands::Warn,
        Outcome::Carried { .. }
        | Outcome::NoBorder
        | Outcome::Adequate(_)
        | Outcome::SameEntity
        | Outcome::CollectedDirectly => Stands::Pass,
    }
}

fn exception(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Waived { exception, near: _ } => Some(format!("exception/{exception}")),
        Outcome::NoBorder
        | Outcome::Adequate(_)
        | Outcome::Carried { .. }
        | Outcome::SameEntity
        | Outcome::CollectedDirectly
        | Outcome::Uncovered { .. } => None,
    }
}

/// The report of the safeguards: which carry nothing, and which have something overdue.
pub fn of_safeguards(snapshot: &Snapshot, now: Timestamp) -> Value {
    let found = snapshot.safeguards.values().map(|safeguard| {
        let force = force(snapshot, safeguard, now);
        let in_time = safeguard.validity.contains(now);
        let (stands, message) = if !in_time || force.carries.is_empty() {
            (Stands::Fail, format!("carries nothing: {}", force.fails.join("; ")))
        } else if force.overdue.is_empty() {
            (Stands::Pass, format!("carries {}", force.carries.join(", ")))
        } else {
            (Stands::Warn, force.overdue.join("; "))
        };
        Finding {
            stands,
            rule: "in-force".into(),
            resource: json!({"apiVersion": "carnet.dev/v1alpha1", "kind": "TransferSafeguard", "name": &*safeguard.name}),
            message,
            properties: BTreeMap::from([("law", snapshot.law.version.clone())]),
        }
    });
    report("ClusterReport", None, found.collect())
}

fn report(kind: &str, namespace: Option<&str>, mut found: Vec<Finding>) -> Value {
    // Equal ones keep the order in which they came: by name.
    found.sort_by_key(|finding| finding.stands);
    let count = |stands| found.iter().filter(|finding| finding.stands == stands).count();
    let summary = json!({
        "pass": count(Stands::Pass), "fail": count(Stands::Fail), "warn": count(Stands::Warn), "error": 0, "skip": 0,
    });
    let told: Vec<&Finding> = found.iter().filter(|finding| finding.stands != Stands::Pass).collect();
    let left_out = told.len().saturating_sub(MOST);
    let results: Vec<Value> = told.into_iter().take(MOST).map(result).collect();
    let mut metadata = json!({
        "name": super::NAME_OF_REPORT,
        "labels": {"app.kubernetes.io/managed-by": SOURCE},
        "annotations": {LEFT_OUT: left_out.to_string()},
    });
    if let Some(namespace) = namespace {
        metadata["namespace"] = namespace.into();
    }
    json!({
        "apiVersion": "openreports.io/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "source": SOURCE,
        "configuration": {"limits": {"maxResults": MOST, "statusFilter": ["fail", "warn"]}},
        "summary": summary,
        "results": results,
    })
}

fn result(finding: &Finding) -> Value {
    let Finding { stands, rule, resource, message, properties } = finding;
    let mut message = message.clone();
    truncate(&mut message, MESSAGE);
    let properties: BTreeMap<_, _> = properties
        .iter()
        .map(|(name, value)| {
            let mut value = value.clone();
            truncate(&mut value, MESSAGE);
            (name, value)
        })
        .collect();
    json!({
        "source": SOURCE,
        "policy": "transfers",
        "rule": rule,
        "category": "personal-data-transfers",
        "severity": if *stands == Stands::Fail { "high" } else { "medium" },
        "result": stands.word(),
        "scored": *stands == Stands::Fail,
        "resources": [resource],
        "message": message,
        "properties": properties,
    })
}
