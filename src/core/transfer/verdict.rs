//! What [`super::decide`] answers.

use std::sync::Arc;

use jiff::Timestamp;

use super::ReliedOn;
use crate::core::{
    ids::{Country, ObjectKey, PartyName, RegimeId},
    law::ClausesNeed,
    safeguard::FrameworkName,
    store::Place,
};

/// The conjunction over all flows of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Every flow that was judged, in a stable order.
    pub flows: Vec<FlowVerdict>,
    /// Version of the law pack.
    pub law: String,
    /// The instant for which it was judged.
    pub at: Timestamp,
    /// The next instant at which an answer changes by time alone.
    pub next_change: Option<Timestamp>,
}

/// One flow and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowVerdict {
    /// The flow.
    pub flow: Flow,
    /// Its outcome.
    pub outcome: Outcome,
}

/// Data of one dataset under one regime to one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// Store.
    pub store: ObjectKey,
    /// Dataset.
    pub dataset: Arc<str>,
    /// Regime.
    pub regime: RegimeId,
    /// Who exports.
    pub exporter: PartyName,
    /// Who receives; none = unknown.
    pub importer: Option<PartyName>,
    /// Where the data is.
    pub home: Place,
    /// Where the workload runs.
    pub place: Place,
    /// How it gets to the importer.
    pub way: Way,
    /// Where it gets to; where the workload runs unless the way leads on from there.
    pub to: Place,
}

/// How data gets from an exporter to an importer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The workload processes it where it runs.
    Processing,
    /// People of the importer reach it from there.
    RemoteAccess,
    /// The importer is controlled from there.
    Control,
    /// The workload's configuration names this host, which is the importer's.
    Host(Arc<str>),
    /// The exporter of this hop hands on what it receives (`onwardTo` of its Party).
    Onward,
    /// The workload declares that it writes to this store, and so writes there what it reads.
    Write(ObjectKey),
    /// What is in this store, or is written to it, is in this copy of it too.
    Copy(ObjectKey, Arc<str>),
}

/// Outcome of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The place lies inside the regime.
    NoBorder,
    /// An adequacy decision of scope "all" holds.
    Adequate(ReliedOn),
    /// A safeguard carries it.
    Carried {
        /// The one of best preference.
        by: ReliedOn,
        /// Others that would carry it too.
        also: Vec<ReliedOn>,
        /// What a person should look after (an overdue assessment, a stale check).
        warnings: Vec<String>,
    },
    /// The same entity in a third country, with `--same-entity Report`.
    SameEntity,
    /// The exporter processes, where the store is, what people gave it themselves: nobody exported it.
    CollectedDirectly,
    /// Nothing carries it, and an exception waives that.
    Waived {
        /// The exception.
        exception: Arc<str>,
        /// Why nothing carries it.
        near: Vec<NearMiss>,
    },
    /// Nothing carries it.
    Uncovered {
        /// What came near, and why it does not carry.
        near: Vec<NearMiss>,
        /// What would make it lawful; any one.
        remedies: Vec<Remedy>,
    },
}

/// What would make a flow lawful.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// Declare the store.
    DeclareStore,
    /// Declare the exporter's Party.
    DeclareExporter,
    /// Say who runs the namespace.
    NameImporter,
    /// Declare the Party that receives.
    DeclareImporter(PartyName),
    /// Bind the importer by a contract that leaves nothing out, in `onwardTo` of the exporter's Party.
    OnwardContract,
    /// Make the place known.
    KnowPlace,
    /// Clauses that fit the role, with what the regime needs besides, and an assessment.
    Clauses {
        /// Modules that fit.
        modules: Modules,
        /// What the regime needs besides.
        needs: ClausesNeed,
    },
    /// The UK's own agreement, with an assessment.
    Agreement,
    /// Binding corporate rules of the group to which both belong, with an assessment.
    GroupRules(Arc<str>),
    /// A certification of the importer.
    Certification(FrameworkName),
    /// Exporter and importer are one: nobody agrees on clauses with himself, but it may be held that there is no transfer.
    SameEntity,
    /// A claim of this row of the law pack.
    Claim(Arc<str>),
    /// A derogation, for this one Job.
    Derogation,
    /// To run where the data is.
    RunIn(Country),
}

/// Modules of the clauses that fit a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modules {
    /// 1 and 2: data of our own.
    Controller,
    /// 3: data held for somebody else than the importer.
    Processor,
    /// 4: data that goes back to whose it is.
    BackToController,
    /// 3 or 4: data held for somebody else, and nobody is known to receive it.
    ProcessorToAnybody,
}

impl Modules {
    /// Every value.
    pub const ALL: [Self; 4] =
        [Self::Controller, Self::Processor, Self::BackToController, Self::ProcessorToAnybody];

    /// Their names as users write them.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Controller => "ControllerToController or ControllerToProcessor",
            Self::Processor => "ProcessorToProcessor",
            Self::BackToController => "ProcessorToController",
            Self::ProcessorToAnybody => "ProcessorToProcessor or ProcessorToController",
        }
    }
}

/// A safeguard or decision that came near, and why it does not carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// `safeguard/NAME`, `law/ROW` or `exception/NAME`.
    pub what: ReliedOn,
    /// Why, as a clause without a subject: `ended 2027-01-15T00:00:00Z`, `has no UK Addendum`.
    pub why: String,
}

impl Verdict {
    /// Whether a flow is not covered.
    pub fn is_violation(&self) -> bool {
        self.flows.iter().any(|f| matches!(f.outcome, Outcome::Uncovered { .. }))
    }

    /// Whether a flow is waived by an exception.
    pub fn is_waived(&self) -> bool {
        self.flows.iter().any(|f| matches!(f.outcome, Outcome::Waived { .. }))
    }

    /// The part that speaks of one store. The next change stays that of the whole: it may come earlier than this store's.
    #[must_use]
    pub fn about(&self, store: &ObjectKey) -> Self {
        Self {
            flows: self.flows.iter().filter(|f| f.flow.store == *store).cloned().collect(),
            law: self.law.clone(),
            at: self.at,
            next_change: self.next_change,
        }
    }

    /// What the covered flows stand on, sorted, each once.
    pub fn relied_on(&self) -> Vec<ReliedOn> {
        let mut all: Vec<_> = self
            .flows
            .iter()
            .filter_map(|f| match &f.outcome {
                Outcome::Adequate(by) | Outcome::Carried { by, .. } => Some(by.clone()),
                Outcome::NoBorder
                | Outcome::SameEntity
                | Outcome::CollectedDirectly
                | Outcome::Waived { .. }
                | Outcome::Uncovered { .. } => None,
            })
            .collect();
        all.sort();
        all.dedup();
        all
    }
}
