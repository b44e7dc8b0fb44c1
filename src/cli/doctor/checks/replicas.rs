//! What replicas say of themselves.

use std::collections::BTreeSet;

use super::{Facts, Found};

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
                format!("read `kubectl -n {namespace} logs {}`; where that is well, a NetworkPolicy or a firewall keeps the API server from port 8080 of the Pod: open it to networkPolicy.apiServer.cidrs", replica.pod),
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
