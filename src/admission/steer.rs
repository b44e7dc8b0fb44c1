//! The mutating webhook, installed with `--mixed-placement Steer` alone: a Pod that may run both where it is lawful and
//! where it is not is kept to the former. Whatever else is to be said of it, the validating webhook says.

use jiff::Timestamp;
use serde_json::json;

use super::{
    BadReview, ReviewState, Reviewed,
    envelope::{Answer, Request},
    review::answered,
    transfers::Case,
    workload::{self, Meta, Subject},
};
use crate::{
    api::labels,
    core::settings::{Mixed, Mode},
    placement::{Add, candidates},
};

/// One word for a Pod that is left as it is.
const LEFT: &str = "not-steered";

/// Answers a review of the mutating webhook at `now`: nothing is refused but what cannot be read. Pure, like
/// [`super::review`].
pub fn steer(state: &ReviewState<'_>, body: &[u8], now: Timestamp) -> Result<Reviewed, BadReview> {
    answered(state, body, |request| decide(state, request, now))
}

fn decide(state: &ReviewState<'_>, request: &Request<'_>, now: Timestamp) -> Answer {
    let is_new_pod = (&*request.resource.group, &*request.resource.resource) == ("", "pods")
        && request.sub_resource.as_deref().unwrap_or_default().is_empty()
        && &*request.operation == "CREATE";
    let namespace = request.namespace.as_deref().unwrap_or_default();
    let settings = &state.snapshot.settings;
    if !is_new_pod || settings.mixed != Mixed::Steer || settings.is_exempt(namespace) {
        return Answer::allow(LEFT);
    }
    // A list would be read as the fields of an object in their order.
    let Some(raw) = request.object.filter(|raw| raw.get().starts_with('{')) else {
        return Answer::bad_request("failed to judge the request: it holds no object".into());
    };
    let subject = match workload::pod(raw.get()) {
        Ok(subject) => subject,
        Err(error) => return Answer::bad_request(format!("failed to read the Pod: {error}")),
    };
    if !comes_back(&subject.meta) {
        return Answer::allow(LEFT);
    }
    if let Some(unsighted) = Answer::unsighted(&state.sight) {
        return unsighted;
    }
    pod(state, namespace, &subject, now).unwrap_or_else(|| Answer::allow(LEFT))
}

/// Whether a controller made it that is free to choose a node. A person's own Pod is as it was written, or not at all; a
/// DaemonSet's has its node.
fn comes_back(meta: &Meta) -> bool {
    let owner = meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    owner.is_some_and(|owner| owner.kind != "DaemonSet")
}

/// The answer that changes the Pod; none = it stays as it is.
fn pod(state: &ReviewState<'_>, namespace: &str, subject: &Subject, now: Timestamp) -> Option<Answer> {
    let snapshot = &*state.snapshot;
    let detection = subject.detect(snapshot, namespace, state.config_maps);
    if detection.uses.is_empty() {
        return None;
    }
    let name = subject.name();
    let case = Case {
        kind: "Pod",
        namespace,
        name: &name,
        labels: &subject.labels,
        uses: &detection.uses,
        sends: &detection.sends,
        candidates: candidates(snapshot, &subject.spec),
        pods: None,
        one_off: subject.is_one_off(snapshot, "Pod", namespace),
        dry_run: false,
    };
    let judged = case.judge(snapshot, now);
    // Elsewhere it is not refused, so nothing is to be helped.
    if case.mode(snapshot, &judged) != Mode::Enforce {
        return None;
    }
    let steered = judged.steered(snapshot, &subject.spec)?;
    let regions: Vec<String> = steered.regions.into_iter().collect();
    let mut answer = Answer::allow("steered");
    answer.mode = Some(Mode::Enforce);
    answer.stores = detection.uses.iter().map(|used| used.store.to_string()).collect();
    answer.notes.insert("steered-to", regions.join(", "));
    answer.patch = steered.patch;
    answer.patch.push(annotation(subject));
    Some(answer)
}

/// Says on the Pod that it was changed, and why.
fn annotation(subject: &Subject) -> Add {
    if subject.annotations.is_empty() {
        return Add::new("/metadata/annotations", json!({ labels::STEERED: labels::WHY_STEERED }));
    }
    let key = labels::STEERED.replace('~', "~0").replace('/', "~1");
    Add::new(format!("/metadata/annotations/{key}"), json!(labels::WHY_STEERED))
}
