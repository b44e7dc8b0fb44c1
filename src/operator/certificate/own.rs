//! A certificate of our own: looked after by every replica, renewed by the leader.
//!
//! One look reads the configuration, then the Secret where that is due or the configuration is not as it must be, then
//! writes: the leader what the plan says, whoever comes first the bundle, each replica its leaf.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ObjectReference, Secret};

use super::{
    Around, CertificateError, Said,
    configuration::{Configuration, Seen},
    secret::{self, Found, Store, Written},
};
use crate::{
    admission::{Served, TlsPair},
    operator::config::RunArgs,
    platform::{
        EventKind, Events, Gate, Note,
        certs::{
            Act, CertificateReport, CertificateSource, Leaf, LeafStep, Rules, State, Told, fingerprint,
            leaf_step, new_authority, new_leaf, plan,
        },
    },
};

/// How often the configuration is looked at: a bundle that somebody cleared refuses what it should let pass.
const POLL: SignedDuration = SignedDuration::from_secs(5);
/// How long a look may take; the client repeats what the API server puts off.
const PATIENCE: Duration = Duration::from_secs(30);
/// Steps of the plan within one look: dropping what has ended, beginning, announcing.
const STEPS: usize = 4;
const WARNING: EventKind = EventKind::Warning;

/// A certificate of our own.
pub struct Own {
    names: Vec<String>,
    rules: Rules,
    store: Store,
    configuration: Option<Configuration>,
    around: Around,
    events: Events,
    /// The authorities as they were last read or written.
    state: Option<State>,
    leaf: Option<Leaf>,
    /// When the Secret is read next.
    secret_at: Timestamp,
    /// The bundle that the configuration was last seen or made to hold.
    held: Option<String>,
    said: Said,
    absent: Said,
}

/// What a look found, beside what it did.
struct Looked {
    told: Told,
    /// A leaf that is not served yet.
    new: Option<TlsPair>,
}

impl Own {
    /// For what the flags say.
    pub fn new(args: &RunArgs, around: Around) -> Self {
        let configuration = args.webhook_configuration.as_deref();
        Self {
            names: args.names_of_webhook(),
            rules: args.lifetimes.rules(),
            store: Store::new(around.client.clone(), &args.judging.own_namespace),
            configuration: configuration.map(|name| {
                let mutating = args.mutating_webhook_configuration.as_deref();
                Configuration::new(&around.client, name, mutating)
            }),
            events: Events::new(around.client.clone(), "certificate", &around.identity),
            around,
            state: None,
            leaf: None,
            secret_at: Timestamp::MIN,
            held: None,
            said: Said::default(),
            absent: Said::default(),
        }
    }

    /// Looks until there is a leaf.
    pub async fn first(&mut self) -> TlsPair {
        loop {
            if let Some(Looked { new: Some(pair), .. }) = self.try_look().await {
                return pair;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Looks for as long as it is let; the gate opens once the webhook's configuration holds our authority.
    pub async fn keep(mut self, served: Served, gate: Gate) {
        let poll = POLL.min(self.rules.look).unsigned_abs();
        loop {
            if let Some(Looked { told, new }) = self.try_look().await {
                if let Some(pair) = new
                    && let Err(error) = served.reload(&pair).map_err(CertificateError::Serve)
                {
                    self.leaf = None;
                    self.said.say(Some(error.to_string()));
                }
                // Without a configuration that it should tell, nobody waits for it to be told.
                if told == Told::Yes || self.configuration.is_none() {
                    gate.open();
                }
            }
            tokio::time::sleep(poll).await;
        }
    }

    async fn try_look(&mut self) -> Option<Looked> {
        let looked = match tokio::time::timeout(PATIENCE, self.look()).await {
            Ok(looked) => looked,
            Err(_) => Err(CertificateError::Late(PATIENCE.as_secs())),
        };
        let problem = looked.as_ref().err().map(ToString::to_string);
        self.show(looked.as_ref().ok().map(|l| l.told), problem.clone());
        self.said.say(problem);
        looked.ok()
    }

    async fn look(&mut self) -> Result<Looked, CertificateError> {
        let seen = self.seen().await;
        let due = Timestamp::now() >= self.secret_at || self.state.is_none();
        let fresh = match &seen {
            // Told means that there is nothing to write, by the Secret as it was last read.
            Ok(found) if due || self.told(found.as_ref()) == Told::No => {
                self.authorities(found.as_ref()).await
            }
            // What cannot be read is not as good as absent: nothing is planned by it.
            Ok(_) | Err(_) => Ok(false),
        };
        // From memory, where nothing could be read: it carries for longer than an API server is usually away.
        if let Some(pair) = self.renew_leaf()? {
            return Ok(Looked { told: Told::No, new: Some(pair) });
        }
        let (fresh, seen) = (fresh?, seen?);
        let told = if fresh { self.tell(seen.as_ref()).await? } else { self.told(seen.as_ref()) };
        Ok(Looked { told, new: None })
    }

    async fn seen(&mut self) -> Result<Option<Seen>, CertificateError> {
        let Some(configuration) = &self.configuration else { return Ok(None) };
        let seen = configuration.read().await?;
        self.absent.say(seen.absent.clone());
        // Where the mutating one alone is missing, the others can be told.
        Ok(Some(seen).filter(|seen| !seen.parts.is_empty()))
    }

    fn told(&self, seen: Option<&Seen>) -> Told {
        match (seen, &self.state) {
            (None, _) => Told::Nobody,
            (Some(seen), Some(state)) => seen.told(&state.bundle()),
            (Some(_), None) => Told::No,
        }
    }

    /// Reads the Secret, makes it where it is missing, and does what the plan says where this replica leads; false = others
    /// kept writing it, so that what is remembered may be of the past.
    async fn authorities(&mut self, seen: Option<&Seen>) -> Result<bool, CertificateError> {
        for _ in 0..STEPS {
            let now = Timestamp::now();
            self.secret_at = now.saturating_add(self.rules.look).unwrap_or(Timestamp::MAX);
            let done = match self.store.read().await? {
                Found::Gone => self.make(seen, now).await?,
                Found::Damaged(read, damage) => {
                    if !self.around.leads.now() {
                        self.secret_at = now;
                        let namespace = self.store.namespace().to_owned();
                        return Err(CertificateError::Damaged { namespace, damage });
                    }
                    let why = format!("could not be used ({damage})");
                    self.mend(&read, &why, seen, now).await?
                }
                Found::There(read, state) => {
                    // Whoever writes the bundle takes nothing out of it that the Secret never knew.
                    let bundle = seen.map(Seen::bundles).unwrap_or_default();
                    let adopted = state.adopting(&bundle, now, &self.rules);
                    let more = adopted != *state;
                    self.state = Some(adopted);
                    if !self.around.leads.now() {
                        return Ok(true);
                    }
                    match self.step(&read, more, seen, now).await? {
                        None => return Ok(true),
                        Some(done) => done,
                    }
                }
            };
            if done == Written::First && self.told(seen) == Told::No {
                // What is new has to be told before the plan goes on.
                self.secret_at = now;
                return Ok(true);
            }
            // Somebody else was faster, or there is more to do: both are read.
        }
        Ok(false)
    }

    /// The state to write where there is none: what this replica remembers, or a first authority.
    fn remembered(&self, seen: Option<&Seen>, now: Timestamp) -> Result<State, CertificateError> {
        let state = match &self.state {
            Some(state) => state.clone(),
            None => State::first(new_authority(now, self.rules.authority)?, now),
        };
        Ok(state.adopting(&seen.map(Seen::bundles).unwrap_or_default(), now, &self.rules))
    }

    async fn make(&mut self, seen: Option<&Seen>, now: Timestamp) -> Result<Written, CertificateError> {
        let state = self.remembered(seen, now)?;
        let done = self.store.create(&state).await?;
        if done == Written::First {
            if self.state.is_some() {
                let note = "Somebody deleted the webhook's authority; it was written anew as it was. To rotate it, annotate it.";
                self.publish(&self.store.reference(), WARNING, ("AuthorityRestored", "Restore"), note).await;
            }
            self.state = Some(state);
        }
        Ok(done)
    }

    async fn mend(
        &mut self,
        read: &Secret,
        why: &str,
        seen: Option<&Seen>,
        now: Timestamp,
    ) -> Result<Written, CertificateError> {
        let state = self.remembered(seen, now)?;
        let how =
            if self.state.is_some() { "it was written as it was before" } else { "another one was made" };
        let note = format!("The webhook's authority {why}; {how}.");
        self.publish(&self.store.reference(), WARNING, ("AuthorityReplaced", "Replace"), &note).await;
        let done = self.store.replace(read, &state).await?;
        if done == Written::First {
            self.state = Some(state);
        }
        Ok(done)
    }

    /// The plan's next step, or storing what is known beside the Secret; none = there is nothing to do.
    async fn step(
        &mut self,
        read: &Secret,
        more: bool,
        seen: Option<&Seen>,
        now: Timestamp,
    ) -> Result<Option<Written>, CertificateError> {
        let Some(state) = self.state.clone() else { return Ok(None) };
        let asked = secret::asked(read);
        // What is asked for stores it as well.
        if more && asked.is_none() {
            return self.store.replace(read, &state).await.map(Some);
        }
        let planned = plan(&state, self.told(seen), asked, now, &self.rules);
        self.secret_at = self.secret_at.min(planned.look);
        let (then, note) = match planned.act {
            Act::Keep => return Ok(None),
            Act::MakeNext { distrust } => {
                let made = new_authority(now, self.rules.authority)?;
                let note =
                    "Another authority of the webhook is announced; it signs once every API server knows it.";
                (state.begun(made, distrust), Some((("AuthorityAnnounced", "Announce"), note)))
            }
            Act::Store(then) => {
                let changes_over = then.current != state.current;
                let note = "Certificates of the webhook are signed by another authority now.";
                let note = changes_over.then_some((("AuthorityRotated", "Rotate"), note));
                (*then, note)
            }
        };
        let done = self.store.replace(read, &then).await?;
        if done == Written::First {
            self.state = Some(then);
            if let Some((reason, note)) = note {
                self.publish(&self.store.reference(), EventKind::Normal, reason, note).await;
            }
        }
        Ok(Some(done))
    }

    /// Writes the bundle where it is not what it must be.
    async fn tell(&mut self, seen: Option<&Seen>) -> Result<Told, CertificateError> {
        let told = self.told(seen);
        let (Some(seen), Some(configuration), Some(state)) = (seen, &self.configuration, &self.state) else {
            return Ok(told);
        };
        let bundle = state.bundle();
        if told == Told::No {
            if !configuration.tell(seen, &bundle).await? {
                // It has changed: the next look sees how.
                return Ok(Told::No);
            }
            tracing::info!(
                configuration = configuration.name(),
                "the webhook's configuration holds our authorities"
            );
            if self.held.as_ref() == Some(&bundle) {
                let note = "Somebody changed `caBundle` of the webhook's configuration; it was restored.";
                for regarding in seen.untold(&bundle) {
                    self.publish(&regarding, WARNING, ("CaBundleRestored", "Restore"), note).await;
                }
            }
        }
        self.held = Some(bundle);
        Ok(Told::Yes)
    }

    fn renew_leaf(&mut self) -> Result<Option<TlsPair>, CertificateError> {
        let Some(state) = &self.state else { return Ok(None) };
        let now = Timestamp::now();
        match leaf_step(self.leaf.as_ref(), state, now) {
            LeafStep::Keep(_) => Ok(None),
            LeafStep::Sign => {
                let leaf = new_leaf(&state.current, &self.names, now, self.rules.leaf)?;
                let pair = TlsPair { cert: leaf.cert_pem.clone(), key: leaf.key_pem.clone() };
                tracing::info!(
                    ends = %leaf.ends,
                    authority = fingerprint(&leaf.signed_by),
                    "serving by a certificate of our own"
                );
                self.leaf = Some(leaf);
                Ok(Some(pair))
            }
        }
    }

    async fn publish(
        &self,
        on: &ObjectReference,
        kind: EventKind,
        (reason, action): (&'static str, &'static str),
        note: &str,
    ) {
        match kind {
            EventKind::Normal => tracing::info!(reason, "{note}"),
            EventKind::Warning => tracing::warn!(reason, "{note}"),
        }
        self.events.publish(on, &Note { kind, reason, action, note: note.into() }).await;
    }

    fn show(&self, told: Option<Told>, problem: Option<String>) {
        let (Some(leaf), Some(state)) = (&self.leaf, &self.state) else { return };
        self.around.metrics.certificates.leaf(leaf.ends);
        self.around.metrics.certificates.authority(state.current.ends);
        self.around.state.set(CertificateReport {
            source: CertificateSource::Own,
            leaf_ends: leaf.ends.to_string(),
            authority_ends: Some(state.current.ends.to_string()),
            signed_by: Some(fingerprint(&leaf.signed_by)),
            announced: self.configuration.as_ref().map(|_| told == Some(Told::Yes)),
            rotating: state.next.is_some(),
            problem,
        });
    }
}
