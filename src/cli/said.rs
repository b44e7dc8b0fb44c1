//! Flows as people and machines read them: the same words in every command.

use serde::Serialize;

use crate::core::{
    store::Place,
    transfer::{Flow, NearMiss, Outcome, Way, text},
};

/// One flow, for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowSaid {
    /// `namespace/name` of the store.
    pub store: String,
    /// Dataset.
    pub dataset: String,
    /// Regime.
    pub regime: String,
    /// Who exports.
    pub exporter: String,
    /// Who receives; none = unknown.
    pub importer: Option<String>,
    /// Where the data is.
    pub home: PlaceSaid,
    /// Where the workload runs.
    pub place: PlaceSaid,
    /// Where it gets to.
    pub to: PlaceSaid,
    /// How it gets there, unless it is processed where it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<String>,
    /// How it stands.
    #[serde(flatten)]
    pub stands: Stands,
}

/// A place, for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceSaid {
    /// Provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Country; none = unknown.
    pub country: Option<String>,
}

/// How a flow stands, for machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stands {
    /// One of `no-border`, `adequate`, `carried`, `same-entity`, `collected-directly`, `waived`, `uncovered`.
    pub state: &'static str,
    /// `safeguard/NAME` or `law/ROW`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relied_on: Option<String>,
    /// What would carry it too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
    /// What waives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// What a person should look after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What came near, and why it does not carry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near_misses: Vec<NearSaid>,
}

/// What came near, for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearSaid {
    /// `safeguard/NAME`, `law/ROW` or `exception/NAME`.
    pub what: String,
    /// Why it does not carry.
    pub why: String,
}

impl FlowSaid {
    /// A flow and its outcome.
    pub fn new(flow: &Flow, outcome: &Outcome) -> Self {
        let Flow { store, dataset, regime, exporter, importer, home, place, way: _, to } = flow;
        Self {
            store: store.to_string(),
            dataset: dataset.to_string(),
            regime: regime.to_string(),
            exporter: exporter.to_string(),
            importer: importer.as_ref().map(ToString::to_string),
            home: PlaceSaid::new(home),
            place: PlaceSaid::new(place),
            to: PlaceSaid::new(to),
            way: way(flow),
            stands: Stands::new(outcome),
        }
    }
}

impl PlaceSaid {
    /// A place.
    pub fn new(place: &Place) -> Self {
        let Place { provider, region, country } = place.clone();
        Self { provider, region, country: country.map(|c| c.to_string()) }
    }
}

impl Stands {
    /// An outcome.
    pub fn new(outcome: &Outcome) -> Self {
        let mut said = Self {
            state: outcome.state(),
            relied_on: outcome.relied_on().map(ToString::to_string),
            ..Self::default()
        };
        match outcome {
            Outcome::NoBorder | Outcome::Adequate(_) | Outcome::SameEntity | Outcome::CollectedDirectly => {}
            Outcome::Carried { by: _, also, warnings } => {
                said.fallbacks = also.iter().map(ToString::to_string).collect();
                said.warnings.clone_from(warnings);
            }
            Outcome::Waived { exception, near } => {
                said.exception = Some(format!("exception/{exception}"));
                said.near_misses = nears(near);
            }
            Outcome::Uncovered { near, remedies: _ } => said.near_misses = nears(near),
        }
        said
    }
}

fn nears(near: &[NearMiss]) -> Vec<NearSaid> {
    near.iter().map(|miss| NearSaid { what: miss.what.to_string(), why: miss.why.clone() }).collect()
}

/// How a flow stands, in a few words.
pub fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::NoBorder => "no border".into(),
        Outcome::Adequate(by) => format!("adequate by {by}"),
        Outcome::Carried { by, also, .. } if also.is_empty() => format!("carried by {by} alone"),
        Outcome::Carried { by, also, .. } => {
            let also: Vec<&str> = also.iter().map(|a| &**a).collect();
            format!("carried by {by}, else {}", also.join(", "))
        }
        Outcome::SameEntity => "noted as the same entity".into(),
        Outcome::CollectedDirectly => "collected from the people themselves".into(),
        Outcome::Waived { exception, .. } => format!("waived(fail) by exception/{exception}"),
        Outcome::Uncovered { .. } => "NOT COVERED".into(),
    }
}

/// How data gets to its importer, in words; none where the workload processes it.
pub fn way(flow: &Flow) -> Option<String> {
    let way = || text::way(&flow.way, &flow.exporter, flow.importer.as_ref());
    (flow.way != Way::Processing).then(way)
}

/// Where data gets to, and how, in a few words.
pub fn to(flow: &Flow) -> String {
    let to = place(&flow.to);
    way(flow).map_or_else(|| to.clone(), |way| format!("{to}: {way}"))
}

/// A place, in a few words.
pub fn place(place: &Place) -> String {
    text::place(place)
}
