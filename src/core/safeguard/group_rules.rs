//! Binding corporate rules, already read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::core::{
    ids::{PartyName, RegimeId},
    store::Role,
};

/// Rules that bind members of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRules {
    /// The group.
    pub group: String,
    /// Who is bound.
    pub members: BTreeSet<PartyName>,
    /// For data of which kind of exporter they were made.
    pub kind: RulesKind,
    /// When the authority of each regime approved them.
    pub approvals: BTreeMap<RegimeId, Timestamp>,
}

/// For data of which kind of exporter rules were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulesKind {
    /// Data about which a member decides.
    Controller,
    /// Data that a member holds for somebody outside.
    Processor,
}

impl RulesKind {
    /// Whether data held as `role` may be exported under them.
    pub fn fits(self, role: &Role) -> bool {
        match self {
            Self::Controller => *role == Role::Controller,
            Self::Processor => matches!(role, Role::Processor(_)),
        }
    }
}
