//! The rule that every arm enforces: a Pod that refers to a claimed Secret must be pinned to an allowed region, by its node
//! selector or by each of its required terms.

/// Namespace whose Secrets are claimed.
pub const CLAIMED: &str = "analytics";
/// Namespace without a claim.
pub const UNCLAIMED: &str = "shop";
/// How many Secrets are claimed: one by each store.
pub const CLAIMS: usize = 200;
/// Regions where the data may be; nodes are there.
pub const ALLOWED: [&str; 2] = ["eu-west-1", "eu-central-1"];
/// A region where it may not be; a node is there.
pub const ABROAD: &str = "us-east-1";
/// The label that pins.
pub const REGION: &str = "topology.kubernetes.io/region";

/// The name of a claimed Secret.
pub fn secret(number: usize) -> String {
    format!("secret-{number}")
}

/// Every claim as `namespace/name`.
pub fn claims() -> Vec<String> {
    (0..CLAIMS).map(|n| format!("{CLAIMED}/{}", secret(n))).collect()
}
