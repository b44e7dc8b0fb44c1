//! Who may use an erasure Secret: the runner's Pods alone.

use super::workload::Subject;
use crate::{api::labels, core::settings::Settings};

/// Creates the Pods of Jobs; the second name where the controller manager has one identity for all its controllers.
const MAKERS_OF_PODS: [&str; 2] =
    ["system:serviceaccount:kube-system:job-controller", "system:kube-controller-manager"];

/// Whether this is a Job that the operator makes, or a Pod of such a Job. Labels alone prove nothing: who asks decides.
pub(super) fn is_runner(settings: &Settings, kind: &str, subject: &Subject, username: &str) -> bool {
    let marked = subject.labels.contains_key(labels::RUN)
        && subject.spec.service_account_name.as_deref() == Some(labels::ERASER_SERVICE_ACCOUNT)
        && subject.spec.ephemeral_containers.is_none();
    let made_by = match kind {
        "Pod" => {
            let owned = subject.meta.owner_references.iter().flatten().any(|o| {
                o.controller == Some(true) && o.kind == "Job" && o.api_version.starts_with("batch/")
            });
            owned && MAKERS_OF_PODS.contains(&username)
        }
        "Job" => username
            .strip_prefix("system:serviceaccount:")
            .and_then(|rest| rest.split_once(':'))
            .is_some_and(|(namespace, _)| namespace == settings.own_namespace),
        _ => false,
    };
    marked && made_by
}
