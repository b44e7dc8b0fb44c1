//! One difference between what was installed and what is there.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Kind;

/// A field that is not as it was installed, or an object that is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deviation {
    /// Kind of the object.
    pub kind: Kind,
    /// Name of the object.
    pub name: String,
    /// The field, such as `webhooks[pods.carnet.dev].failurePolicy`; none = the object is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was installed; none = nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is there; none = nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The release that the object says it is of, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
}

impl Deviation {
    /// Whether the whole object is missing.
    pub fn is_missing(&self) -> bool {
        self.field.is_none()
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, field, expected, found, release } = self;
        write!(f, "{kind} {name}")?;
        let Some(field) = field else { return f.write_str(" is missing") };
        match (expected, found) {
            (Some(expected), Some(found)) => write!(f, ": {field} is {found}, installed was {expected}")?,
            (Some(expected), None) => write!(f, ": {field} is gone, installed was {expected}")?,
            (None, Some(found)) => write!(f, ": {field} was added: {found}")?,
            (None, None) => write!(f, ": {field} differs")?,
        }
        match release {
            Some(release) => write!(f, " (of release {release}, not of ours)"),
            None => Ok(()),
        }
    }
}
