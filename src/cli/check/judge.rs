//! Asks the webhook's own code about each object, as if it were created now.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    finding::{Code, Finding, Severity},
    object::Object,
};
use crate::{
    admission::{PodLookup, ReviewState, Reviewed, review},
    core::{
        ids::ObjectKey,
        snapshot::Snapshot,
        transfer::{Request, Workload, decide_copy, text},
    },
    detect::ConfigMapData,
    index::{PodFacts, Sight},
};

/// Who asks, for rules that look at that: nobody whom a rule names.
const NOBODY: &str = "kubectl-carnet-check";

/// No Pod runs where manifests are read.
struct NoPods;

impl PodLookup for NoPods {
    fn pod(&self, _: &ObjectKey) -> Option<Arc<PodFacts>> {
        None
    }
}

/// What is asked, and of what.
pub struct Judge<'a> {
    /// Everything that is declared.
    pub snapshot: Arc<Snapshot>,
    /// Texts of ConfigMaps.
    pub config_maps: &'a BTreeMap<ObjectKey, ConfigMapData>,
    /// The instant.
    pub at: Timestamp,
}

/// The response, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    allowed: bool,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    audit_annotations: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Details,
}

#[derive(Default, Deserialize)]
struct Details {
    #[serde(default)]
    causes: Vec<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    field: String,
    message: String,
}

impl Judge<'_> {
    /// What the webhook says to the creation of an object.
    pub fn object(&self, object: &Object, resource: &str) -> Vec<Finding> {
        let Object { group, version, kind, value, .. } = object;
        let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "check",
            "kind": {"group": group, "version": version, "kind": kind},
            "resource": {"group": group, "version": version, "resource": resource},
            "name": object.name(), "namespace": object.namespace(), "operation": "CREATE",
            "userInfo": {"username": NOBODY}, "object": value, "dryRun": false}});
        let maps = |key: &ObjectKey| self.config_maps.get(key).cloned();
        let state = ReviewState {
            snapshot: self.snapshot.clone(),
            sight: Sight::Clear,
            pods: &NoPods,
            config_maps: Some(&maps),
        };
        let reviewed = review(&state, body.to_string().as_bytes(), self.at);
        let read = reviewed.map_err(|error| error.to_string()).and_then(|Reviewed { body, decision }| {
            #[derive(Deserialize)]
            struct Review {
                response: Response,
            }
            let review: Review = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
            Ok((review.response, decision))
        });
        match read {
            Ok((response, decision)) => findings(object, response, decision.verdict),
            Err(why) => {
                vec![found(object, Severity::Invalid, Code::Invalid, format!("was not judged: {why}"))]
            }
        }
    }

    /// A declared object that means nothing, though the API server lets it be written.
    pub fn unread(&self, object: &Object) -> Option<Finding> {
        let id = (object.kind.clone(), object.namespace().to_owned(), object.name().to_owned());
        let why = self.snapshot.invalid.get(&id)?;
        Some(found(object, Severity::Invalid, Code::Invalid, why.clone()))
    }

    /// Copies of a store that nothing covers; and where the copies of a store stand, no webhook is asked.
    pub fn copies(&self, object: &Object) -> Vec<Finding> {
        let key = ObjectKey::new(object.namespace(), object.name());
        let Some(store) = self.snapshot.stores.get(&key) else { return vec![] };
        let mut all = vec![];
        for (n, copy) in store.copies.iter().enumerate() {
            let verdict = decide_copy(&self.snapshot, &key, &copy.name, self.at);
            if verdict.is_violation() {
                let workload = Workload {
                    kind: "copy",
                    namespace: &key.namespace,
                    name: &copy.name,
                    labels: &BTreeMap::new(),
                    one_off: false,
                };
                let places = [copy.place.clone()];
                let request = Request { workload, uses: &[], sends: &[], places: &places, now: self.at };
                let message =
                    format!("nothing covers copy {}\n{}", copy.name, text::message(&request, &verdict));
                all.push(Finding {
                    spot: object.at(&format!("spec.copies[{n}]")),
                    ..found(object, Severity::Violation, Code::TransferNotCovered, message)
                });
            }
        }
        all
    }
}

/// What a response says, as findings.
fn findings(object: &Object, response: Response, verdict: &str) -> Vec<Finding> {
    let Response { allowed, status: Status { code, message, details }, warnings, audit_annotations } =
        response;
    let mut all = vec![];
    if !allowed {
        let (severity, word) = match (code, verdict) {
            (403, "erasure-secret") => (Severity::Violation, Code::ErasureSecret),
            (403, _) => (Severity::Violation, Code::TransferNotCovered),
            _ => (Severity::Invalid, Code::Invalid),
        };
        if details.causes.is_empty() {
            all.push(found(object, severity, word, message));
        }
        all.extend(details.causes.into_iter().map(|Cause { field, message }| Finding {
            spot: object.at(&field),
            ..found(object, severity, word, format!("{field}: {message}"))
        }));
    }
    if verdict == "waits-for-binding" {
        let message =
            "some of the nodes on which it may run are lawful, or none is known: its binding decides";
        all.push(found(object, Severity::Warning, Code::WaitsForBinding, message.into()));
    }
    all.extend(warnings.iter().map(|w| found(object, Severity::Warning, Code::Warning, w.clone())));
    if let (Some(uses), "exempt") = (audit_annotations.get("uses"), verdict) {
        let namespace = object.namespace();
        let message =
            format!("uses {uses}; namespace {namespace} is exempt, so that nothing is refused there");
        all.push(found(object, Severity::Gap, Code::Exempt, message));
    }
    if let Some(gaps) = audit_annotations.get("findings").filter(|gaps| !warnings.contains(gaps)) {
        all.push(found(object, Severity::Gap, Code::Gap, gaps.clone()));
    }
    if let Some(legs) = audit_annotations.get("single-legged") {
        let message = format!("stands on one safeguard alone: {legs}; a second one would carry it on");
        all.push(found(object, Severity::Note, Code::SingleLegged, message));
    }
    if let Some(stores) = audit_annotations.get("same-entity") {
        let message = format!(
            "the same entity receives data of {stores} in a third country: no transfer by --same-entity Report, and a \
             risk to be assessed"
        );
        all.push(found(object, Severity::Note, Code::SameEntity, message));
    }
    all
}

/// A finding about an object.
pub fn found(object: &Object, severity: Severity, code: Code, message: String) -> Finding {
    Finding { severity, code, spot: object.spot.clone(), object: object.title(), message }
}
