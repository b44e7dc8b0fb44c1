//! Judges every running Pod and every copy: pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::lapsed::{Lapsed, LapsedPod};
use crate::{
    api::labels,
    core::{
        ids::ObjectKey,
        settings::Mode,
        snapshot::Snapshot,
        store::Place,
        transfer::{
            FlowVerdict, Outcome, Request, Sending, Use, Verdict, Workload, decide, decide_at_rest,
            decide_copy, mode, text,
        },
    },
    detect::{Detection, Finding},
    index::{Owner, PodFacts},
    placement::pinned_to,
};

/// A use in an exempt namespace, beside the kinds of [`Finding`].
pub const EXEMPT: &str = "exempt-namespace";
/// A Pod that is no deletion Job's uses a Secret for erasure, beside the kinds of [`Finding`].
pub const ERASURE: &str = "erasure-secret";

/// A running Pod that uses stores, or about which there is something to tell.
#[derive(Clone, Debug)]
pub struct Using {
    /// The Pod.
    pub pod: Arc<PodFacts>,
    /// Its top-level owner.
    pub owner: Owner,
    /// The stores.
    pub uses: Vec<Use>,
    /// The parties to which it sends.
    pub sends: Vec<Sending>,
    /// Stores whose erasure Secret it uses though it is no deletion Job's, each with the first place at which it does.
    pub erases: BTreeMap<ObjectKey, String>,
    /// What changes no answer and is told all the same.
    pub findings: Vec<Finding>,
}

impl Using {
    /// A Pod with what was found of it.
    pub fn new(owner: Owner, pod: Arc<PodFacts>, found: Detection) -> Self {
        let Detection { uses, sends, erasure_secrets, findings } = found;
        let mut erases = BTreeMap::new();
        // A policy of the API server keeps the label for the Pods of deletion Jobs.
        if !pod.labels.contains_key(labels::RUN) {
            for (_, store, via) in erasure_secrets {
                erases.entry(store).or_insert(via);
            }
        }
        Self { pod, owner, uses, sends, erases, findings }
    }
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub enum Judged<'a> {
    /// A running Pod.
    Pod(&'a Using),
    /// A running Pod of a namespace where nothing is refused: what it breaks is told apart.
    Exempt(&'a Using),
    /// A copy of a store, by its name.
    Copy(&'a ObjectKey, &'a str),
    /// A store, without any workload of this cluster: remote access, control, onward recipients of its exporter.
    AtRest(&'a ObjectKey),
}

/// What running Pods stand on: they would lose it with the object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Pods that use a store.
    pub stores: BTreeMap<ObjectKey, i64>,
    /// Pods with a flow that nothing but this safeguard carries.
    pub safeguards: BTreeMap<String, i64>,
}

impl Standing {
    /// Whether the same is stood on, by however many.
    pub fn names_the_same(&self, other: &Self) -> bool {
        self.stores.keys().eq(other.stores.keys()) && self.safeguards.keys().eq(other.safeguards.keys())
    }

    /// Nobody is asked about namespaces that are not judged.
    fn count(&mut self, snapshot: &Snapshot, using: &Using, verdict: &Verdict) {
        let settings = &snapshot.settings;
        let namespace = &*using.pod.key.namespace;
        if settings.exempt.contains(namespace) || namespace == settings.own_namespace {
            return;
        }
        for used in &using.uses {
            *self.stores.entry(used.store.clone()).or_default() += 1;
        }
        let alone: BTreeSet<&str> = verdict
            .flows
            .iter()
            .filter_map(|flow| flow.outcome.last_leg()?.strip_prefix("safeguard/"))
            .collect();
        for safeguard in alone {
            *self.safeguards.entry(safeguard.to_owned()).or_default() += 1;
        }
    }
}

/// Everything that is judged at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// What running Pods stand on.
    pub standing: Standing,
    /// By store.
    pub stores: BTreeMap<ObjectKey, StorePicture>,
    /// By top-level owner of Pods that use a store.
    pub owners: BTreeMap<Owner, OwnerPicture>,
    /// Flows by state.
    pub flows: BTreeMap<&'static str, i64>,
    /// Flows that one safeguard alone carries.
    pub single_legged: i64,
    /// Pods with a flow that nothing covers.
    pub violating_pods: i64,
    /// Of these, those of which that is refused; and how many use a store.
    pub lapsed: Lapsed,
    /// Pods by kind of finding.
    pub findings: BTreeMap<&'static str, i64>,
    /// The next instant at which an answer changes by time alone.
    pub next_change: Option<Timestamp>,
}

/// What is known of one store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StorePicture {
    /// Pods that use it.
    pub using: i64,
    /// Of these, Pods with a flow that nothing covers.
    pub violating: i64,
    /// Of these, Pods whose failing flows are waived.
    pub waived: i64,
    /// Violating owners, each with every line about this store.
    pub offenders: BTreeMap<String, String>,
    /// Copies that nothing covers, or what becomes of the data from there.
    pub violating_copies: Vec<String>,
    /// What nothing covers though no workload of this cluster takes part in it: remote access to what the exporter holds,
    /// control of it, and those to whom it hands on.
    pub violating_at_rest: Vec<String>,
    /// Pods that use it and name addresses which are nobody's, as far as is declared.
    pub undeclared: Told,
    /// Uses in exempt namespaces, which count as neither using nor violating.
    pub exempt: Told,
    /// Pods that refer to what it claims, and that its claim does not reach.
    pub not_reached: Told,
    /// Pods that name a Service behind which one of its addresses is, and do not use it otherwise.
    pub behind: Told,
    /// Pods that are no deletion Jobs' and use its Secret for erasure: a rule is broken, wherever they run.
    pub erasing: Told,
    /// What the answers stand on.
    pub relied_on: BTreeSet<String>,
    /// What flows stand on alone, with their number.
    pub legs: BTreeMap<String, i64>,
    /// The next instant at which an answer about it changes by time alone.
    pub next_change: Option<Timestamp>,
}

impl StorePicture {
    /// Counts what the flows of a copy stand on alone.
    fn stand(&mut self, verdict: &Verdict) -> i64 {
        let mut flows = 0;
        for leg in verdict.flows.iter().filter_map(|f| f.outcome.last_leg()) {
            *self.legs.entry(leg.to_string()).or_default() += 1;
            flows += 1;
        }
        flows
    }
}

/// Pods that are told of, whatever is decided about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// How many.
    pub pods: i64,
    /// Their owners, each with a sentence.
    pub owners: BTreeMap<String, String>,
}

impl Told {
    fn tell(&mut self, owner: &Owner, sentence: String) {
        self.pods += 1;
        // Pods come in no order; what is said must not depend on it.
        let said = self.owners.entry(owner.to_string()).or_insert_with(|| sentence.clone());
        if sentence < *said {
            *said = sentence;
        }
    }
}

/// What is known of one owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnerPicture {
    /// Its Pods with a flow that nothing covers.
    pub violating: i64,
    /// The first sentence about them.
    pub sentence: Option<String>,
    /// The first sentence about those that were steered.
    pub steered: Option<String>,
    /// What its covered flows stand on.
    pub relied_on: BTreeSet<String>,
}

/// Judges.
pub fn judge(snapshot: &Snapshot, running: &[Using], now: Timestamp) -> Picture {
    judge_each(snapshot, running, now, &mut |_, _| {})
}

/// Judges, and shows each answer to whoever asks about single flows.
pub fn judge_each<'a>(
    snapshot: &'a Snapshot,
    running: &'a [Using],
    now: Timestamp,
    see: &mut dyn FnMut(Judged<'a>, &Verdict),
) -> Picture {
    let mut picture = Picture::default();
    for state in Outcome::STATES {
        picture.flows.insert(state, 0);
    }
    picture.findings.extend(Finding::KINDS.iter().chain([&EXEMPT, &ERASURE]).map(|kind| (*kind, 0)));
    for using in running {
        tell(using, &mut picture);
        if snapshot.settings.is_exempt(&using.pod.key.namespace) {
            exempt(snapshot, using, now, &mut picture, see);
        } else if !using.uses.is_empty() {
            pod(snapshot, using, now, &mut picture, see);
            erasing(using, &mut picture);
        }
    }
    for (key, store) in &snapshot.stores {
        let about = picture.stores.entry(key.clone()).or_default();
        for copy in &store.copies {
            let verdict = decide_copy(snapshot, key, &copy.name, now);
            see(Judged::Copy(key, &copy.name), &verdict);
            picture.single_legged += about.stand(&verdict);
            if verdict.is_violation() {
                about.violating_copies.push(copy.name.clone());
            }
            about.relied_on.extend(verdict.relied_on().iter().map(ToString::to_string));
            about.next_change = earliest(about.next_change, verdict.next_change);
        }
        let verdict = decide_at_rest(snapshot, key, now);
        see(Judged::AtRest(key), &verdict);
        picture.single_legged += about.stand(&verdict);
        about.violating_at_rest = at_rest(&verdict);
        about.relied_on.extend(verdict.relied_on().iter().map(ToString::to_string));
        about.next_change = earliest(about.next_change, verdict.next_change);
        picture.next_change = earliest(picture.next_change, about.next_change);
    }
    picture.lapsed.pods.sort();
    picture
}

/// The first line about a Pod that is to go: a violation, where that is refused. Where its node is not known, or going, it is
/// left to its node.
pub fn is_to_go(snapshot: &Snapshot, using: &Using, now: Timestamp) -> Option<String> {
    let place = place(snapshot, using);
    let request = request(snapshot, using, &place, now);
    let verdict = decide(snapshot, &request);
    (!using.uses.is_empty() && is_refused(snapshot, using, &verdict))
        .then(|| text::first_line(&request, &verdict))
}

fn is_refused(snapshot: &Snapshot, using: &Using, verdict: &Verdict) -> bool {
    let namespace = &*using.pod.key.namespace;
    let has_node = using.pod.node().is_some_and(|node| snapshot.nodes.contains_key(node));
    verdict.is_violation()
        && has_node
        // Where a deletion Job may run was decided when it was made; broken off, it would only begin anew.
        && !using.pod.labels.contains_key(labels::RUN)
        && !snapshot.settings.is_exempt(namespace)
        && mode(snapshot, namespace, verdict) == Mode::Enforce
}

/// What an owner is told of a Pod that was steered.
fn steered(snapshot: &Snapshot, using: &Using) -> Option<String> {
    using.pod.annotations.get(labels::STEERED)?;
    let label = &snapshot.settings.region_label;
    let regions = pinned_to(&using.pod.spec, label)?;
    let regions: Vec<String> = regions.into_iter().collect();
    Some(format!(
        "its Pods get required node affinity for {label} in {} (--mixed-placement Steer): elsewhere nothing covers what they use",
        regions.join(", ")
    ))
}

fn tell(using: &Using, picture: &mut Picture) {
    let kinds: BTreeSet<_> = using.findings.iter().map(Finding::kind).collect();
    for kind in kinds {
        *picture.findings.entry(kind).or_default() += 1;
    }
    let mut stores: BTreeMap<&ObjectKey, &str> = BTreeMap::new();
    for finding in &using.findings {
        if let Finding::ClaimNotReaching { store, via } = finding {
            stores.entry(store).or_insert(via);
        }
    }
    for (store, via) in stores {
        picture.stores.entry(store.clone()).or_default().not_reached.tell(&using.owner, via.into());
    }
    let mut behind: BTreeMap<&ObjectKey, String> = BTreeMap::new();
    for finding in &using.findings {
        if let Finding::EndpointOfStore { store, service, at } = finding {
            behind.entry(store).or_insert_with(|| format!("{at}: Service {service}"));
        }
    }
    for (store, via) in behind {
        picture.stores.entry(store.clone()).or_default().behind.tell(&using.owner, via);
    }
    let hosts: BTreeSet<&str> = using
        .findings
        .iter()
        .filter_map(|f| if let Finding::UndeclaredHost { host, .. } = f { Some(host.as_str()) } else { None })
        .collect();
    if !hosts.is_empty() {
        let hosts = hosts.into_iter().collect::<Vec<_>>().join(", ");
        for used in &using.uses {
            let about = picture.stores.entry(used.store.clone()).or_default();
            about.undeclared.tell(&using.owner, hosts.clone());
        }
    }
}

/// Whose Secret for erasure it uses: nobody's to use, wherever that is.
fn erasing(using: &Using, picture: &mut Picture) {
    if !using.erases.is_empty() {
        *picture.findings.entry(ERASURE).or_default() += 1;
    }
    for (store, via) in &using.erases {
        picture.stores.entry(store.clone()).or_default().erasing.tell(&using.owner, via.clone());
    }
}

/// Each uncovered way once.
fn at_rest(verdict: &Verdict) -> Vec<String> {
    let uncovered = verdict.flows.iter().filter(|f| matches!(f.outcome, Outcome::Uncovered { .. }));
    let lines: BTreeSet<String> = uncovered
        .map(|FlowVerdict { flow, .. }| {
            let way = text::way(&flow.way, &flow.exporter, flow.importer.as_ref());
            let to = flow.to.country.map_or_else(|| "an unknown country".into(), |c| c.to_string());
            format!("{way}, in {to}")
        })
        .collect();
    lines.into_iter().collect()
}

/// Nothing is refused there, so nothing is broken there: who uses what, and whether something covers it, is told apart.
fn exempt<'a>(
    snapshot: &Snapshot,
    using: &'a Using,
    now: Timestamp,
    picture: &mut Picture,
    see: &mut dyn FnMut(Judged<'a>, &Verdict),
) {
    if using.uses.is_empty() {
        return;
    }
    *picture.findings.entry(EXEMPT).or_default() += 1;
    let place = place(snapshot, using);
    let verdict = decide(snapshot, &request(snapshot, using, &place, now));
    see(Judged::Exempt(using), &verdict);
    picture.next_change = earliest(picture.next_change, verdict.next_change);
    for used in &using.uses {
        let covered = if verdict.about(&used.store).is_violation() { "nothing covers it" } else { "covered" };
        let via = used.via.first().map_or("", String::as_str);
        let about = picture.stores.entry(used.store.clone()).or_default();
        about.next_change = earliest(about.next_change, verdict.next_change);
        about.exempt.tell(&using.owner, format!("{via}; {covered}"));
    }
}

fn place(snapshot: &Snapshot, using: &Using) -> Place {
    let node = using.pod.node().and_then(|n| snapshot.nodes.get(n));
    node.map_or(Place { provider: None, region: None, country: None }, |n| n.place.clone())
}

fn request<'a>(snapshot: &Snapshot, using: &'a Using, place: &'a Place, now: Timestamp) -> Request<'a> {
    Request {
        workload: Workload {
            kind: &using.owner.kind,
            namespace: &using.owner.namespace,
            name: &using.owner.name,
            labels: &using.pod.labels,
            one_off: snapshot.is_one_off(&using.pod.key.namespace, &using.pod.owner.made_by()),
        },
        uses: &using.uses,
        sends: &using.sends,
        places: std::slice::from_ref(place),
        now,
    }
}

fn pod<'a>(
    snapshot: &Snapshot,
    using: &'a Using,
    now: Timestamp,
    picture: &mut Picture,
    see: &mut dyn FnMut(Judged<'a>, &Verdict),
) {
    let place = place(snapshot, using);
    let request = request(snapshot, using, &place, now);
    let verdict = decide(snapshot, &request);
    see(Judged::Pod(using), &verdict);
    picture.standing.count(snapshot, using, &verdict);
    let sentence = verdict.is_violation().then(|| text::first_line(&request, &verdict));
    picture.lapsed.using += 1;
    if is_refused(snapshot, using, &verdict) {
        let uncovered = verdict.flows.iter().filter(|f| matches!(f.outcome, Outcome::Uncovered { .. }));
        let stores: BTreeSet<ObjectKey> = uncovered.map(|f| f.flow.store.clone()).collect();
        picture.lapsed.pods.push(LapsedPod {
            key: using.pod.key.clone(),
            uid: using.pod.uid.clone(),
            owner: using.owner.clone(),
            controller: using.pod.owner.clone(),
            stores: stores.into_iter().collect(),
        });
    }
    for flow in &verdict.flows {
        *picture.flows.entry(flow.outcome.state()).or_default() += 1;
    }
    picture.next_change = earliest(picture.next_change, verdict.next_change);
    let owner = picture.owners.entry(using.owner.clone()).or_default();
    owner.relied_on.extend(verdict.relied_on().iter().map(ToString::to_string));
    if let Some(said) = steered(snapshot, using)
        && owner.steered.as_ref().is_none_or(|s| said < *s)
    {
        owner.steered = Some(said);
    }
    if let Some(sentence) = &sentence {
        owner.violating += 1;
        picture.violating_pods += 1;
        // Pods come in no order; the sentence must not depend on it.
        if owner.sentence.as_ref().is_none_or(|s| sentence < s) {
            owner.sentence = Some(sentence.clone());
        }
    }
    for used in &using.uses {
        let about = picture.stores.entry(used.store.clone()).or_default();
        let flows: Vec<_> = verdict.flows.iter().filter(|f| f.flow.store == used.store).collect();
        about.using += 1;
        about.next_change = earliest(about.next_change, verdict.next_change);
        about.relied_on.extend(flows.iter().filter_map(|f| Some(f.outcome.relied_on()?.to_string())));
        for leg in flows.iter().filter_map(|f| f.outcome.last_leg()) {
            *about.legs.entry(leg.to_string()).or_default() += 1;
            picture.single_legged += 1;
        }
        if flows.iter().any(|f| matches!(f.outcome, Outcome::Uncovered { .. })) {
            about.violating += 1;
            let lines = text::lines(&request, &verdict.about(&used.store));
            // Pods come in no order; what is said must not depend on it.
            let said = about.offenders.entry(using.owner.to_string()).or_insert_with(|| lines.clone());
            if lines < *said {
                *said = lines;
            }
        } else if flows.iter().any(|f| matches!(f.outcome, Outcome::Waived { .. })) {
            about.waived += 1;
        }
    }
}

/// The earlier of two instants that may not come.
pub fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
