//! Endpoints of a Service that no selector made: an address behind another name.

use super::ids::ObjectKey;

/// Addresses that somebody wrote behind a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoints {
    /// The Service.
    pub service: ObjectKey,
    /// Hosts, normalised, each with every port where it has any.
    pub hosts: Vec<(String, Option<u16>)>,
}
