//! What the operator watches.

/// The plurals of what can be watched; last come those that are watched on demand alone.
pub const WATCHES: [&str; 15] = [
    "parties",
    "datastores",
    "transfersafeguards",
    "transferexceptions",
    "dataprivacyframeworksnapshots",
    "retentionpolicies",
    "legalholds",
    "namespaces",
    "nodes",
    "persistentvolumes",
    "persistentvolumeclaims",
    "endpointslices",
    "pods",
    CONFIG_MAPS,
    JOBS,
];

/// Watched with `--read-configmaps`.
pub const CONFIG_MAPS: &str = "configmaps";
/// Watched with `--derogations Jobs`.
pub const JOBS: &str = "jobs";
