//! Plans runs, and takes each through its steps.

mod approval_status;
mod count;
mod due;
mod job;
mod order;
mod place;
mod policy_status;
mod step;
mod vanished;
mod watches;
mod writes;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{Resource, core::ObjectMeta};

pub use job::Image;
pub use policy_status::{OfStore, OptIn, accepted as policy_status};

use self::{
    approval_status::OfRun,
    step::{Action, JobSeen, Seen, is_over, phase, step, stuck},
    watches::Watches,
    writes::{Created, WriteError, Writes},
};
use super::{Shared, StatusWriter, wake};
use crate::{
    api::v1alpha1::{
        DataStore, DeletionApproval, DeletionRun, RetentionPolicy, RetentionPolicyStatus, RunPhase, SeenHold,
    },
    core::{
        hold::{Hold, HoldScopeResolution, first_covering},
        ids::ObjectKey,
        policy::Policy,
        retention::{PlanInput, StorePlan, plan},
        snapshot::Snapshot,
        store::Store,
    },
    handover::Step,
    index::Entry,
    platform::{Events, metrics::RunResultLabel},
};

const NAME: &str = "retention";
/// What failed is tried again after this.
const RETRY: Duration = Duration::from_secs(2);
/// The cache shows what was written a moment later: no pass follows another faster.
const BREATH: Duration = Duration::from_millis(100);

/// What this controller alone needs.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// Namespaces in which deletion Jobs may be run.
    pub namespaces: BTreeSet<String>,
    /// The runner's image.
    pub image: Image,
}

/// Runs until shutdown.
pub async fn run(shared: Shared, erasure: Erasure) {
    let mut changes = shared.index.subscribe();
    let mut watches = Watches::start(&shared.client, &erasure.namespaces, &shared.shutdown);
    tokio::select! {
        () = watches.ready() => {}
        () = shared.shutdown.cancelled() => return,
    }
    let mut controller = Controller {
        writes: Writes::new(shared.client.clone()),
        events: Events::new(shared.client.clone(), NAME, &shared.identity),
        status: StatusWriter::new::<RetentionPolicy>(shared.client.clone(), NAME),
        approvals: StatusWriter::new::<DeletionApproval>(shared.client.clone(), NAME),
        erasure,
        shared: shared.clone(),
    };
    loop {
        changes.mark_unchanged();
        watches.mark_unchanged();
        let next = controller.pass(&watches).await;
        tokio::time::sleep(BREATH).await;
        tokio::select! {
            go_on = wake::wait(&mut changes, next, &shared.shutdown) => if !go_on { return },
            go_on = watches.changed() => if !go_on { return },
        }
    }
}

struct Controller {
    shared: Shared,
    erasure: Erasure,
    writes: Writes,
    events: Events,
    status: StatusWriter,
    approvals: StatusWriter,
}

/// Everything that one pass looks at.
struct Pass<'a> {
    snapshot: &'a Snapshot,
    plans: &'a [StorePlan],
    runs: &'a [Arc<DeletionRun>],
    approvals: &'a [DeletionApproval],
    policies: &'a [Entry<RetentionPolicy>],
    watches: &'a Watches,
    now: Timestamp,
}

impl Controller {
    /// Looks at everything once. Answers when to look again at the latest.
    async fn pass(&mut self, watches: &Watches) -> Option<Timestamp> {
        let snapshot = self.shared.index.snapshot();
        let now = Timestamp::now();
        let plans = plan(&PlanInput::of(&snapshot), now);
        let runs = watches.runs();
        let approvals = watches.approvals();
        let policies: Vec<_> = self.shared.index.state().policies.iter().map(|(_, e)| e.clone()).collect();
        let pass = Pass {
            snapshot: &snapshot,
            plans: &plans,
            runs: &runs,
            approvals: &approvals,
            policies: &policies,
            watches,
            now,
        };
        let mut next = vec![];
        self.shared.metrics.retention.runs.counts(count::by_phase(&runs));
        for plan in &plans {
            next.extend(self.plan(&pass, plan).await);
        }
        for run in runs.iter().filter(|r| !is_over(phase(r))) {
            match self.step(&pass, run).await {
                Ok(at) => next.extend(at),
                Err(error) => {
                    tracing::warn!(%error, "retention");
                    next.push(now + RETRY);
                }
            }
        }
        let told = [self.tell(&pass).await, self.tell_approvers(&pass).await];
        if told.contains(&false) {
            next.push(now + RETRY);
        }
        next.extend(approvals.iter().filter_map(|a| approval_status::changes_at(a, now)));
        self.prune(&pass).await;
        // A hold that is released lets things go by time alone.
        next.extend(snapshot.holds.values().filter_map(|h| h.released_from).filter(|t| *t > now));
        next.into_iter().min()
    }

    /// Creates the run of a plan when it is time. Answers when it is.
    async fn plan(&self, pass: &Pass<'_>, plan: &StorePlan) -> Option<Timestamp> {
        match pass.watches.opt_in(&plan.store.namespace) {
            OptIn::Yes => {}
            // A watch that lists wakes us.
            OptIn::No | OptIn::RightMissing => return None,
        }
        let policy = pass.snapshot.policies.get(&plan.policy)?;
        let runs = runs_of(pass.runs, plan);
        let at = due::next_plan(policy, plan, &runs, pass.now)?;
        if at > pass.now {
            return Some(at);
        }
        let run = order::order(plan, runs.last().copied(), pass.now);
        match self.writes.create_run(&run).await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%error, "retention");
                Some(pass.now + RETRY)
            }
        }
    }

    /// Takes the next step of a run.
    async fn step(&self, pass: &Pass<'_>, run: &Arc<DeletionRun>) -> Result<Option<Timestamp>, StepError> {
        let namespace = run.metadata.namespace.clone().unwrap_or_default();
        match pass.watches.opt_in(&namespace) {
            OptIn::Yes => {}
            // Where its Jobs cannot be seen, nothing is concluded from that. A watch that lists wakes us.
            OptIn::No | OptIn::RightMissing => return Ok(None),
        }
        let name = run.metadata.name.clone().unwrap_or_default();
        let uid = run.metadata.uid.clone().unwrap_or_default();
        let policy = policy_of(pass.snapshot, run);
        let store = store_of(pass.snapshot, run);
        let present = pass
            .plans
            .iter()
            .find(|p| p.policy_uid == run.spec.policy.uid && p.store_uid == run.spec.store.uid);
        let job_step = if phase(run) == RunPhase::Planning { Step::Plan } else { Step::Erase };
        let job_name = job::name(&name, job_step);
        let job = self.job_seen(pass, run, &namespace, &job_name).await?;
        let of_store: Vec<_> = beside(pass.runs, run).collect();
        let approved = policy_status::approved_state(&of_store);
        let vanished = vanished_of(pass, run);
        let holds = if phase(run) == RunPhase::Approved { self.writes.live_holds().await? } else { vec![] };
        let covering = store.and_then(|s| held(pass, run, s, &holds.iter().collect::<Vec<_>>()));
        if covering.is_some_and(|h| !pass.snapshot.holds.values().any(|known| known.uid == h.uid)) {
            // The cache is a moment behind, and the store that this hold names may be among what it does not show yet.
            return Ok(Some(pass.now + RETRY));
        }
        let widened = match store {
            Some(store) if phase(run) == RunPhase::Erasing => {
                let known = HoldScopeResolution::of_cluster(pass.snapshot);
                let holds = pass.snapshot.holds.values().map(AsRef::as_ref);
                held(
                    pass,
                    run,
                    store,
                    &holds.filter(|h: &&Hold| h.widened(&known).is_some()).collect::<Vec<_>>(),
                )
            }
            _ => None,
        };
        let seen = Seen {
            run,
            policy,
            store,
            present,
            approved_state: approved.as_deref(),
            job: &job,
            approvals: pass.approvals,
            vanished: &vanished,
            held: covering,
            widened,
            now: pass.now,
        };
        let action = step(&seen);
        match action {
            Action::Wait(at) => Ok(at),
            Action::CreateJob(of) => {
                // The store may be gone since: then the run ends, as soon as the cache shows it.
                let Some(store) = store else { return Ok(None) };
                let place = place::lawful(pass.snapshot, store, pass.now);
                let job = match job::job(run, of, store, &place, &self.erasure.image) {
                    Ok(job) => job,
                    Err(error @ (job::JobError::Engine(_) | job::JobError::Nowhere(_))) => {
                        return self.carry_out(run, stuck(&seen, &error.to_string()), pass.now).await;
                    }
                    Err(error @ job::JobError::Serialise(_)) => return Err(error.into()),
                };
                match self.writes.create_job(&job, of, &uid).await? {
                    Created::Ours => Ok(None),
                    Created::Taken => {
                        let seen = Seen { job: &JobSeen::Taken, ..seen };
                        self.carry_out(run, step(&seen), pass.now).await
                    }
                }
            }
            Action::StopJob(job) => {
                self.writes.delete_job(&namespace, &job.name, &job.uid).await?;
                Ok(Some(pass.now + RETRY))
            }
            Action::Write(status, note) => {
                let begins = status.phase == RunPhase::Erasing && phase(run) == RunPhase::Approved;
                if begins && !self.is_current(pass, run).await? {
                    // The caches lag behind: what they show in a moment decides.
                    return Ok(Some(pass.now + RETRY));
                }
                self.carry_out(run, Action::Write(status, note), pass.now).await
            }
        }
    }

    /// Writes what a step comes to.
    async fn carry_out(
        &self,
        run: &Arc<DeletionRun>,
        action: Action,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StepError> {
        match action {
            Action::Wait(at) => Ok(at),
            Action::CreateJob(_) | Action::StopJob(_) => Ok(Some(now + RETRY)),
            Action::Write(status, note) => {
                if !self.writes.write_run(run, &status).await? {
                    return Ok(None);
                }
                if is_over(status.phase) {
                    let result = RunResultLabel { result: count::word(status.phase) };
                    self.shared.metrics.retention.ended.get_or_create(&result).inc();
                }
                if let Some(note) = note {
                    self.events.publish(&policy_reference(run), &note).await;
                    self.events.publish(&run.object_ref(&()), &note).await;
                }
                Ok(None)
            }
        }
    }

    /// The Job of a step. What ends a run is read live, Job and Pods alike: the two caches do not go in step.
    async fn job_seen(
        &self,
        pass: &Pass<'_>,
        run: &DeletionRun,
        namespace: &str,
        name: &str,
    ) -> Result<JobSeen, StepError> {
        let uid = run.metadata.uid.as_deref().unwrap_or_default();
        let job = pass.watches.job(&ObjectKey::new(namespace, name));
        let pods = pass.watches.pods(namespace, name);
        let pods: Vec<_> = pods.iter().map(AsRef::as_ref).collect();
        let cached = JobSeen::of(uid, job.as_deref(), &pods, pass.now);
        let pinned = run.status.as_ref().and_then(|s| s.job.as_ref()).filter(|j| j.name == name);
        let sure = match &cached {
            JobSeen::Absent => pinned.is_none(),
            JobSeen::Working { job, .. } => pinned.is_none_or(|p| p == job),
            JobSeen::Taken | JobSeen::Ended { .. } => false,
        };
        if sure {
            return Ok(cached);
        }
        let job = self.writes.live_job(namespace, name).await?;
        let pods = self.writes.live_pods(namespace, name).await?;
        Ok(JobSeen::of(uid, job.as_ref(), &pods.iter().collect::<Vec<_>>(), pass.now))
    }

    /// Whether policy and store of a run are still what the caches show.
    async fn is_current(&self, pass: &Pass<'_>, run: &DeletionRun) -> Result<bool, StepError> {
        let by_uid = |meta: &ObjectMeta, uid: &str| meta.uid.as_deref() == Some(uid);
        let policy = pass.policies.iter().map(|e| &e.meta).find(|m| by_uid(m, &run.spec.policy.uid));
        let store = self
            .shared
            .index
            .state()
            .stores
            .iter()
            .map(|(_, e)| e.meta.clone())
            .find(|m| by_uid(m, &run.spec.store.uid));
        let (Some(policy), Some(store)) = (policy, store) else { return Ok(false) };
        Ok(self.writes.is_current::<RetentionPolicy>(policy).await?
            && self.writes.is_current::<DataStore>(&store).await?)
    }

    /// Writes the status of every policy. Tells whether all went well.
    async fn tell(&mut self, pass: &Pass<'_>) -> bool {
        let mut well = true;
        let mut rows = vec![];
        for entry in pass.policies {
            let old = entry.object.as_ref().and_then(|o| o.status.as_ref());
            let wanted = match &entry.value {
                Ok(policy) => {
                    let stores: Vec<_> = pass
                        .plans
                        .iter()
                        .filter(|p| p.policy_uid == policy.uid)
                        .map(|plan| {
                            let runs = runs_of(pass.runs, plan);
                            let next = due::next_plan(policy, plan, &runs, pass.now);
                            let store = pass.snapshot.stores.get(&plan.store);
                            let known = known_holds(old, &plan.store_uid);
                            let holds = store.map_or_else(
                                || known.to_vec(),
                                |store| vanished::seen_holds(known, pass.snapshot, store, &runs, pass.now),
                            );
                            OfStore { plan, runs, next, holds }
                        })
                        .collect();
                    let opt_in = pass.watches.opt_in(&policy.key.namespace);
                    let (snapshot, meta) = (pass.snapshot, &entry.meta);
                    let status =
                        policy_status::accepted(policy, snapshot, &stores, opt_in, meta, old, pass.now);
                    rows.push(count::row(policy, &stores, opt_in == OptIn::Yes, &status));
                    status
                }
                Err(reason) => policy_status::invalid(reason, &entry.meta, old, pass.now),
            };
            if let Err(error) = self.status.write(&entry.meta, old, &wanted).await {
                tracing::warn!(%error, "retention");
                well = false;
            }
        }
        self.shared.metrics.retention.policies(rows);
        well
    }

    /// Writes the status of every approval. Tells whether all went well.
    async fn tell_approvers(&mut self, pass: &Pass<'_>) -> bool {
        let mut well = true;
        for approval in pass.approvals {
            let run = pass.runs.iter().find(|r| {
                r.metadata.namespace == approval.metadata.namespace
                    && r.metadata.name.as_ref() == Some(&approval.spec.run_name)
            });
            let vanished = run.map(|run| vanished_of(pass, run)).unwrap_or_default();
            let of = run.map(|run| OfRun { run, vanished: &vanished });
            let wanted = approval_status::accepted(approval, of, pass.now);
            let written = self.approvals.write(&approval.metadata, approval.status.as_ref(), &wanted).await;
            if let Err(error) = written {
                tracing::warn!(%error, "retention");
                well = false;
            }
        }
        let exists = |namespace: &str, name: &str| {
            let is =
                |m: &ObjectMeta| m.namespace.as_deref() == Some(namespace) && m.name.as_deref() == Some(name);
            pass.approvals.iter().any(|a| is(&a.metadata))
        };
        self.approvals.retain(exists);
        well
    }

    /// Deletes old runs that deleted nothing, never one that may have: its record is the evidence. And the Job of a run
    /// that is over, where it is still at work.
    async fn prune(&self, pass: &Pass<'_>) {
        for run in pass.runs.iter().filter(|r| is_over(phase(r))) {
            if let Err(error) = self.sweep(pass, run).await {
                tracing::warn!(%error, "retention");
            }
        }
        for plan in pass.plans.iter().filter(|p| self.erasure.namespaces.contains(&*p.store.namespace)) {
            let Some(policy) = pass.snapshot.policies.get(&plan.policy) else { continue };
            let keep = usize::try_from(policy.limits.keep_runs.max(1)).unwrap_or(usize::MAX);
            let ours: Vec<_> = pass
                .runs
                .iter()
                .filter(|r| r.spec.policy.uid == plan.policy_uid && r.spec.store.uid == plan.store_uid)
                .collect();
            let old = ours.len().saturating_sub(keep);
            for run in ours.into_iter().take(old) {
                let never_began =
                    run.status.as_ref().is_some_and(|s| is_over(s.phase) && s.begun_at.is_none());
                if never_began {
                    let job = job::name(run.metadata.name.as_deref().unwrap_or_default(), Step::Plan);
                    if let Err(error) = self.writes.prune(run, &job).await {
                        tracing::warn!(%error, "retention");
                    }
                }
            }
        }
    }
}

impl Controller {
    /// Ends what still works in the name of a run that is over, such as a Pod that waits for a Secret.
    async fn sweep(&self, pass: &Pass<'_>, run: &DeletionRun) -> Result<(), StepError> {
        let namespace = run.metadata.namespace.as_deref().unwrap_or_default();
        let name = run.metadata.name.as_deref().unwrap_or_default();
        let uid = run.metadata.uid.as_deref().unwrap_or_default();
        for step in [Step::Plan, Step::Erase] {
            let name = job::name(name, step);
            let job = pass.watches.job(&ObjectKey::new(namespace, name.as_str()));
            if let JobSeen::Working { job, .. } = JobSeen::of(uid, job.as_deref(), &[], pass.now) {
                self.writes.delete_job(namespace, &name, &job.uid).await?;
            }
        }
        Ok(())
    }
}

/// Holds of a policy's status for a store.
fn known_holds<'a>(old: Option<&'a RetentionPolicyStatus>, store_uid: &str) -> &'a [SeenHold] {
    let known = old.and_then(|s| s.per_store.iter().find(|s| s.uid == store_uid));
    known.map_or(&[], |s| &s.holds)
}

/// Holds that covered a run's store and went without a release, and that no person has settled.
fn vanished_of(pass: &Pass<'_>, run: &DeletionRun) -> Vec<SeenHold> {
    let Some(store) = store_of(pass.snapshot, run) else { return vec![] };
    let old = pass
        .policies
        .iter()
        .find(|e| e.meta.uid.as_deref() == Some(run.spec.policy.uid.as_str()))
        .and_then(|e| e.object.as_ref()?.status.as_ref());
    let runs: Vec<_> = beside(pass.runs, run).collect();
    let mut seen = vanished::seen_holds(known_holds(old, &store.uid), pass.snapshot, store, &runs, pass.now);
    seen.retain(|h| h.vanished_at.is_some());
    seen
}

/// Why a step could not be taken.
#[derive(Debug, thiserror::Error)]
enum StepError {
    /// A write failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A Job cannot be made.
    #[error(transparent)]
    Job(#[from] job::JobError),
}

/// A run and those of the same policy and store, in order.
fn beside<'a>(runs: &'a [Arc<DeletionRun>], run: &DeletionRun) -> impl Iterator<Item = &'a DeletionRun> {
    let (policy, store) = (run.spec.policy.uid.clone(), run.spec.store.uid.clone());
    let same = move |r: &&Arc<DeletionRun>| r.spec.policy.uid == policy && r.spec.store.uid == store;
    runs.iter().filter(same).map(AsRef::as_ref)
}

fn runs_of<'a>(runs: &'a [Arc<DeletionRun>], plan: &StorePlan) -> Vec<&'a DeletionRun> {
    runs.iter()
        .filter(|r| r.spec.policy.uid == plan.policy_uid && r.spec.store.uid == plan.store_uid)
        .map(AsRef::as_ref)
        .collect()
}

fn policy_of<'a>(snapshot: &'a Snapshot, run: &DeletionRun) -> Option<&'a Policy> {
    let namespace = run.metadata.namespace.as_deref().unwrap_or_default();
    let key = ObjectKey::new(namespace, run.spec.policy.name.as_str());
    snapshot.policies.get(&key).filter(|p| p.uid == run.spec.policy.uid).map(AsRef::as_ref)
}

fn store_of<'a>(snapshot: &'a Snapshot, run: &DeletionRun) -> Option<&'a Store> {
    let namespace = run.metadata.namespace.as_deref().unwrap_or_default();
    let key = ObjectKey::new(namespace, run.spec.store.name.as_str());
    snapshot.stores.get(&key).filter(|s| s.uid == run.spec.store.uid).map(AsRef::as_ref)
}

/// The hold that covers a dataset which the plan would delete from.
fn held<'h>(pass: &Pass<'_>, run: &DeletionRun, store: &Store, holds: &[&'h Hold]) -> Option<&'h Hold> {
    let plan = run.status.as_ref()?.plan.as_ref()?;
    let known = HoldScopeResolution::of_cluster(pass.snapshot);
    plan.datasets.iter().filter(|d| d.held_by.is_none() && d.due > 0).find_map(|planned| {
        let dataset = store.datasets.iter().find(|d| *d.name == *planned.dataset)?;
        first_covering(holds.iter().copied(), &known, store, dataset, pass.now)
    })
}

fn policy_reference(run: &DeletionRun) -> ObjectReference {
    ObjectReference {
        api_version: Some(RetentionPolicy::api_version(&()).into_owned()),
        kind: Some(RetentionPolicy::kind(&()).into_owned()),
        namespace: run.metadata.namespace.clone(),
        name: Some(run.spec.policy.name.clone()),
        uid: Some(run.spec.policy.uid.clone()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests;
