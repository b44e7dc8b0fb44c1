//! The Lease, and the clocks that it is kept by.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::{Facts, Found};
use crate::cli::facts::LEASE;

/// Beyond this, tokens and certificates begin to be refused.
const SKEW: SignedDuration = SignedDuration::from_secs(30);

pub fn check(facts: &Facts, found: &mut Found) {
    let namespace = &facts.namespace;
    let now = facts.server_now.as_ref().ok().copied().flatten().unwrap_or(facts.now);
    if facts.is_switched_on("--leader-elect")
        && let Some(lease) = found.known(&facts.lease)
    {
        let spec = lease.as_ref().and_then(|lease| lease.spec.as_ref());
        let holder = spec.and_then(|s| s.holder_identity.as_deref()).filter(|h| !h.is_empty());
        let renewed = spec.and_then(|s| s.renew_time.as_ref()).map(|t| t.0);
        let lasts =
            SignedDuration::from_secs(i64::from(spec.and_then(|s| s.lease_duration_seconds).unwrap_or(15)));
        match (holder, renewed) {
                (Some(holder), Some(renewed)) if now.duration_since(renewed) > lasts * 2 => found.broken(
                    "LeaseStale",
                    format!(
                        "Lease {namespace}/{LEASE} was last renewed by {holder} at {}: nobody runs the controllers, so statuses are old and nothing is deleted",
                        seconds(renewed)
                    ),
                    "see why no replica is ready; the Lease is taken over by itself",
                ),
                (Some(holder), Some(_)) => absent_holder(facts, holder, found),
                _ => found.broken(
                    "NoLeader",
                    format!("nobody holds Lease {namespace}/{LEASE}: nobody runs the controllers, so statuses are old and nothing is deleted"),
                    "see why no replica is ready",
                ),
            }
    }
    skew(facts, found);
}

fn absent_holder(facts: &Facts, holder: &str, found: &mut Found) {
    let Ok(pods) = &facts.pods else { return };
    if !pods.is_empty() && !pods.iter().any(|pod| pod.name_any() == holder) {
        found.warning(
            "LeaderUnknown",
            format!("Lease {}/{LEASE} is held by {holder}, which is no Pod of the operator", facts.namespace),
            "a second operator runs outside the Deployment: find it and end it",
        );
    }
}

fn skew(facts: &Facts, found: &mut Found) {
    let Some(server) = found.known(&facts.server_now).copied().flatten() else { return };
    let off = facts.now.duration_since(server).abs();
    if off > SKEW {
        found.warning(
            "ClockOfThisMachine",
            format!("this machine's clock and the API server's are {} s apart", off.as_secs()),
            "set this machine's clock; until then take what is said here about ends with care",
        );
    }
    for report in facts.reports() {
        let Ok(there) = report.now.parse::<Timestamp>() else { continue };
        let off = there.duration_since(server).abs();
        if off > SKEW {
            found.warning(
                "ClockOfReplica",
                format!("the clock of replica {} and the API server's are {} s apart: verdicts flip too early or too late", report.replica, off.as_secs()),
                "set the clock of its node (NTP)",
            );
        }
    }
}

fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
