//! Whether a node's region can be believed.

use std::collections::BTreeMap;

/// The usual region label.
pub const REGION_LABEL: &str = "topology.kubernetes.io/region";
/// The region label's name before Kubernetes 1.17.
pub const FORMER_REGION_LABEL: &str = "failure-domain.beta.kubernetes.io/region";

/// What a node's `spec.providerID` says of where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderId<'a> {
    /// The provider, under the name by which its regions are published; none where there is no id.
    pub provider: Option<String>,
    /// The zone, where ids of this provider have one: `aws:///ZONE/INSTANCE`, `gce://PROJECT/ZONE/INSTANCE`.
    zone: Option<&'a str>,
}

impl<'a> ProviderId<'a> {
    /// Reads an id.
    pub fn of(id: &'a str) -> Self {
        let Some((provider, rest)) = id.split_once("://") else { return Self::default() };
        let provider = match provider.to_ascii_lowercase() {
            // The cloud provider's integration is older than the name under which its regions are published.
            p if p == "gce" => "gcp".to_owned(),
            p => p,
        };
        let zone = if matches!(provider.as_str(), "aws" | "gcp") { zone(rest) } else { None };
        Self { provider: Some(provider), zone }
    }

    /// Whether a node of this id, whose region label says `region`, says another thing too. Its kubelet may set the usual
    /// region label on itself; the zone in the id is written by the provider's integration, once.
    pub fn contradicts(&self, region: &str, labels: &BTreeMap<String, String>) -> bool {
        let former = labels.get(FORMER_REGION_LABEL).filter(|r| !r.is_empty());
        former.is_some_and(|former| former != region)
            || self.zone.is_some_and(|zone| !is_zone_of(zone, region))
    }
}

/// The middle of three parts; without an instance behind it, it is no id of this form.
fn zone(rest: &str) -> Option<&str> {
    let mut parts = rest.split('/').skip(1);
    let (zone, instance) = (parts.next()?, parts.next()?);
    (!zone.is_empty() && !instance.is_empty()).then_some(zone)
}

/// Zones are called after their region, with something that is no digit behind: `eu-west-1a`, `europe-west1-b`.
fn is_zone_of(zone: &str, region: &str) -> bool {
    zone.strip_prefix(region).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}
