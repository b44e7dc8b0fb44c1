//! What is found, and what it comes to.

use std::collections::BTreeMap;

use serde::Serialize;
use strum::IntoStaticStr;

/// How bad it is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Severity {
    /// It would not be written, or cannot be read.
    Invalid,
    /// A declared rule is broken.
    Violation,
    /// It would be admitted with a warning.
    Warning,
    /// Something is not covered, or not declared.
    Gap,
    /// Nothing is wrong, and somebody should know.
    Note,
}

/// What it is, in a word of a fixed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, IntoStaticStr)]
pub enum Code {
    /// A file or document cannot be read.
    Unreadable,
    /// The API server or the webhook would refuse the object.
    Invalid,
    /// Nothing covers a transfer.
    TransferNotCovered,
    /// An erasure Secret is used by somebody else than the runner.
    ErasureSecret,
    /// The webhook would warn.
    Warning,
    /// The object is there twice.
    DeclaredTwice,
    /// The binding will be judged.
    WaitsForBinding,
    /// The namespace is not judged.
    Exempt,
    /// Something is used that nobody declared, or not as it was meant.
    Gap,
    /// One safeguard alone carries a flow.
    SingleLegged,
    /// The same entity receives in a third country (`--same-entity Report`).
    SameEntity,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 11] = [
        Self::Unreadable,
        Self::Invalid,
        Self::TransferNotCovered,
        Self::ErasureSecret,
        Self::Warning,
        Self::DeclaredTwice,
        Self::WaitsForBinding,
        Self::Exempt,
        Self::Gap,
        Self::SingleLegged,
        Self::SameEntity,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What it means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Unreadable => "A file or a document of it cannot be read.",
            Self::Invalid => "The API server or Carnet's webhook would refuse the object.",
            Self::TransferNotCovered => "Nothing covers a transfer of personal data.",
            Self::ErasureSecret => "A Secret for erasure may be used by deletion Jobs alone.",
            Self::Warning => "The webhook would admit the object with a warning.",
            Self::DeclaredTwice => "The object stands twice in what was read; the last counts.",
            Self::WaitsForBinding => "Whether the Pod may run is decided when it is bound to a node.",
            Self::Exempt => "A store is used in a namespace where nothing is refused.",
            Self::Gap => "Something is used that no rule speaks of.",
            Self::SingleLegged => "One safeguard alone carries a flow: without it nothing would.",
            Self::SameEntity => "The same entity receives in a third country, which is noted and not judged.",
        }
    }
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Spot {
    /// The file; `-` is standard input.
    pub file: String,
    /// The line, from 1 on.
    pub line: usize,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub code: Code,
    /// Where.
    #[serde(flatten)]
    pub spot: Spot,
    /// Kind, namespace and name; empty where there is no object.
    pub object: String,
    /// In the webhook's words; the first line stands alone.
    pub message: String,
}

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The instant that it speaks of.
    pub at: String,
    /// Version of the law pack.
    pub law: String,
    /// Findings in the order of the texts.
    pub findings: Vec<Finding>,
    /// Objects that were judged, each with its place, in order.
    pub judged: Vec<Judged>,
    /// Objects of kinds that are not judged, counted.
    pub skipped: BTreeMap<String, usize>,
    /// What would help whoever reads it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// An object that was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Kind, namespace and name.
    pub object: String,
    /// Where.
    #[serde(flatten)]
    pub spot: Spot,
}

impl Report {
    /// How many findings are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// 2 where anything is invalid, else 1 where a rule is broken, else 0.
    pub fn exit_code(&self) -> u8 {
        match self.findings.iter().map(|finding| finding.severity).min() {
            Some(Severity::Invalid) => 2,
            Some(Severity::Violation) => 1,
            Some(Severity::Warning | Severity::Gap | Severity::Note) | None => 0,
        }
    }
}
