//! What replicas say of themselves.

use std::collections::BTreeSet;

use super::{Facts, Found, some};
use crate::cli::facts::LawChange;

pub fn check(facts: &Facts, found: &mut Found) {
    let namespace = &facts.namespace;
    for replica in &facts.replicas {
        let Err(why) = &replica.answer else { continue };
        if replica.forbidden {
            found.unknown.push(why.clone());
        } else {
            found.warning(
                "ReplicaSilent",
                format!("Pod {namespace}/{} does not answer for its status: {why}", replica.pod),
                format!("read `kubectl -n {namespace} logs {}`; where that is well, a NetworkPolicy, a firewall or a mesh keeps the API server from port 8080 of the Pod: open it to networkPolicy.apiServer.cidrs", replica.pod),
            );
        }
    }
    for report in facts.reports() {
        if let Some(stale) = &report.caches.stale {
            found.broken(
                "WatchSilent",
                format!("replica {} has heard nothing of {} for {} s, and judges nothing", report.replica, stale.watch, stale.silent_seconds),
                format!("see that the API server is reachable from its node, and that ClusterRole carnet-operator may watch {}", stale.watch),
            );
        } else if !report.caches.loaded {
            found.warning(
                "CachesLoading",
                format!("replica {} has not listed everything yet", report.replica),
                format!("wait; where it stays so, read `kubectl -n {namespace} logs {}`: a right or a kind is missing", report.replica),
            );
        }
    }
    skew(facts, found);
    law_change(facts, found);
}

/// Most of the time for seconds: the leader judges everything anew as it starts.
fn law_change(facts: &Facts, found: &mut Found) {
    let Some(LawChange { now, before, stores }) = facts.law_change() else { return };
    found.warning(
        "LawPackChanged",
        format!(
            "the operator judges by law pack {now}; DataStore {} was last judged by {}",
            some(&stores),
            before.join(" and ")
        ),
        format!(
            "wait until the leader has judged anew, then read the Events LawPackChanged; where it stays so, nobody leads or a status cannot be written: \
             `kubectl -n {} logs -l app.kubernetes.io/name=carnet-operator`",
            facts.namespace
        ),
    );
}

fn skew(facts: &Facts, found: &mut Found) {
    let ours = env!("CARGO_PKG_VERSION");
    let versions: BTreeSet<&str> = facts.reports().map(|r| r.version.as_str()).collect();
    let laws: BTreeSet<&str> = facts.reports().map(|r| r.law_pack.as_str()).collect();
    let joined = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(" and ");
    if versions.len() > 1 {
        found.warning(
            "ReplicasOfSeveralVersions",
            format!("replicas are of versions {}", joined(&versions)),
            format!(
                "wait for the rollout: `kubectl -n {} rollout status deployment/carnet-operator`",
                facts.namespace
            ),
        );
    } else if let Some(theirs) = versions.first().filter(|v| **v != ours) {
        found.warning(
            "VersionSkew",
            format!("this kubectl-carnet is {ours}, the operator is {theirs}: `check` and `explain` may judge otherwise"),
            "use the kubectl-carnet of the operator's version",
        );
    }
    if laws.len() > 1 {
        found.warning(
            "ReplicasOfSeveralLaws",
            format!("replicas judge by law packs {}", joined(&laws)),
            format!(
                "wait for the rollout: `kubectl -n {} rollout status deployment/carnet-operator`",
                facts.namespace
            ),
        );
    } else if let (Some(theirs), Ok(built_in)) = (laws.first(), crate::parse::law::built_in())
        && *theirs != built_in.version
    {
        found.notice(
            "LawPackSkew",
            format!("the operator judges by law pack {theirs}, this kubectl-carnet by {}", built_in.version),
            "give `explain` the operator's with --law-pack, or use the kubectl-carnet of its version",
        );
    }
}
