//! From a review's bytes to the response's: finds out what is asked, and who answers it.

use jiff::Timestamp;

use super::{
    BadReview, NotReady, ReviewState, binding,
    envelope::{self, Answer, Refusal, Request},
    runner,
    transfers::Case,
    validate,
    workload::{self, Subject},
};
use crate::{api::labels, core::settings::Mode, index::Sight, placement::candidates};

/// A response, and what to log of it.
#[derive(Clone, Debug)]
pub struct Reviewed {
    /// The response's bytes: a review, or, where nothing was judged, what the call fails with.
    pub body: Vec<u8>,
    /// What was decided.
    pub decision: Decision,
}

/// What was decided, for logs and metrics; no personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Uid of the request.
    pub uid: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name; empty where only a prefix was given.
    pub name: String,
    /// Operation.
    pub operation: String,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The answer; false where there is none.
    pub allowed: bool,
    /// One word of a fixed set.
    pub verdict: &'static str,
    /// How strictly it was judged; none where nothing was.
    pub mode: Option<Mode>,
    /// Why it was not judged, where it was not.
    pub not_ready: Option<NotReady>,
    /// Declared stores that the object uses, `namespace/name`.
    pub stores: Vec<String>,
    /// What carries its flows: safeguards and rows of the law, and exceptions that waive.
    pub relied_on: Vec<String>,
    /// Version of the law pack that was judged by.
    pub law: String,
    /// Why it was refused, in a line that quotes nothing of the object; empty where it was allowed.
    pub reason: String,
}

impl Decision {
    /// Whether nothing was decided: the call fails, and the failure policy of the webhook decides.
    pub fn fails_the_call(&self) -> bool {
        self.not_ready.is_some_and(NotReady::fails_the_call)
    }

    /// `allowed`, `refused` or `unjudged`.
    pub fn answer(&self) -> &'static str {
        match self {
            _ if self.fails_the_call() => "unjudged",
            Self { allowed: true, .. } => "allowed",
            Self { allowed: false, .. } => "refused",
        }
    }
}

/// Answers a review at `now`. Pure: no clock, no client, no wait.
pub fn review(state: &ReviewState<'_>, body: &[u8], now: Timestamp) -> Result<Reviewed, BadReview> {
    answered(state, body, |request| dispatch(state, request, now))
}

/// Reads a review and writes the answer that `by` gives to it.
pub(super) fn answered(
    state: &ReviewState<'_>,
    body: &[u8],
    by: impl FnOnce(&Request<'_>) -> Answer,
) -> Result<Reviewed, BadReview> {
    let request = match envelope::read(body)? {
        Ok(request) => request,
        Err((uid, why)) => {
            let answer = Answer::bad_request(format!("failed to read the AdmissionReview: {why}"));
            return Ok(Reviewed::new(&answer, Decision { uid, ..Decision::default() }));
        }
    };
    let mut answer = by(&request);
    if !answer.notes.is_empty() {
        // By it the API server's audit log, which knows the user, finds the line of ours.
        answer.notes.insert("review", request.uid.clone().into_owned());
    }
    let text = |t: &Option<std::borrow::Cow<'_, str>>| t.as_deref().unwrap_or_default().to_owned();
    let of = Decision {
        uid: request.uid.clone().into_owned(),
        kind: request.kind.kind.clone().into_owned(),
        namespace: text(&request.namespace),
        name: text(&request.name),
        operation: request.operation.clone().into_owned(),
        dry_run: request.dry_run.unwrap_or_default(),
        law: state.snapshot.law.version.clone(),
        ..Decision::default()
    };
    Ok(Reviewed::new(&answer, of))
}

/// Gives up a review that was not judged, by its uid; none where it holds none.
#[cfg(feature = "operator")]
pub(super) fn give_up(body: &[u8], why: NotReady, message: String) -> Option<Reviewed> {
    let uid = envelope::uid(body)?;
    Some(Reviewed::new(&Answer::unavailable(why, message), Decision { uid, ..Decision::default() }))
}

impl Reviewed {
    fn new(answer: &Answer, of: Decision) -> Self {
        let decision = Decision {
            allowed: answer.refusal.is_none(),
            verdict: answer.verdict,
            mode: answer.mode,
            not_ready: answer.not_ready,
            stores: answer.stores.clone(),
            relied_on: answer.relied_on.clone(),
            reason: answer.refusal.as_ref().map(Refusal::reason).unwrap_or_default(),
            ..of
        };
        Self { body: answer.write(&decision.uid), decision }
    }
}

/// What a request is about.
enum Topic {
    Pod,
    Template,
    Binding,
    Ours,
    Other,
}

fn topic(request: &Request<'_>) -> Topic {
    let sub = request.sub_resource.as_deref().unwrap_or_default();
    match (&*request.resource.group, &*request.resource.resource, sub) {
        ("", "pods", "" | "ephemeralcontainers") => Topic::Pod,
        ("", "pods", "binding") | ("", "bindings", "") => Topic::Binding,
        ("", "replicationcontrollers" | "podtemplates", "")
        | ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets", "")
        | ("batch", "jobs" | "cronjobs", "") => Topic::Template,
        (labels::GROUP, _, "") => Topic::Ours,
        _ => Topic::Other,
    }
}

fn dispatch(state: &ReviewState<'_>, request: &Request<'_>, now: Timestamp) -> Answer {
    let topic = topic(request);
    if matches!(topic, Topic::Other) || !matches!(&*request.operation, "CREATE" | "UPDATE") {
        return Answer::allow("not-judged");
    }
    // A list would be read as the fields of an object in their order.
    let Some(raw) = request.object.filter(|raw| raw.get().starts_with('{')) else {
        return Answer::bad_request("failed to judge the request: it holds no object".into());
    };
    let namespace = request.namespace.as_deref().unwrap_or_default();
    let settings = &state.snapshot.settings;
    let exempt = settings.is_exempt(namespace);
    match topic {
        Topic::Ours => validate::validate(state, request, raw.get(), now),
        Topic::Binding if exempt => Answer::allow("exempt"),
        Topic::Binding => {
            if let Some(unsighted) = Answer::unsighted(&state.sight) {
                return unsighted;
            }
            let name = request.name.as_deref().unwrap_or_default();
            binding::judge(state, namespace, name, raw.get(), request.dry_run.unwrap_or_default(), now)
        }
        Topic::Pod | Topic::Template => workload(state, request, namespace, exempt, now),
        Topic::Other => Answer::allow("not-judged"),
    }
}

fn workload(
    state: &ReviewState<'_>,
    request: &Request<'_>,
    namespace: &str,
    exempt: bool,
    now: Timestamp,
) -> Answer {
    if exempt && state.sight != Sight::Clear {
        return Answer::allow("exempt");
    }
    let kind = &*request.kind.kind;
    let is_pod = &*request.resource.resource == "pods";
    let read = |raw: &str| if is_pod { workload::pod(raw).map(Some) } else { workload::template(raw) };
    let object = request.object.map_or("null", |raw| raw.get());
    let subject = match read(object) {
        Ok(Some(subject)) => subject,
        Ok(None) => return Answer::allow("not-judged"),
        Err(error) => return Answer::bad_request(format!("failed to read the {kind}: {error}")),
    };
    let old = match request.old_object.filter(|_| &*request.operation == "UPDATE") {
        // What cannot be read is no excuse: then the new one is judged as if it were created.
        Some(raw) => read(raw.get()).ok().flatten(),
        None => None,
    };
    if let Some(old) = &old
        && (subject.meta.deletion_timestamp.is_some() || subject.same_as(old))
    {
        return Answer::allow("unchanged");
    }
    if let Some(unsighted) = Answer::unsighted(&state.sight) {
        return unsighted;
    }
    Subjected { state, request, namespace, exempt, kind, now }.judge(&subject, old.as_ref())
}

/// Whether a kind's Pods have it, or what it makes, for a controller. DaemonSets' Pods each have a node of their own.
fn has_steered_pods(kind: &str) -> bool {
    matches!(kind, "Deployment" | "ReplicaSet" | "StatefulSet" | "ReplicationController" | "Job" | "CronJob")
}

struct Subjected<'a> {
    state: &'a ReviewState<'a>,
    request: &'a Request<'a>,
    namespace: &'a str,
    exempt: bool,
    kind: &'a str,
    now: Timestamp,
}

impl Subjected<'_> {
    fn judge(&self, subject: &Subject, old: Option<&Subject>) -> Answer {
        let Self { state, request, namespace, exempt, kind, now } = *self;
        let snapshot = &*state.snapshot;
        let detection = subject.detect(snapshot, namespace, state.config_maps);
        let before = old.map(|old| (old, old.detect(snapshot, namespace, state.config_maps)));

        let name = subject.name();
        if !exempt {
            // Reference by reference: a container more beside the runner is somebody else's.
            let had = |reference| before.as_ref().is_some_and(|(_, d)| d.erasure_secrets.contains(reference));
            let forbidden = detection.erasure_secrets.iter().find(|reference| !had(reference));
            let user = &request.user_info.username;
            if let Some((secret, store, via)) = forbidden
                && !runner::is_runner(&snapshot.settings, kind, subject, user)
            {
                let mut answer = Answer::forbid(
                    "erasure-secret",
                    format!(
                        "{kind} {namespace}/{name} may not use Secret {secret}: it erases DataStore {store}, and \
                         deletion Jobs alone may use it\nfound at {via}\nuse a Secret that the store's \
                         spec.access.secrets names"
                    ),
                );
                answer.stores = vec![store.to_string()];
                return answer;
            }
        }

        let mut answer = if detection.uses.is_empty() {
            Answer::allow("no-use")
        } else if exempt {
            let mut answer = Answer::allow("exempt");
            answer.notes.insert("verdict", "exempt".into());
            let stores: Vec<String> = detection.uses.iter().map(|u| u.store.to_string()).collect();
            answer.notes.insert("uses", stores.join(", "));
            answer.stores = stores;
            answer
        } else {
            let new = Case {
                kind,
                namespace,
                name: &name,
                labels: &subject.labels,
                one_off: subject.is_one_off(snapshot, kind, namespace),
                uses: &detection.uses,
                sends: &detection.sends,
                candidates: candidates(snapshot, &subject.spec),
                pods: Some(&subject.spec).filter(|_| has_steered_pods(kind)),
                dry_run: request.dry_run.unwrap_or_default(),
            };
            let judged = new.judge(snapshot, now);
            let worse = before.as_ref().is_none_or(|(old, detection)| {
                let was = Case {
                    labels: &old.labels,
                    one_off: old.is_one_off(snapshot, kind, namespace),
                    uses: &detection.uses,
                    sends: &detection.sends,
                    candidates: candidates(snapshot, &old.spec),
                    ..new
                }
                .judge(snapshot, now);
                judged.is_worse_than(&was)
            });
            new.answer(snapshot, &judged, worse, now)
        };
        if !detection.findings.is_empty() {
            let findings: Vec<_> = detection.findings.iter().map(ToString::to_string).collect();
            let findings = findings.join("; ");
            let end = findings.char_indices().nth(2000).map_or(findings.len(), |(i, _)| i);
            answer.notes.insert("findings", findings[..end].to_owned());
            // The author's own words, which the author can mend.
            for finding in detection.findings.iter().filter(|f| f.is_of_the_author()) {
                answer.warn(&finding.to_string());
            }
        }
        answer
    }
}
