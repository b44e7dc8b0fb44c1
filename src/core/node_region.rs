//! Whether a node's region can be believed.

use std::collections::BTreeMap;

/// The region label's name before Kubernetes 1.17.
pub const FORMER_REGION_LABEL: &str = "failure-domain.beta.kubernetes.io/region";

/// Whether a node, whose region label says `region`, says another thing too. Its kubelet may set the usual region label on itself; the zone in its provider's id is
/// written by the provider's integration, once.
pub fn is_contradicted(region: &str, labels: &BTreeMap<String, String>, provider_id: &str) -> bool {
    let former = labels.get(FORMER_REGION_LABEL).filter(|r| !r.is_empty());
    former.is_some_and(|former| former != region)
        || zone(provider_id).is_some_and(|zone| !is_zone_of(zone, region))
}

/// The zone of a node as its provider's id has it: `aws:///ZONE/INSTANCE`, `gce://PROJECT/ZONE/INSTANCE`. Others have none.
fn zone(provider_id: &str) -> Option<&str> {
    let (provider, rest) = provider_id.split_once("://")?;
    let mut parts = rest.split('/');
    let zone = match provider {
        "aws" | "gce" => parts.nth(1)?,
        _ => return None,
    };
    // What follows is the instance; without one it is no id of this form.
    parts.next().filter(|instance| !instance.is_empty() && !zone.is_empty()).map(|_| zone)
}

/// Zones are called after their region, with something that is no digit behind: `eu-west-1a`, `europe-west1-b`.
fn is_zone_of(zone: &str, region: &str) -> bool {
    zone.strip_prefix(region).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}
