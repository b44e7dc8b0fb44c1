//! The kinds that are compared.

use std::fmt;

use serde::{Deserialize, Serialize};

/// API version of all of them.
pub(super) const API_VERSION: &str = "admissionregistration.k8s.io/v1";

/// A kind by which the API server refuses without us, or asks us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub enum Kind {
    /// What is refused.
    ValidatingAdmissionPolicy,
    /// Where it is refused.
    ValidatingAdmissionPolicyBinding,
    /// What we are asked.
    ValidatingWebhookConfiguration,
    /// What we are asked to change; installed where Pods are steered.
    MutatingWebhookConfiguration,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::ValidatingAdmissionPolicy,
        Self::ValidatingAdmissionPolicyBinding,
        Self::ValidatingWebhookConfiguration,
        Self::MutatingWebhookConfiguration,
    ];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// As Kubernetes spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ValidatingAdmissionPolicy => "ValidatingAdmissionPolicy",
            Self::ValidatingAdmissionPolicyBinding => "ValidatingAdmissionPolicyBinding",
            Self::ValidatingWebhookConfiguration => "ValidatingWebhookConfiguration",
            Self::MutatingWebhookConfiguration => "MutatingWebhookConfiguration",
        }
    }

    /// The resource.
    pub fn plural(self) -> &'static str {
        match self {
            Self::ValidatingAdmissionPolicy => "validatingadmissionpolicies",
            Self::ValidatingAdmissionPolicyBinding => "validatingadmissionpolicybindings",
            Self::ValidatingWebhookConfiguration => "validatingwebhookconfigurations",
            Self::MutatingWebhookConfiguration => "mutatingwebhookconfigurations",
        }
    }

    /// The field that says what it does; everything else of an object is its administration.
    pub(super) fn part(self) -> &'static str {
        match self {
            Self::ValidatingAdmissionPolicy | Self::ValidatingAdmissionPolicyBinding => "spec",
            Self::ValidatingWebhookConfiguration | Self::MutatingWebhookConfiguration => "webhooks",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An object of one of these kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}
