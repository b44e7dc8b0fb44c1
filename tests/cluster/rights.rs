//! The operator's rights, asked of the API server itself.

use std::sync::Arc;

use anyhow::{Result, ensure};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::{Api, api::PostParams};

use crate::{cases, world::World};

cases![the_operator_has_no_right_that_it_does_not_need];

/// Case D10 of tests/cases.
async fn the_operator_has_no_right_that_it_does_not_need(w: Arc<World>) -> Result<()> {
    let reviews: Api<SubjectAccessReview> = Api::all(w.admin.clone());
    let may = |verb: &'static str, group: &'static str, resource: &'static str, namespace: &'static str| {
        let reviews = reviews.clone();
        async move {
            let review = SubjectAccessReview {
                spec: SubjectAccessReviewSpec {
                    user: Some("system:serviceaccount:carnet-system:carnet-operator".into()),
                    groups: Some(vec!["system:serviceaccounts".into(), "system:authenticated".into()]),
                    resource_attributes: Some(ResourceAttributes {
                        verb: Some(verb.into()),
                        group: Some(group.into()),
                        resource: Some(resource.into()),
                        namespace: (!namespace.is_empty()).then(|| namespace.into()),
                        ..Default::default()
                    }),
                    ..Default::default()
                },
                ..Default::default()
            };
            anyhow::Ok(
                reviews.create(&PostParams::default(), &review).await?.status.is_some_and(|s| s.allowed),
            )
        }
    };
    for (verb, group, resource, namespace) in [
        ("list", "", "secrets", ""),
        ("watch", "", "secrets", ""),
        ("get", "", "secrets", "identity"),
        ("list", "", "secrets", "carnet-system"),
        ("patch", "", "secrets", "carnet-system"),
        ("get", "coordination.k8s.io", "leases", "carnet-system"),
        ("patch", "coordination.k8s.io", "leases", "carnet-system"),
        ("create", "batch", "jobs", "billing"),
        ("create", "batch", "jobs", ""),
        ("create", "", "pods", "identity"),
        ("create", "", "pods/exec", "identity"),
        ("impersonate", "", "users", ""),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles", ""),
        ("bind", "rbac.authorization.k8s.io", "clusterroles", ""),
        ("create", "carnet.dev", "deletionapprovals", "identity"),
        ("update", "carnet.dev", "legalholds", ""),
        ("patch", "carnet.dev", "transfersafeguards", ""),
        ("delete", "carnet.dev", "datastores", "identity"),
    ] {
        ensure!(
            !may(verb, group, resource, namespace).await?,
            "it may {verb} {group}/{resource} in `{namespace}`"
        );
    }
    for (verb, group, resource, namespace) in [
        ("create", "batch", "jobs", "identity"),
        ("create", "carnet.dev", "deletionruns", "identity"),
        ("watch", "carnet.dev", "legalholds", ""),
        ("create", "carnet.dev", "transferbackstops", "billing"),
        ("patch", "carnet.dev", "datastores/status", "identity"),
    ] {
        ensure!(
            may(verb, group, resource, namespace).await?,
            "it may not {verb} {group}/{resource} in `{namespace}`"
        );
    }
    Ok(())
}
