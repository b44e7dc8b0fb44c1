//! Names of runs: the same decision has the same name, so that it is made once.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::StorePlan;

/// Room for a suffix such as `-erase` in a name of 63 characters.
const LONGEST: usize = 63 - 6;
const HASH: usize = 8;

/// `<policy>-<store>-<8 hex>`: made from uids, state and the bucket of time in which the run was decided.
pub fn run_name(plan: &StorePlan, bucket: Timestamp) -> String {
    let mut hash = Sha256::new();
    for part in [&plan.policy_uid, &plan.store_uid, &plan.state_hash, &bucket.to_string()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let hash = super::state::hex(&hash.finalize())[..HASH].to_owned();
    let room = LONGEST - HASH - 1;
    let mut name = format!("{}-{}", plan.policy.name, plan.store.name).replace('.', "-");
    name.truncate(room);
    format!("{}-{hash}", name.trim_end_matches('-'))
}
