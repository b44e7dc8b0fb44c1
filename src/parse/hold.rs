//! LegalHold.

use super::{Errors, category_pattern, day, selector};
use crate::{
    api::v1alpha1::{HoldReason, LegalHold},
    core::{hold::Hold, validity::start_of},
};

/// Reads a hold. Who gets an error uses [`Hold::unreadable`]: a hold that cannot be read holds everything.
pub fn hold(from: &LegalHold) -> Result<Hold, Errors> {
    let mut errors = Errors::default();
    let name = from.metadata.name.clone().unwrap_or_default();
    let mut hold = Hold::unreadable(name, from.metadata.uid.clone().unwrap_or_default());
    hold.is_readable = true;
    hold.is_pause = from.spec.reason == HoldReason::OperationalPause;
    hold.reference.clone_from(&from.spec.reference);
    errors.take(day("spec.placedOn", &from.spec.placed_on));
    if let Some(text) = &from.spec.review_by {
        errors.take(day("spec.reviewBy", text));
    }
    if let Some(release) = &from.spec.release {
        hold.released_from = errors.take(day("spec.release.on", &release.on)).map(start_of);
    }
    if let Some(scope) = &from.spec.scope {
        hold.namespaces = scope.namespaces.iter().cloned().collect();
        hold.stores = scope.stores.iter().cloned().collect();
        hold.datasets = scope.datasets.iter().cloned().collect();
        hold.store_selector = scope
            .store_selector
            .as_ref()
            .and_then(|s| errors.take(selector(s).map_err(|e| e.under("spec.scope.storeSelector"))));
        for (i, text) in scope.categories.iter().enumerate() {
            let path = format!("spec.scope.categories[{i}]");
            hold.categories.extend(errors.take(category_pattern(&path, text)));
        }
    }
    errors.finish(Some(hold))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn from(spec: &serde_json::Value) -> LegalHold {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "carnet.dev/v1alpha1", "kind": "LegalHold",
            "metadata": {"name": "m", "uid": "u"}, "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn a_release_stands_from_the_start_of_its_day() {
        let h = hold(&from(&serde_json::json!({
            "reason": "Litigation", "reference": "r", "placedOn": "2026-10-01",
            "release": {"on": "2027-05-01", "reason": "settled"},
        })))
        .unwrap();
        assert!(h.in_force("2027-04-30T23:59:59Z".parse().unwrap()));
        assert!(!h.in_force("2027-05-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_release_on_no_day_is_refused_so_that_the_hold_stands_on_everything() {
        let e = hold(&from(&serde_json::json!({
            "reason": "Audit", "reference": "r", "placedOn": "2026-10-01",
            "release": {"on": "2027-02-30", "reason": "settled"},
        })))
        .unwrap_err();
        assert!(e.to_string().contains("spec.release.on"));
        assert!(Hold::unreadable("m", "u").in_force("2099-01-01T00:00:00Z".parse().unwrap()));
    }
}
