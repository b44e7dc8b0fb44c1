//! A derogation, already read.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::core::ids::{PartyName, RegimeId};

/// A derogation for one transfer. That it is recorded, and on which ground, is asked where it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derogation {
    /// Regime from which it derogates.
    pub regime: RegimeId,
    /// Exporters.
    pub exporters: BTreeSet<PartyName>,
    /// Importers.
    pub importers: BTreeSet<PartyName>,
    /// When the authority was informed, where the ground asks for that.
    pub authority_informed: Option<Timestamp>,
    /// When the people were informed, where the ground asks for that.
    pub subjects_informed: Option<Timestamp>,
}
