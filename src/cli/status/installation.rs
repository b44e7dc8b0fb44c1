//! The head of the screen: the installation itself.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::{
    api::v1alpha1::RunPhase,
    cli::{
        certificates::bundle_ends,
        facts::{DEPLOYMENT, Facts, LEASE, LawChange},
        table::plain,
    },
    enforcement::{Deviation, compare, pem_of},
    platform::status::EnforcementState,
};

/// Nearer than this, an end of a certificate is a finding: rotation should have happened long ago.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Deviations on the screen; what is beyond is counted.
const SHOWN: usize = 3;

/// What is known of the installation.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Installation {
    namespace: String,
    versions: Vec<String>,
    law_packs: Vec<String>,
    modes: Vec<String>,
    /// Nothing where the Deployment cannot be seen.
    ready: Option<usize>,
    wanted: Option<usize>,
    enforcement: EnforcementState,
    deviations: Vec<Deviation>,
    /// One sentence.
    caches: String,
    leader: Option<Leader>,
    /// Whether the Lease could be seen.
    #[serde(skip)]
    lease_seen: bool,
    /// The earliest end of what replicas serve by.
    leaf_ends: Option<Timestamp>,
    /// The last end of the authorities that the API server believes.
    authority_ends: Option<Timestamp>,
    due: Due,
    /// Whether the policies, which say it, could be seen.
    #[serde(skip)]
    next_run_seen: bool,
    /// What is not well.
    #[serde(skip)]
    pub findings: Vec<String>,
    /// What could not be asked.
    #[serde(skip)]
    pub unknown: Vec<String>,
}

/// Who holds the Lease.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Leader {
    identity: String,
    renewed_seconds_ago: Option<i64>,
}

/// What waits.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Due {
    /// Nothing where the runs cannot be seen.
    awaiting_approval: Option<usize>,
    in_progress: Option<usize>,
    next_run: Option<Timestamp>,
}

impl Installation {
    /// From what was asked.
    pub fn of(facts: &Facts) -> Self {
        let mut all = Self { namespace: facts.namespace.clone(), ..Self::default() };
        all.replicas(facts);
        all.enforcement(facts);
        all.leader(facts);
        all.certificates(facts);
        all.due(facts);
        all
    }

    fn note<T>(&mut self, asked: &Result<T, String>) -> bool {
        if let Err(why) = asked {
            self.unknown.push(why.clone());
        }
        asked.is_ok()
    }

    fn replicas(&mut self, facts: &Facts) {
        let set = |of: fn(&crate::platform::status::OperatorStatus) -> &String| {
            facts.reports().map(of).cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        self.versions = set(|r| &r.version);
        self.law_packs = set(|r| &r.law_pack);
        self.modes = set(|r| &r.mode);
        self.law(facts);
        if self.note(&facts.deployment) {
            if let Some(deployment) = facts.deployment.as_ref().ok().and_then(Option::as_ref) {
                let wanted = deployment.spec.replicas.unwrap_or(1);
                let ready = deployment.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or(0);
                let wanted = usize::try_from(wanted).unwrap_or(0);
                let ready = usize::try_from(ready).unwrap_or(0);
                if ready < wanted || wanted == 0 {
                    self.findings.push(format!("{ready} of {wanted} replicas are ready"));
                }
                (self.ready, self.wanted) = (Some(ready), Some(wanted));
            } else {
                self.findings
                    .push(format!("there is no Deployment {DEPLOYMENT} in namespace {}", self.namespace));
                (self.ready, self.wanted) = (Some(0), Some(0));
            }
        }
        let asked = facts.replicas.len();
        let answers = facts.reports().count();
        let loaded = facts.reports().filter(|r| r.caches.loaded && r.caches.stale.is_none()).count();
        let silent = facts.replicas.iter().find_map(|r| r.answer.as_ref().err());
        self.caches = match (asked, silent) {
            (0, _) => "not known: no replica runs".into(),
            (_, Some(why)) if answers == 0 => format!("not known: {why}"),
            (_, Some(why)) => format!("current in {loaded} of {asked} replicas; {why}"),
            (_, None) => format!("current in {loaded} of {asked} replicas"),
        };
        if let Some(why) = silent {
            self.unknown.push(why.clone());
        }
        for report in facts.reports().filter(|r| !r.caches.loaded || r.caches.stale.is_some()) {
            let what = report.caches.stale.as_ref().map_or_else(
                || "has not listed everything yet".into(),
                |stale| format!("has heard nothing of {} for {} s", stale.watch, stale.silent_seconds),
            );
            self.findings.push(format!("replica {} {what}", report.replica));
        }
    }

    /// Whether all is judged by one law pack, and was.
    fn law(&mut self, facts: &Facts) {
        if self.law_packs.len() > 1 {
            self.findings.push(format!("replicas judge by law packs {}", self.law_packs.join(" and ")));
        }
        if let Some(LawChange { now, before, stores }) = facts.law_change() {
            self.findings.push(format!(
                "the operator judges by law pack {now}; {} DataStores were last judged by {}",
                stores.len(),
                before.join(" and ")
            ));
        }
    }

    fn enforcement(&mut self, facts: &Facts) {
        let signed_by = facts.reports().find_map(|r| r.certificates.as_ref()?.signed_by.clone());
        match (&facts.installed, &facts.live) {
            (Ok(Some(expected)), Ok(live)) => {
                self.deviations = compare(expected, live, signed_by.as_deref());
                self.enforcement = if self.deviations.is_empty() {
                    EnforcementState::Intact
                } else {
                    EnforcementState::Changed
                };
            }
            // Who may not look leaves it to the replicas, and believes the one that says the worst.
            _ => {
                if let Some(worst) = facts.reports().map(|r| &r.enforcement).max_by_key(|e| badness(e.state))
                {
                    self.enforcement = worst.state;
                    self.deviations.clone_from(&worst.deviations);
                    let why = worst.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                    match worst.state {
                        EnforcementState::Intact | EnforcementState::Changed => {}
                        EnforcementState::NotWatched => self.unknown.push(
                            "whether enforcement is intact is not known: the operator runs without --enforcement".into(),
                        ),
                        EnforcementState::Loading => self.unknown.push(
                            "whether enforcement is intact is not known: a replica has not looked yet".into(),
                        ),
                        EnforcementState::Unknown => self
                            .unknown
                            .push(format!("whether enforcement is intact is not known: a replica cannot see it{why}")),
                    }
                } else {
                    self.enforcement = EnforcementState::Unknown;
                    let both = [self.note(&facts.installed), self.note(&facts.live)];
                    if both == [true, true] {
                        self.unknown.push("what was installed is not written down: there is no ConfigMap carnet-enforcement".into());
                    }
                }
            }
        }
        if self.enforcement == EnforcementState::Changed {
            self.findings.push(format!("enforcement is not intact (deviations: {})", self.deviations.len()));
        }
    }

    fn leader(&mut self, facts: &Facts) {
        self.lease_seen = self.note(&facts.lease);
        if !self.lease_seen {
            return;
        }
        let now = facts.server_now.as_ref().ok().copied().flatten().unwrap_or(facts.now);
        let spec = facts.lease.as_ref().ok().and_then(Option::as_ref).and_then(|lease| lease.spec.as_ref());
        let identity = spec.and_then(|s| s.holder_identity.clone()).filter(|holder| !holder.is_empty());
        let ago =
            spec.and_then(|s| s.renew_time.as_ref()).map(|at| now.duration_since(at.0).as_secs().max(0));
        let lasts = i64::from(spec.and_then(|s| s.lease_duration_seconds).unwrap_or(15));
        if identity.is_some() && ago.is_none_or(|ago| ago > lasts * 2) {
            self.findings.push(format!("Lease {LEASE} is not renewed any more"));
        } else if identity.is_none() && self.wanted.is_some_and(|wanted| wanted > 0) {
            self.findings.push("no replica leads".into());
        }
        self.leader = identity.map(|identity| Leader { identity, renewed_seconds_ago: ago });
    }

    fn certificates(&mut self, facts: &Facts) {
        let leaves = facts.reports().filter_map(|r| r.certificates.as_ref()?.leaf_ends.as_ref());
        self.leaf_ends = leaves.filter_map(|ends| ends.parse::<Timestamp>().ok()).min();
        let webhooks = facts.configuration().and_then(|c| c.get("webhooks")?.as_array());
        let bundles = webhooks.into_iter().flatten().filter_map(|w: &Value| {
            let pem = pem_of(w.pointer("/clientConfig/caBundle")?)?;
            bundle_ends(&pem).into_iter().max()
        });
        self.authority_ends = bundles.min();
        for (what, end) in
            [("a replica's certificate", self.leaf_ends), ("the authority", self.authority_ends)]
        {
            if let Some(end) = end.filter(|end| end.duration_since(facts.now) < SOON) {
                self.findings.push(format!("{what} ends at {end}"));
            }
        }
    }

    fn due(&mut self, facts: &Facts) {
        if let Ok(runs) = &facts.runs {
            let phases = runs.iter().map(|r| r.status.as_ref().map_or(RunPhase::default(), |s| s.phase));
            let (awaiting, others): (Vec<_>, Vec<_>) = phases.partition(|p| *p == RunPhase::AwaitingApproval);
            self.due.awaiting_approval = Some(awaiting.len());
            self.due.in_progress = Some(others.into_iter().filter(|p| super::in_progress(*p)).count());
        }
        self.next_run_seen = facts.policies.is_ok();
        let next = facts.policies.iter().flatten().filter_map(|p| p.status.as_ref()?.next_run.as_ref());
        self.due.next_run = next.filter_map(|at| at.parse().ok()).min();
    }

    /// For people.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let one =
            |all: &[String]| if all.is_empty() { "not known".into() } else { plain(&all.join(" and ")) };
        writeln!(
            out,
            "Carnet {} in {}, law pack {}, transfers {}: {}",
            one(&self.versions),
            plain(&self.namespace),
            one(&self.law_packs),
            one(&self.modes),
            match (self.ready, self.wanted) {
                (Some(ready), Some(wanted)) => format!("{ready} of {wanted} replicas ready"),
                _ => "replicas not known".into(),
            }
        )?;
        writeln!(out, "  enforcement   {}", self.enforcement_text())?;
        for deviation in self.deviations.iter().take(SHOWN) {
            writeln!(out, "                {}", plain(&deviation.to_string()))?;
        }
        if self.deviations.len() > SHOWN {
            writeln!(
                out,
                "                and {} more: kubectl carnet doctor",
                self.deviations.len() - SHOWN
            )?;
        }
        writeln!(out, "  caches        {}", plain(&self.caches))?;
        let leader = match &self.leader {
            None if !self.lease_seen => "not known".into(),
            None => "nobody".into(),
            Some(Leader { identity, renewed_seconds_ago: None }) => plain(identity),
            Some(Leader { identity, renewed_seconds_ago: Some(ago) }) => {
                format!("{}, renewed {ago} s ago", plain(identity))
            }
        };
        writeln!(out, "  leader        {leader}")?;
        let until = |end: Option<Timestamp>| end.map_or("not known".into(), |end| format!("until {end}"));
        writeln!(
            out,
            "  certificates  served {}; believed {}",
            until(self.leaf_ends),
            until(self.authority_ends)
        )?;
        let Due { awaiting_approval, in_progress, next_run } = &self.due;
        let next = match next_run {
            Some(at) => format!("next planned at {at}"),
            None if self.next_run_seen => "none planned".into(),
            None => "next not known".into(),
        };
        let runs = match (awaiting_approval, in_progress) {
            (Some(awaiting), Some(working)) => {
                format!("{awaiting} waiting for approval, {working} in progress")
            }
            _ => "not known".into(),
        };
        writeln!(out, "  runs          {runs}, {next}")
    }

    fn enforcement_text(&self) -> String {
        match self.enforcement {
            EnforcementState::Intact => "intact".into(),
            EnforcementState::Changed => format!("NOT intact (deviations: {})", self.deviations.len()),
            EnforcementState::NotWatched => "not known: the operator runs without --enforcement".into(),
            EnforcementState::Loading => "not known yet".into(),
            EnforcementState::Unknown => "not known".into(),
        }
    }
}

/// What a replica says of enforcement, the worst highest.
fn badness(state: EnforcementState) -> u8 {
    match state {
        EnforcementState::Intact => 0,
        EnforcementState::NotWatched => 1,
        EnforcementState::Loading => 2,
        EnforcementState::Unknown => 3,
        EnforcementState::Changed => 4,
    }
}
