//! What came near to carrying a blocked flow, and what would make it lawful.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    Modules, NearMiss, Remedy, Way,
    carry::{self, Crossing, outside},
};
use crate::core::{
    ids::{Country, PartyName, RegimeId},
    law::FormOf,
    safeguard::{Instrument, Safeguard},
    snapshot::Snapshot,
    store::{Dataset, Place, Role, Store},
};

/// More near misses than a person reads; the rest is counted.
const SHOWN: usize = 8;

/// A flow that nothing carries.
pub(super) struct Blocked<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Timestamp,
    pub(super) store: &'a Store,
    pub(super) exporter: &'a PartyName,
    /// As it is named, whether there is such a Party or not.
    pub(super) importer: Option<&'a PartyName>,
    pub(super) way: &'a Way,
    pub(super) dataset: &'a Dataset,
    pub(super) regime: &'a RegimeId,
    pub(super) place: &'a Place,
    /// None where the importer is unknown.
    pub(super) crossing: Option<Crossing<'a>>,
}

/// The row by which `regime` finds `country` adequate without a claim.
pub(super) fn adequate_row<'a>(
    snapshot: &'a Snapshot,
    regime: &RegimeId,
    country: Country,
    now: Timestamp,
) -> Option<&'a Arc<str>> {
    let mut rows = snapshot.law.adequacy_rows(regime, country);
    rows.find(|r| r.verified && r.holds_by_itself && r.validity.contains(now)).map(|r| &r.id)
}

impl Blocked<'_> {
    /// Safeguards in the order of preference, then rows of the law.
    pub(super) fn near_misses(&self) -> Vec<NearMiss> {
        let safeguards = self.safeguards();
        let mut near: Vec<_> = safeguards
            .iter()
            .take(SHOWN)
            .map(|s| {
                let why = self.crossing.as_ref().map(|c| carry::why_not(s, c));
                NearMiss {
                    what: format!("safeguard/{}", s.name).into(),
                    why: why
                        .unwrap_or_else(|| "names its importers, and nobody is known to be this one".into()),
                }
            })
            .collect();
        if let Some(more) = safeguards.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            near.push(NearMiss { what: "safeguards".into(), why: format!("{more} more came near") });
        }
        near.extend(self.rows(safeguards));
        near
    }

    fn safeguards(&self) -> &[Arc<Safeguard>] {
        let found = match &self.crossing {
            Some(crossing) => self.snapshot.by_importer.get(crossing.importer),
            None => self.snapshot.by_exporter.get(self.exporter),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// Rows that speak of the country and do not hold by themselves now; not those that a safeguard here claims.
    fn rows(&self, safeguards: &[Arc<Safeguard>]) -> Vec<NearMiss> {
        let Some(country) = self.place.country else { return vec![] };
        let claimed = |id: &str| {
            let claims = |s: &Arc<Safeguard>| matches!(&s.instrument, Instrument::Adequacy(a) if a.row == id);
            safeguards.iter().take(SHOWN).any(claims)
        };
        self.snapshot
            .law
            .adequacy_rows(self.regime, country)
            .filter(|row| !claimed(&row.id))
            .map(|row| {
                let why = if !row.verified {
                    "is not verified, so nothing stands on it".into()
                } else if !row.validity.contains(self.now) {
                    outside(&row.validity, self.now)
                } else {
                    format!("covers some recipients only ({}); claim it with a TransferSafeguard", row.scope)
                };
                NearMiss { what: format!("law/{}", row.id).into(), why }
            })
            .collect()
    }

    /// What stands in the way of every instrument first; where nothing does, the instruments.
    pub(super) fn remedies(&self) -> Vec<Remedy> {
        let law = &self.snapshot.law;
        let mut remedies = vec![];
        if !self.snapshot.parties.contains_key(self.exporter) {
            remedies.push(Remedy::DeclareExporter);
        }
        if self.crossing.is_none() {
            let named = |party: &PartyName| Remedy::DeclareImporter(party.clone());
            remedies.push(self.importer.map_or(Remedy::NameImporter, named));
        }
        let Some(country) = self.place.country else {
            remedies.push(Remedy::KnowPlace);
            return remedies;
        };
        let same_entity = self.crossing.as_ref().is_some_and(|c| c.importer == c.exporter);
        if same_entity {
            remedies.push(Remedy::SameEntity);
        } else if let Some(regime) = law.regimes.get(self.regime) {
            remedies.push(Remedy::Clauses { modules: self.modules(), needs: regime.clauses_need });
            if law.forms(FormOf::Agreement).any(|form| form.regime == *self.regime) {
                remedies.push(Remedy::Agreement);
            }
            remedies.extend(self.common_group().map(Remedy::GroupRules));
        }
        for (name, framework) in &law.frameworks {
            let serves = framework.regime == *self.regime && framework.country == country;
            // A framework takes organisations of its own country only; of an unknown importer nothing is known.
            let open =
                self.crossing.as_ref().is_none_or(|c| carry::established(c) == Some(framework.country));
            if serves && open && framework.validity.contains(self.now) {
                remedies.push(Remedy::Certification(*name));
            }
        }
        for row in law.adequacy_rows(self.regime, country) {
            if row.verified && !row.holds_by_itself && row.validity.contains(self.now) {
                remedies.push(Remedy::Claim(row.id.clone()));
            }
        }
        let settings = &self.snapshot.settings;
        if settings.derogations_for_jobs && self.crossing.as_ref().is_some_and(|c| c.one_off) {
            remedies.push(Remedy::Derogation);
        }
        if *self.way == Way::Processing {
            remedies.extend(self.home().map(Remedy::RunIn));
        }
        remedies
    }

    fn modules(&self) -> Modules {
        match (&self.dataset.role, &self.crossing) {
            (Role::Controller, _) => Modules::Controller,
            (Role::Processor(_), None) => Modules::ProcessorToAnybody,
            (Role::Processor(controller), Some(c)) if controller == c.importer => Modules::BackToController,
            (Role::Processor(_), Some(_)) => Modules::Processor,
        }
    }

    /// The group to which exporter and importer both belong.
    fn common_group(&self) -> Option<Arc<str>> {
        let crossing = self.crossing.as_ref()?;
        let group = |party| self.snapshot.parties.get(party)?.group.as_deref();
        let (from, to) = (group(crossing.exporter)?, group(crossing.importer)?);
        (from == to).then(|| from.into())
    }

    /// The country of the data, where this regime lets it stay.
    fn home(&self) -> Option<Country> {
        let home = self.store.place.country?;
        let territory = &self.snapshot.law.regimes.get(self.regime)?.territory;
        let lawful =
            territory.contains(&home) || adequate_row(self.snapshot, self.regime, home, self.now).is_some();
        lawful.then_some(home)
    }
}
