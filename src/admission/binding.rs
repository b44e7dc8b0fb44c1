//! `pods/binding` and the legacy `bindings`: the last word on where a Pod runs.

use jiff::Timestamp;
use serde::Deserialize;

use super::{NotReady, ReviewState, envelope::Answer, transfers::Case, workload::Meta};
use crate::{
    core::ids::ObjectKey,
    detect::{Detection, uses},
    placement::{Candidates, node_place},
};

#[derive(Deserialize)]
struct Binding {
    #[serde(default)]
    metadata: Option<Meta>,
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    #[serde(default)]
    name: String,
}

/// Judges a binding. A Pod that is not known cannot be judged: refused, and the scheduler tries again. Schedulers name
/// the Pod's uid, and a known Pod of another uid is not the one that is bound; where no uid is named, the API server
/// binds whichever Pod bears the name, and so do we take it.
pub(super) fn judge(
    state: &ReviewState<'_>,
    namespace: &str,
    name: &str,
    raw: &str,
    dry_run: bool,
    now: Timestamp,
) -> Answer {
    let binding: Binding = match serde_json::from_str(raw) {
        Ok(binding) => binding,
        Err(error) => return Answer::bad_request(format!("failed to read the Binding: {error}")),
    };
    let Meta { name: in_object, uid, .. } = binding.metadata.unwrap_or_default();
    let in_object = in_object.unwrap_or_default();
    let is_meant = |known: &str| uid.as_deref().is_none_or(|uid| uid.is_empty() || uid == known);
    // The API server lets both through only when they agree.
    let name = if name.is_empty() { in_object.as_str() } else { name };
    let known = state.pods.pod(&ObjectKey::new(namespace, name));
    let Some(facts) = known.filter(|facts| is_meant(&facts.uid)) else {
        let message =
            format!("Carnet does not know Pod {namespace}/{name} yet and cannot judge its node; try again");
        return Answer::unavailable(NotReady::PodUnknown, message);
    };
    let config_maps = state.config_maps.filter(|_| state.snapshot.settings.read_config_maps);
    let subject = facts.subject(config_maps);
    let Detection { uses, sends, .. } = uses(&state.snapshot, &subject);
    if uses.is_empty() {
        return Answer::allow("no-use");
    }
    let place = node_place(&state.snapshot, &binding.target.name);
    let case = Case {
        kind: "Pod",
        namespace,
        name,
        labels: &facts.labels,
        one_off: state.snapshot.is_one_off(namespace, &facts.owner.made_by()),
        uses: &uses,
        sends: &sends,
        candidates: Candidates::Places(vec![place]),
        pods: None,
        dry_run,
    };
    let judged = case.judge(&state.snapshot, now);
    case.answer(&state.snapshot, &judged, true, now)
}
