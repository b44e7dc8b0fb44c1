//! Our own kinds: what schema and CEL cannot see. What the index could not read is refused with each field's path.

use std::{fmt::Display, sync::Arc};

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::{
    ReviewState,
    envelope::{Answer, Cause, Refusal, Request},
    loosening::{self, Loosening},
};
use crate::{
    api::v1alpha1::{DataStore, DataStoreSpec, Party, RetentionPolicy, TransferException, TransferSafeguard},
    core::{
        contradiction::contradiction, ids::ObjectKey, retention::later, snapshot::Snapshot, store::Dataset,
    },
    parse::{self, Errors, FieldError, RegionCheck},
};

/// Answers a write of one of our kinds.
pub(super) fn validate(state: &ReviewState<'_>, request: &Request<'_>, raw: &str, now: Timestamp) -> Answer {
    let snapshot = &*state.snapshot;
    let judge = Judge { state, request, raw };
    match &*request.resource.resource {
        "parties" => judge.object(
            |o: &Party| &o.spec,
            |o, _| party(snapshot, o),
            |o, old| {
                let takes = loosening::of_party(&old.spec, &o.spec);
                let pods = if takes.is_empty() { 0 } else { loosening::of(state, &o.name_any()) };
                Loosening { takes, pods }
            },
        ),
        "datastores" => judge.object(
            |o: &DataStore| &o.spec,
            |o, old| store(snapshot, o, old),
            |o, old| {
                let takes = loosening::of_store(&old.spec, &o.spec);
                let pods = if takes.is_empty() { 0 } else { loosening::using(state, &key(o)) };
                Loosening { takes, pods }
            },
        ),
        "transfersafeguards" => judge.object(
            |o: &TransferSafeguard| &o.spec,
            |o, _| parse::safeguard(o, &snapshot.law).map(|_| vec![]),
            |o, _| {
                let pods = match parse::safeguard(o, &snapshot.law) {
                    Ok(safeguard) => loosening::uncovered_by(state, &Arc::new(safeguard), now),
                    Err(_) => 0,
                };
                Loosening { takes: vec!["takes away what covers data".into()], pods }
            },
        ),
        "transferexceptions" => judge.object(
            |o: &TransferException| &o.spec,
            |o, _| parse::exception(o, &snapshot.settings).map(|_| vec![]),
            |_, _| Loosening::NONE,
        ),
        "retentionpolicies" => {
            judge.object(|o: &RetentionPolicy| &o.spec, |o, _| policy(o, now), |_, _| Loosening::NONE)
        }
        // Holds, runs and approvals are kept by schema and policies: no webhook may stand in the way of a hold.
        _ => Answer::allow("not-judged"),
    }
}

struct Judge<'a> {
    state: &'a ReviewState<'a>,
    request: &'a Request<'a>,
    raw: &'a str,
}

impl Judge<'_> {
    fn object<T, S>(
        &self,
        spec: impl Fn(&T) -> &S,
        check: impl FnOnce(&T, Option<&T>) -> Result<Vec<String>, Errors>,
        loosens: impl FnOnce(&T, &T) -> Loosening,
    ) -> Answer
    where
        T: Resource<DynamicType = ()> + DeserializeOwned,
        S: PartialEq,
    {
        let kind = &self.request.kind.kind;
        let object: T = match serde_json::from_str(self.raw) {
            Ok(object) => object,
            Err(error) => return invalid(kind, &Errors(vec![unreadable(&error)])),
        };
        let old = self.request.old_object.filter(|_| &*self.request.operation == "UPDATE");
        let old: Option<T> = old.and_then(|raw| serde_json::from_str(raw.get()).ok());
        // Labels, finalizers and deletion never wait for a spec to be mended.
        let is_leaving = object.meta().deletion_timestamp.is_some();
        if old.as_ref().is_some_and(|old| is_leaving || spec(old) == spec(&object)) {
            return Answer::allow("unchanged");
        }
        if let Some(unsighted) = Answer::unsighted(&self.state.sight) {
            return unsighted;
        }
        match check(&object, old.as_ref()) {
            Ok(warnings) => {
                let refused = old.as_ref().and_then(|old| {
                    loosens(&object, old).refusal(kind, &key(&object), old.meta(), object.meta())
                });
                if let Some(refused) = refused {
                    return refused;
                }
                let mut answer = Answer::allow("valid");
                for warning in &warnings {
                    answer.warn(warning);
                }
                answer
            }
            Err(errors) => invalid(kind, &errors),
        }
    }
}

fn key<T: Resource>(object: &T) -> ObjectKey {
    let meta = object.meta();
    ObjectKey::new(meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn unreadable(error: &impl Display) -> FieldError {
    FieldError::new("spec", format!("cannot be read: {error}"), "compare it with `kubectl explain`")
}

fn invalid(kind: &str, errors: &Errors) -> Answer {
    let cause = |e: &FieldError| Cause {
        reason: "FieldValueInvalid",
        message: format!("{}; {}", e.problem, e.fix),
        field: e.path.clone(),
    };
    Answer::refuse(
        "invalid",
        Refusal {
            code: 422,
            reason: "Invalid",
            message: format!("this {kind} is not accepted:\n{errors}"),
            causes: errors.0.iter().map(cause).collect(),
        },
    )
}

/// A namespace belongs to one party: whose safeguards a workload stands on must not depend on an order.
fn party(snapshot: &Snapshot, object: &Party) -> Result<Vec<String>, Errors> {
    let party = parse::party(object, &snapshot.law)?;
    let mut errors = Errors::default();
    for other in snapshot.parties.values().filter(|p| p.name != party.name) {
        for namespace in party.namespaces.iter().filter(|n| other.namespaces.contains(n)) {
            errors.add(
                "spec.runs.namespaces",
                format!("{namespace} is already run by Party {}", other.name),
                "name it in one Party alone",
            );
        }
    }
    let edges = party.onward.iter().map(|edge| (&edge.to, edge.contract.lacks()));
    let warnings = edges.flat_map(|(to, lacks)| {
        let unknown = (!snapshot.parties.contains_key(to))
            .then(|| format!("there is no Party {to} yet; until there is, nothing may be handed on to it"));
        let lacks = (!lacks.is_empty())
            .then(|| format!("onwardTo {to} lacks {}: nothing may pass on the way to it", lacks.join(", ")));
        [unknown, lacks].into_iter().flatten()
    });
    errors.finish(Some(warnings.collect()))
}

/// A region or regime that the law pack does not know is refused when it is set; a store that has it already may be edited.
fn store(snapshot: &Snapshot, object: &DataStore, old: Option<&DataStore>) -> Result<Vec<String>, Errors> {
    let places = |spec: &DataStoreSpec| {
        let copies = spec.copies.iter().map(|c| c.location.clone());
        copies.chain([spec.location.clone()]).collect::<Vec<_>>()
    };
    let known = old.map(|o| places(&o.spec)).unwrap_or_default();
    let same_origins = old.is_some_and(|o| o.spec.origins == object.spec.origins);
    let is_old = same_origins && places(&object.spec).iter().all(|p| known.contains(p));
    let check = if is_old { RegionCheck::Lenient } else { RegionCheck::Strict };
    let store = parse::store(object, &snapshot.law, check)?;
    let endpoint = |of: &DataStore| of.spec.engine.object_store.as_ref().and_then(|o| o.endpoint.clone());
    let new = endpoint(object).filter(|new| old.and_then(endpoint).as_ref() != Some(new));
    if let Some(text) = new {
        parse::endpoint("spec.engine.objectStore.endpoint", &text).map_err(|error| Errors(vec![error]))?;
    }
    let mut warnings = Vec::new();
    warnings.extend(contradiction(&store, &snapshot.law, &snapshot.volumes));
    let parties = store.copies.iter().map(|c| &c.party).chain([&store.exporter]);
    for party in parties.filter(|p| !snapshot.parties.contains_key(*p)) {
        warnings
            .push(format!("there is no Party {party} yet; until there is, nothing that names it carries"));
    }
    warnings.extend(store.datasets.iter().filter_map(Dataset::doubtful_role));
    Ok(warnings)
}

/// A ground may keep longer than the maximum: keeping wins, and the promise to delete is broken; so it is said.
fn policy(object: &RetentionPolicy, now: Timestamp) -> Result<Vec<String>, Errors> {
    let policy = parse::policy(object)?;
    let mut warnings = Vec::new();
    for rule in &policy.rules {
        for (kind, keep) in &rule.grounds {
            if later(now, *keep) > later(now, rule.delete_after) {
                warnings.push(format!(
                    "rule {}: ground {kind} keeps longer than deleteAfter; the ground wins",
                    rule.name
                ));
            }
        }
    }
    Ok(warnings)
}
