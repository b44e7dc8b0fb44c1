//! What was installed, as the installation wrote it down.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Id, Kind, kind::API_VERSION};

/// Why a text does not say what was installed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpectedError {
    /// Not YAML.
    #[error("reading the installed enforcement: no YAML: {0}")]
    Yaml(String),
    /// A document of another kind.
    #[error(
        "reading the installed enforcement: document {index} is a {kind} of {api_version}, which is not compared"
    )]
    Kind {
        /// Which document, from 1.
        index: usize,
        /// Its kind.
        kind: String,
        /// Its API version.
        api_version: String,
    },
    /// A document without a name or without its main part.
    #[error("reading the installed enforcement: document {index} has no {field}")]
    Incomplete {
        /// Which document, from 1.
        index: usize,
        /// What it lacks.
        field: &'static str,
    },
    /// The same object twice.
    #[error("reading the installed enforcement: {kind} {name} is there twice")]
    Twice {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// No document at all.
    #[error("reading the installed enforcement: no object in it")]
    Empty,
}

/// What was installed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected(BTreeMap<Id, Value>);

impl Expected {
    /// Reads a YAML text of several documents.
    pub fn from_yaml(text: &str) -> Result<Self, ExpectedError> {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(text).map_err(|e| ExpectedError::Yaml(e.to_string()))?;
        Self::from_documents(documents)
    }

    /// Reads documents.
    pub fn from_documents(documents: impl IntoIterator<Item = Value>) -> Result<Self, ExpectedError> {
        let mut all = BTreeMap::new();
        for (index, document) in documents.into_iter().enumerate().map(|(i, d)| (i + 1, d)) {
            if document.is_null() {
                continue;
            }
            let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
            let known = Kind::named(kind).filter(|_| api_version == API_VERSION);
            let Some(kind) = known else {
                let (kind, api_version) = (kind.to_owned(), api_version.to_owned());
                return Err(ExpectedError::Kind { index, kind, api_version });
            };
            if name.is_empty() {
                return Err(ExpectedError::Incomplete { index, field: "metadata.name" });
            }
            if document.get(kind.part()).is_none_or(Value::is_null) {
                return Err(ExpectedError::Incomplete { index, field: kind.part() });
            }
            let name = name.to_owned();
            if all.insert(Id { kind, name: name.clone() }, document).is_some() {
                return Err(ExpectedError::Twice { kind, name });
            }
        }
        if all.is_empty() { Err(ExpectedError::Empty) } else { Ok(Self(all)) }
    }

    /// Every object.
    pub fn objects(&self) -> impl Iterator<Item = (&Id, &Value)> {
        self.0.iter()
    }

    /// Kinds of which there is one.
    pub fn kinds(&self) -> BTreeSet<Kind> {
        self.0.keys().map(|id| id.kind).collect()
    }

    /// Whether this object is one of ours.
    pub fn names(&self, id: &Id) -> bool {
        self.0.contains_key(id)
    }
}
