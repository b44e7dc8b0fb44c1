//! Every label, annotation and well-known name that Carnet reads or writes, in one place.

/// API group of all our kinds.
pub const GROUP: &str = "carnet.dev";
/// Annotation on a Pod (template): the stores it says it uses, `"identity/accounts=read, identity/uploads=write"`.
pub const USES: &str = "carnet.dev/uses";
/// Annotation on a Pod that was given required node affinity, with [`WHY_STEERED`] as its value.
pub const STEERED: &str = "carnet.dev/steered";
/// Value of [`STEERED`]. Constant, so that to be asked about a Pod again changes nothing.
pub const WHY_STEERED: &str =
    "kept in lawful regions by required node affinity: elsewhere nothing covers the data that it uses";
/// Label on a Namespace: `Audit`, `Warn` or `Enforce`; the strictest of cluster, store's and workload's namespace counts.
pub const TRANSFERS: &str = "carnet.dev/transfers";
/// Label on Jobs and Pods that the operator made: the DeletionRun they belong to.
pub const RUN: &str = "carnet.dev/run";
/// Label on Jobs and Pods that the operator made: `plan` or `erase`.
pub const STEP: &str = "carnet.dev/step";
/// Annotation on Jobs that the operator made: uid of the DeletionRun.
pub const RUN_UID: &str = "carnet.dev/run-uid";
/// Label that says who manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`] on what the operator makes.
pub const MANAGER: &str = "carnet-operator";
/// Label that the Job controller gives to a Job's Pods: the Job.
pub const JOB_NAME: &str = "batch.kubernetes.io/job-name";
/// ServiceAccount of the deletion Jobs in an opted-in namespace.
pub const ERASER_SERVICE_ACCOUNT: &str = "carnet-eraser";
/// Annotation that acknowledges an edit that would otherwise be refused.
pub const ACKNOWLEDGE: &str = "carnet.dev/acknowledge";
/// On a Job that a CronJob made, also when it has lost its owner: Kubernetes' own annotation.
pub const MADE_BY_CRON_JOB: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
