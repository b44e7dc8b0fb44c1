//! What the operator watches.

/// The plurals of what can be watched; `configmaps`, which are watched on demand alone (`--read-configmaps`), come last.
pub const WATCHES: [&str; 10] = [
    "parties",
    "datastores",
    "transfersafeguards",
    "transferexceptions",
    "retentionpolicies",
    "legalholds",
    "namespaces",
    "nodes",
    "pods",
    "configmaps",
];
