//! TransferException.

use jiff::SignedDuration;
use kube::ResourceExt;

use super::{Errors, selector};
use crate::{
    api::v1alpha1 as api,
    core::{exception::Exception, ids::ObjectKey, selector::Selector, settings::Settings},
};

/// Reads a TransferException. One that would outlast the cluster's maximum ends there.
pub fn exception(object: &api::TransferException, settings: &Settings) -> Result<Exception, Errors> {
    let mut errors = Errors::default();
    let spec = &object.spec;
    for (path, text) in [("spec.reason", &spec.reason), ("spec.ticket", &spec.ticket)] {
        if text.trim().is_empty() {
            errors.add(path, "is empty", "say it; it is what an auditor reads");
        }
    }
    if spec.workloads.namespace.is_empty() {
        errors.add("spec.workloads.namespace", "is empty", "name the namespace of the workloads");
    }
    if spec.stores.is_empty() {
        errors.add("spec.stores", "is empty", "name the stores that may be used");
    }
    let pods = match &spec.workloads.pod_selector {
        None => Some(Selector::default()),
        Some(s) => errors.take(selector(s).map_err(|e| e.under("spec.workloads.podSelector"))),
    };
    let longest = SignedDuration::from_hours(24 * i64::from(settings.max_exception_days));
    // Not stored yet: the maximum runs from the moment at which it will be.
    let latest = object.metadata.creation_timestamp.as_ref().and_then(|t| t.0.checked_add(longest).ok());
    let until = latest.map_or(spec.expires_at.0, |latest| latest.min(spec.expires_at.0));
    let exception = pods.map(|pods| Exception {
        name: object.name_any().into(),
        ticket: spec.ticket.clone(),
        namespace: spec.workloads.namespace.clone(),
        pods,
        stores: spec.stores.iter().map(|s| ObjectKey::new(s.namespace.as_str(), s.name.as_str())).collect(),
        until,
    });
    errors.finish(exception)
}
