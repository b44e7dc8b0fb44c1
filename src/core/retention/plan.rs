//! What is to be deleted where, decided over policies, stores and holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    clock::{Clock, by_length, greatest_before, later},
    shared::{Neighbours, Sibling, join},
    state,
};
use crate::core::{
    hold::{Hold, HoldScopeResolution, first_covering},
    ids::ObjectKey,
    policy::{Approval, Period, Policy, Rule, Then},
    snapshot::Snapshot,
    store::{AnchorSource, Dataset, Role, Store},
};

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct PlanInput<'a> {
    /// Policies.
    pub policies: Vec<&'a Policy>,
    /// Stores.
    pub stores: Vec<&'a Store>,
    /// Holds, in force or not.
    pub holds: Vec<&'a Hold>,
    /// What is known of the names that holds speak of.
    pub known: HoldScopeResolution<'a>,
    /// Namespaces with a policy or store that cannot be read: it may keep, so nothing is deleted there.
    pub unreadable: BTreeSet<&'a str>,
}

impl<'a> PlanInput<'a> {
    /// Everything in a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let keeps = |kind: &str| kind == "RetentionPolicy" || kind == "DataStore";
        let invalid = snapshot.invalid.keys().filter(|(kind, ..)| keeps(kind));
        Self {
            policies: snapshot.policies.values().map(AsRef::as_ref).collect(),
            stores: snapshot.stores.values().map(AsRef::as_ref).collect(),
            holds: snapshot.holds.values().map(AsRef::as_ref).collect(),
            known: HoldScopeResolution::of_cluster(snapshot),
            unreadable: invalid.map(|(_, namespace, _)| namespace.as_str()).collect(),
        }
    }
}

/// What one policy means for one store.
#[derive(Clone, Debug, PartialEq)]
pub struct StorePlan {
    /// The policy.
    pub policy: ObjectKey,
    /// Its uid.
    pub policy_uid: String,
    /// The store.
    pub store: ObjectKey,
    /// Its uid.
    pub store_uid: String,
    /// Whether due data is deleted, or only counted.
    pub applies: bool,
    /// When a person is asked.
    pub approval: Approval,
    /// Datasets whose due items go, sorted by name; held ones are counted and kept.
    pub targets: Vec<Target>,
    /// What a person should look after.
    pub findings: Vec<Finding>,
    /// Hash of the deletion-relevant state.
    pub state_hash: String,
}

impl StorePlan {
    /// Datasets that are held, each with its hold.
    pub fn held(&self) -> impl Iterator<Item = (&str, &str)> {
        self.targets.iter().filter_map(|t| Some((&*t.dataset, t.held_by.as_deref()?)))
    }
}

/// One dataset with its cut-offs.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Dataset.
    pub dataset: Arc<str>,
    /// Rules that decided, sorted.
    pub rules: Vec<String>,
    /// All must let an item go, sorted by event; never empty.
    pub clocks: Vec<Clock>,
    /// The hold that covers it: then nothing of it is deleted.
    pub held_by: Option<Arc<str>>,
}

impl Target {
    /// Whether an item goes, given the instants of its events. An event without an instant is "not yet".
    pub fn lets_go(&self, instant_of: impl Fn(&str) -> Option<Timestamp>) -> bool {
        self.held_by.is_none()
            && !self.clocks.is_empty()
            && self.clocks.iter().all(|c| instant_of(&c.event).is_some_and(|at| at <= c.cutoff))
    }
}

/// Something that a person should look after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Dataset; none = the whole store.
    pub dataset: Option<Arc<str>>,
    /// A clause for people.
    pub message: String,
}

/// Kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// A category of the dataset has no maximum: the dataset is kept.
    CategoryUncovered,
    /// An event that a rule starts from is not declared for the dataset: it is kept.
    AnchorUnknown,
    /// A ground keeps longer than the promise to delete: the ground wins.
    PromiseBroken,
    /// Carnet does not erase from this engine yet: the data is kept.
    EngineNotErased,
    /// The rule asks for something that is not carried out yet: the data is kept.
    NotSupported,
    /// A policy or store of the namespace cannot be read and may keep: nothing is deleted.
    Unreadable,
    /// Another dataset is on the same table and is kept, so this one is kept, too.
    SharedTable,
}

/// Decides, for every policy and every store that it selects, what goes. Order of the input does not matter.
pub fn plan(input: &PlanInput<'_>, now: Timestamp) -> Vec<StorePlan> {
    let near = Neighbours::of(&input.stores);
    let mut plans: Vec<_> = input
        .policies
        .iter()
        .flat_map(|policy| input.stores.iter().map(move |store| (*policy, *store)))
        .filter(|(policy, store)| selects(policy, store))
        .map(|(policy, store)| plan_store(input, &near, policy, store, now))
        .collect();
    plans.sort_by(|a, b| (&a.policy, &a.store).cmp(&(&b.policy, &b.store)));
    plans
}

pub(super) fn selects(policy: &Policy, store: &Store) -> bool {
    policy.key.namespace == store.key.namespace
        && store.erased_here
        && !policy.stores.is_empty()
        && policy.stores.matches(&store.labels)
}

/// Whether a policy may speak of a dataset: our own never of a Processor's, an instruction only of its controller's.
fn speaks_of(policy: &Policy, dataset: &Dataset) -> bool {
    match (&policy.instructed_by, &dataset.role) {
        (None, Role::Controller) => true,
        (Some(by), Role::Processor(controller)) => by == controller,
        (None, Role::Processor(_)) | (Some(_), Role::Controller) => false,
    }
}

/// What a dataset on the same table lets go under the same policy. Another policy's yes is not enough: its approval,
/// limits and hours would be passed by.
fn lets_go(input: &PlanInput<'_>, policy: &Policy, sibling: Sibling<'_>, now: Timestamp) -> Option<Target> {
    let (store, dataset) = sibling;
    let erased = store.engine.is_erased() && selects(policy, store);
    let all: Vec<_> = input.policies.iter().copied().filter(|p| selects(p, store)).collect();
    if erased && speaks_of(policy, dataset) { target(policy, &all, dataset, now, &mut vec![]) } else { None }
}

fn plan_store(
    input: &PlanInput<'_>,
    near: &Neighbours<'_>,
    policy: &Policy,
    store: &Store,
    now: Timestamp,
) -> StorePlan {
    let mut findings = vec![];
    let mut targets: Vec<Target> = vec![];
    let all: Vec<_> = input.policies.iter().copied().filter(|p| selects(p, store)).collect();
    if input.unreadable.contains(&*store.key.namespace) {
        let message = format!("a policy or store of namespace {} cannot be read", store.key.namespace);
        findings.push(Finding { kind: FindingKind::Unreadable, dataset: None, message });
    } else if !store.engine.is_erased() {
        let message = "data of this engine is not erased yet".into();
        findings.push(Finding { kind: FindingKind::EngineNotErased, dataset: None, message });
    } else {
        for dataset in store.datasets.iter().filter(|d| speaks_of(policy, d)) {
            let Some(mut target) = target(policy, &all, dataset, now, &mut findings) else { continue };
            let siblings = near.siblings(store, dataset);
            let joined = siblings.iter().try_for_each(|sibling| {
                join(&mut target, dataset, *sibling, lets_go(input, policy, *sibling, now))
            });
            if let Err(message) = joined {
                let dataset = Some(dataset.name.clone());
                findings.push(Finding { kind: FindingKind::SharedTable, dataset, message });
                continue;
            }
            // Of a store's own datasets on one table the first stands for all, so that no row is counted twice.
            if siblings.iter().any(|(s, d)| s.key == store.key && d.name < dataset.name) {
                continue;
            }
            let holds = input.holds.iter().copied();
            target.held_by = first_covering(holds, &input.known, store, dataset, now).map(|h| h.name.clone());
            targets.push(target);
        }
    }
    targets.sort_by(|a, b| a.dataset.cmp(&b.dataset));
    findings.sort();
    findings.dedup();
    StorePlan {
        policy: policy.key.clone(),
        policy_uid: policy.uid.clone(),
        store: store.key.clone(),
        store_uid: store.uid.clone(),
        applies: policy.applies,
        approval: policy.approval,
        state_hash: state::state_hash(policy, store, &input.policies, &targets, near),
        targets,
        findings,
    }
}

/// The clocks of one event while they are collected.
#[derive(Default)]
struct Clocks {
    delete_after: Vec<Period>,
    keep_at_least: Vec<Period>,
}

fn target(
    policy: &Policy,
    all: &[&Policy],
    dataset: &Dataset,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> Option<Target> {
    let mut find =
        |kind, message| findings.push(Finding { kind, dataset: Some(dataset.name.clone()), message });
    let matching: Vec<&Rule> = policy.rules.iter().filter(|r| matches(r, dataset)).collect();
    if matching.is_empty() {
        // This policy says nothing of the dataset; that none does is for the store to tell.
        return None;
    }
    let limit = later(now, policy.finish_before);
    let mut kept = false;
    if let Some(rule) = matching.iter().find(|r| r.then == Then::Deidentify) {
        find(FindingKind::NotSupported, format!("rule {} asks to de-identify", rule.name));
        kept = true;
    }
    let mut clocks: BTreeMap<&str, Clocks> = BTreeMap::new();
    for category in &dataset.categories {
        let rules: Vec<_> =
            matching.iter().filter(|r| r.categories.iter().any(|p| p.matches(category))).collect();
        if rules.is_empty() {
            find(FindingKind::CategoryUncovered, format!("no rule has a maximum for category {category}"));
            kept = true;
        }
        // Of several maxima after one event the earliest is the promise; after several events all must have passed.
        for event in rules.iter().map(|r| r.after.as_str()).collect::<BTreeSet<_>>() {
            let maxima = rules.iter().filter(|r| r.after == event).map(|r| r.delete_after);
            clocks
                .entry(event)
                .or_default()
                .delete_after
                .extend(maxima.max_by_key(|p| greatest_before(limit, *p)));
        }
    }
    let others = all.iter().filter(|p| speaks_of(p, dataset)).flat_map(|p| &p.rules);
    for rule in others.filter(|r| matches(r, dataset)) {
        for (kind, keep) in &rule.grounds {
            clocks.entry(&rule.after).or_default().keep_at_least.push(*keep);
            if later(now, *keep) > later(now, rule.delete_after) {
                let message = format!("rule {}: {kind} keeps longer than deleteAfter", rule.name);
                find(FindingKind::PromiseBroken, message);
            }
        }
    }
    for event in clocks.keys() {
        let anchor = dataset.anchors.iter().find(|a| a.event == **event);
        if !matches!(anchor.map(|a| &a.source), Some(AnchorSource::Column { .. })) || dataset.table.is_none()
        {
            find(FindingKind::AnchorUnknown, format!("no column says when {event} happened"));
            kept = true;
        }
    }
    if kept {
        return None;
    }
    let clocks = clocks.into_iter().map(|(event, clocks)| pin(event, clocks, limit, now));
    let mut rules: Vec<_> = matching.iter().map(|r| r.name.clone()).collect();
    rules.sort();
    rules.dedup();
    Some(Target { dataset: dataset.name.clone(), rules, clocks: clocks.collect(), held_by: None })
}

fn pin(event: &str, mut clocks: Clocks, limit: Timestamp, now: Timestamp) -> Clock {
    by_length(&mut clocks.delete_after);
    by_length(&mut clocks.keep_at_least);
    let delete = clocks.delete_after.iter().map(|p| greatest_before(limit, *p));
    let keep = clocks.keep_at_least.iter().map(|p| greatest_before(now, *p));
    // What lies before the calendar is before every row. What has not happened yet is never due.
    let cutoff = delete.chain(keep).map(|c| c.unwrap_or(Timestamp::MIN)).min().unwrap_or(Timestamp::MIN);
    let cutoff = cutoff.min(now);
    Clock {
        event: event.into(),
        cutoff,
        delete_after: clocks.delete_after,
        keep_at_least: clocks.keep_at_least,
    }
}

fn matches(rule: &Rule, dataset: &Dataset) -> bool {
    rule.categories.iter().any(|p| dataset.categories.iter().any(|c| p.matches(c)))
}

#[cfg(test)]
mod tests;
