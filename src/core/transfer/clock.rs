//! The next instant at which time alone may change an answer.

use jiff::Timestamp;

use super::carry::framework::{CARRIES_DAYS, FORWARD_DAYS, WARNS_DAYS};
use crate::core::{
    law::LawPack,
    safeguard::{Instrument, Safeguard},
    validity::{Validity, days_after},
};

/// Collects instants and keeps the first that lies ahead. Too many instants cost a needless look, one too few costs a
/// verdict that stays when it should flip: in doubt an instant is noted.
pub(super) struct Clock {
    now: Timestamp,
    next: Option<Timestamp>,
}

impl Clock {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now, next: None }
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    pub(super) fn note(&mut self, instant: Timestamp) {
        if instant > self.now && self.next.is_none_or(|next| instant < next) {
            self.next = Some(instant);
        }
    }

    pub(super) fn note_validity(&mut self, validity: &Validity) {
        validity.next_change(self.now).into_iter().for_each(|t| self.note(t));
    }

    /// Everything by which what a safeguard carries, or what it warns of, changes.
    pub(super) fn note_safeguard(&mut self, safeguard: &Safeguard, law: &LawPack, grace_days: i32) {
        self.note_validity(&safeguard.validity);
        match &safeguard.instrument {
            Instrument::Clauses(clauses) => {
                self.note(clauses.executed_on);
                clauses.uk_addendum.iter().for_each(|a| self.note(a.executed_on));
                clauses.swiss_amendments.into_iter().for_each(|t| self.note(t));
                self.note_assessments(safeguard, grace_days);
            }
            Instrument::Agreement(agreement) => {
                self.note(agreement.executed_on);
                self.note_assessments(safeguard, grace_days);
            }
            Instrument::GroupRules(rules) => {
                rules.approvals.values().for_each(|t| self.note(*t));
                self.note_assessments(safeguard, grace_days);
            }
            Instrument::Derogation(derogation) => {
                let informed = [derogation.authority_informed, derogation.subjects_informed];
                informed.into_iter().flatten().for_each(|t| self.note(t));
            }
            Instrument::DataPrivacyFramework(entry) => {
                for framework in &entry.frameworks {
                    self.note_validity(&framework.validity);
                    if let Some(law) = law.frameworks.get(&framework.name) {
                        self.note_validity(&law.validity);
                    }
                }
                for days in [-FORWARD_DAYS, WARNS_DAYS, CARRIES_DAYS] {
                    self.note(days_after(entry.checked_on, days));
                }
            }
            Instrument::Adequacy(claim) => {
                law.adequacy
                    .get(claim.row.as_str())
                    .into_iter()
                    .for_each(|r| self.note_validity(&r.validity));
            }
        }
    }
    fn note_assessments(&mut self, safeguard: &Safeguard, grace_days: i32) {
        for assessment in &safeguard.assessments {
            self.note(assessment.completed_on);
            if let Some(end) = assessment.review_until {
                self.note(end);
                self.note(days_after(end, grace_days));
            }
        }
    }
}
