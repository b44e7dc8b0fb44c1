//! `carnet.dev/v1alpha1`: one file for each kind.

mod common;
mod data_store;
mod deletion_approval;
mod deletion_run;
mod framework_snapshot;
mod legal_hold;
mod party;
mod retention_policy;
mod transfer_backstop;
mod transfer_exception;
mod transfer_instruments;
mod transfer_safeguard;

pub use common::*;
pub use data_store::*;
pub use deletion_approval::*;
pub use deletion_run::*;
pub use framework_snapshot::*;
pub use legal_hold::*;
pub use party::*;
pub use retention_policy::*;
pub use transfer_backstop::*;
pub use transfer_exception::*;
pub use transfer_instruments::*;
pub use transfer_safeguard::*;

/// All our CustomResourceDefinitions, in the order in which they are installed.
#[must_use]
pub fn crds()
-> Vec<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> {
    use kube::CustomResourceExt;
    vec![
        Party::crd(),
        DataStore::crd(),
        TransferSafeguard::crd(),
        TransferException::crd(),
        DataPrivacyFrameworkSnapshot::crd(),
        RetentionPolicy::crd(),
        LegalHold::crd(),
        DeletionRun::crd(),
        DeletionApproval::crd(),
        TransferBackstop::crd(),
    ]
    .into_iter()
    .map(super::schema::finish)
    .collect()
}
