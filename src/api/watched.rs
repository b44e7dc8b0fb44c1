//! What the operator watches.

/// The plurals of what can be watched; `configmaps`, which are watched on demand alone (`--read-configmaps`), come last.
pub const WATCHES: [&str; 11] = [
    "parties",
    "datastores",
    "transfersafeguards",
    "transferexceptions",
    "retentionpolicies",
    "legalholds",
    "namespaces",
    "nodes",
    "persistentvolumes",
    "pods",
    "configmaps",
];
