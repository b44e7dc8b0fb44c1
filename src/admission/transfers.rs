//! Judges a workload: what it uses, where it may run, whether that is lawful, and how strictly to answer.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PodSpec;

use super::envelope::Answer;
use crate::{
    core::{
        selector::Labels,
        settings::{Mixed, Mode},
        snapshot::Snapshot,
        store::Place,
        transfer::{Flow, Outcome, Request, Sending, Use, Verdict, Workload, decide, mode, text},
    },
    placement::{Candidates, Steered, affinity_to_paste, steer},
};

/// A workload with its uses and candidate places.
pub(super) struct Case<'a> {
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub labels: &'a Labels,
    pub one_off: bool,
    pub uses: &'a [Use],
    pub sends: &'a [Sending],
    pub candidates: Candidates,
    /// What Pods will be made of that can be steered; none for what is a Pod itself, or whose Pods cannot.
    pub pods: Option<&'a PodSpec>,
    pub dry_run: bool,
}

/// What was found of a case.
pub(super) struct Judged {
    verdict: Verdict,
    places: Vec<Place>,
    /// Candidate places in which nothing is uncovered.
    lawful: Vec<Place>,
    /// No node is there now, so any may come.
    open: bool,
}

impl Judged {
    /// Whether a flow is uncovered that was not uncovered before, or the last lawful place is lost.
    pub fn is_worse_than(&self, before: &Self) -> bool {
        let old: BTreeSet<&Flow> = before.uncovered().collect();
        let lost = self.lawful.is_empty() && !before.lawful.is_empty();
        lost || self.uncovered().any(|flow| !old.contains(flow))
    }

    /// The spec kept to the lawful ones of its places; none where all are lawful, or none is, or none is there.
    pub fn steered(&self, snapshot: &Snapshot, spec: &PodSpec) -> Option<Steered> {
        let Self { verdict, places: _, lawful, open } = self;
        let is_mixed = verdict.is_violation() && !open && !lawful.is_empty();
        is_mixed.then(|| steer(snapshot, spec, lawful)).flatten()
    }

    fn uncovered(&self) -> impl Iterator<Item = &Flow> {
        let flows = self.verdict.flows.iter();
        flows.filter(|f| matches!(f.outcome, Outcome::Uncovered { .. })).map(|f| &f.flow)
    }
}

impl Case<'_> {
    fn request<'b>(&'b self, places: &'b [Place], now: Timestamp) -> Request<'b> {
        let Self { kind, namespace, name, labels, uses, sends, one_off, .. } = self;
        let workload = Workload { kind, namespace, name, labels, one_off: *one_off };
        Request { workload, uses, sends, places, now }
    }

    /// Judges every candidate place; without a node, an unknown one.
    pub fn judge(&self, snapshot: &Snapshot, now: Timestamp) -> Judged {
        let open = self.candidates == Candidates::NoNode;
        let places = self.candidates.clone().into_places();
        let verdict = decide(snapshot, &self.request(&places, now));
        let lawful = lawful_of(&verdict, &places);
        Judged { verdict, places, lawful, open }
    }

    /// The answer. `judged` must be of this case; a change that makes nothing worse is never refused.
    pub fn answer(&self, snapshot: &Snapshot, judged: &Judged, worse: bool, now: Timestamp) -> Answer {
        let Judged { verdict, places, lawful, open } = judged;
        let mut answer = Answer::allow("lawful");
        let mode = self.mode(snapshot, judged);
        answer.mode = Some(mode);
        answer.stores = self.uses.iter().map(|used| used.store.to_string()).collect();
        answer.stores.sort();
        answer.stores.dedup();
        note(&mut answer, verdict);
        soft_warnings(&mut answer, verdict);
        if !verdict.is_violation() {
            if verdict.is_waived() {
                answer.verdict = "waived";
                answer.notes.insert("verdict", "waived".into());
            }
            return answer;
        }
        let mixed = *open || !lawful.is_empty();
        let waits = match snapshot.settings.mixed {
            Mixed::Refuse => None,
            Mixed::Bind => mixed.then_some("waits-for-binding"),
            Mixed::Steer => {
                let can_be = self.pods.and_then(|spec| judged.steered(snapshot, spec)).is_some();
                (can_be && mode == Mode::Enforce).then_some("to-be-steered")
            }
        };
        if let Some(waits) = waits {
            answer.verdict = waits;
            answer.notes.insert("verdict", waits.into());
            return answer;
        }
        answer.verdict = "violation";
        answer.notes.insert("verdict", "violation".into());
        let request = self.request(places, now);
        match mode {
            Mode::Audit => {}
            Mode::Warn => answer.warn(&text::first_line(&request, verdict)),
            Mode::Enforce if !worse => answer.warn(&text::first_line(&request, verdict)),
            Mode::Enforce if self.dry_run && !snapshot.settings.dry_run_denies => {
                answer.warn(&format!("would be refused: {}", text::first_line(&request, verdict)));
            }
            Mode::Enforce => {
                let mut message = text::message(&request, verdict);
                if mixed {
                    message.push_str(&self.advice(snapshot, judged, now));
                }
                let Answer { refusal, verdict, .. } = Answer::forbid("violation", message);
                return Answer { refusal, verdict, ..answer };
            }
        }
        answer
    }

    /// How strictly that is answered.
    pub fn mode(&self, snapshot: &Snapshot, judged: &Judged) -> Mode {
        mode(snapshot, self.namespace, &judged.verdict)
    }

    /// Where it may run, and what to paste for that.
    fn advice(&self, snapshot: &Snapshot, judged: &Judged, now: Timestamp) -> String {
        let found;
        let lawful = if judged.open {
            // No node matches: what would be lawful on the nodes that are there, and where the stores are.
            let nodes = snapshot.nodes.values().map(|n| &n.place);
            let stores = self.uses.iter().filter_map(|u| snapshot.judged_store(&u.store)).map(|s| &s.place);
            let all: BTreeSet<&Place> = nodes.chain(stores).filter(|p| p.country.is_some()).collect();
            let all: Vec<Place> = all.into_iter().cloned().collect();
            found = lawful_of(&decide(snapshot, &self.request(&all, now)), &all);
            &found
        } else {
            &judged.lawful
        };
        let why = if judged.open {
            "\nNo node matches where it may run, so one that comes may be anywhere."
        } else {
            "\nSome of the nodes on which it may run are lawful, others are not."
        };
        match affinity_to_paste(&snapshot.settings.region_label, lawful) {
            Some(yaml) => {
                let names: BTreeSet<String> = lawful.iter().map(place_name).collect();
                let names: Vec<String> = names.into_iter().collect();
                format!("{why}\nLawful: {}. Paste into the Pod's spec:\n{yaml}", names.join(", "))
            }
            None => format!("{why}\nNo region is known in which it would be lawful."),
        }
    }
}

fn place_name(place: &Place) -> String {
    match (&place.region, place.country) {
        (Some(region), Some(country)) => format!("{region} ({country})"),
        (Some(region), None) => region.clone(),
        (None, Some(country)) => country.to_string(),
        (None, None) => "unknown".into(),
    }
}

fn lawful_of(verdict: &Verdict, places: &[Place]) -> Vec<Place> {
    let uncovered: BTreeSet<&Place> = verdict
        .flows
        .iter()
        .filter(|f| matches!(f.outcome, Outcome::Uncovered { .. }))
        .map(|f| &f.flow.place)
        .collect();
    places.iter().filter(|p| !uncovered.contains(p)).cloned().collect()
}

fn note(answer: &mut Answer, verdict: &Verdict) {
    answer.notes.insert("verdict", "lawful".into());
    answer.notes.insert("law", verdict.law.clone());
    let relied_on = verdict.relied_on();
    if !relied_on.is_empty() {
        answer.notes.insert("relied-on", relied_on.join(", "));
    }
    answer.relied_on = relied_on.iter().map(ToString::to_string).collect();
    for flow in &verdict.flows {
        if let Outcome::Waived { exception, .. } = &flow.outcome {
            answer.relied_on.push(format!("exception/{exception}"));
        }
    }
    answer.relied_on.sort();
    answer.relied_on.dedup();
    // Nothing is wrong with these; who asks is told, and whoever applies is not warned each time.
    let flows = || verdict.flows.iter().map(|f| (&f.flow, &f.outcome));
    let legs: BTreeSet<&str> = flows().filter_map(|(_, outcome)| Some(&**outcome.last_leg()?)).collect();
    let same = |outcome: &Outcome| matches!(outcome, Outcome::SameEntity);
    let same: BTreeSet<String> =
        flows().filter(|(_, outcome)| same(outcome)).map(|(flow, _)| flow.store.to_string()).collect();
    for (name, what) in [("single-legged", joined(&legs)), ("same-entity", joined(&same))] {
        if !what.is_empty() {
            answer.notes.insert(name, what);
        }
    }
}

fn joined<T: AsRef<str>>(all: &BTreeSet<T>) -> String {
    all.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

fn soft_warnings(answer: &mut Answer, verdict: &Verdict) {
    for flow in &verdict.flows {
        match &flow.outcome {
            Outcome::Waived { exception, .. } => {
                let Flow { store, dataset, .. } = &flow.flow;
                answer.warn(&format!("TransferException {exception} waives {store}, dataset {dataset}"));
            }
            Outcome::Carried { by, warnings, .. } => {
                for warning in warnings {
                    answer.warn(&format!("{by} {warning}"));
                }
            }
            Outcome::NoBorder
            | Outcome::Adequate(_)
            | Outcome::SameEntity
            | Outcome::CollectedDirectly
            | Outcome::Uncovered { .. } => {}
        }
    }
}
