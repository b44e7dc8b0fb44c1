//! The law as data, already read: regimes, adequacy, provider regions. Loaded by `parse` from `law/`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    category::CategoryPattern,
    ids::{Country, RegimeId},
    validity::Validity,
};

/// A versioned, dated, sourced pack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LawPack {
    /// Version, in every verdict.
    pub version: String,
    /// Day up to which the sources were read.
    pub as_of: String,
    /// Regimes by id.
    pub regimes: BTreeMap<RegimeId, Regime>,
    /// Adequacy decisions by row id.
    pub adequacy: BTreeMap<Arc<str>, AdequacyRow>,
    /// Row ids by regime and country.
    pub adequacy_index: HashMap<(RegimeId, Country), Vec<Arc<str>>>,
    /// Countries of provider regions.
    pub regions: HashMap<String, BTreeMap<String, Country>>,
    /// Alpha-2 by alpha-2 and alpha-3.
    pub codes: HashMap<String, Country>,
    /// The day from which each framework carries transfers, the regime it serves and its country.
    pub frameworks: BTreeMap<super::safeguard::FrameworkName, FrameworkLaw>,
    /// Forms on which an instrument is agreed.
    pub forms: Vec<Form>,
}

/// A regime and its territory.
#[derive(Clone, Debug, PartialEq)]
pub struct Regime {
    /// Id.
    pub id: RegimeId,
    /// Name for people.
    pub name: String,
    /// Countries in which the data has not left it.
    pub territory: BTreeSet<Country>,
    /// What clauses need to serve it.
    pub clauses_need: ClausesNeed,
}

/// What the standard clauses need to serve a regime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClausesNeed {
    /// Nothing more.
    Nothing,
    /// The UK Addendum.
    UkAddendum,
    /// The Swiss amendments.
    SwissAmendments,
}

/// A form on which an instrument is agreed. What is signed on another day was not signed on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// Of what it is a form.
    pub of: FormOf,
    /// Its version; none = it has but one.
    pub version: Option<String>,
    /// Regime whose form it is.
    pub regime: RegimeId,
    /// Days on which it could be signed.
    pub signing: Validity,
}

/// Instruments that are agreed on a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormOf {
    /// The standard contractual clauses.
    Clauses,
    /// The UK Addendum to them.
    UkAddendum,
    /// The UK's own agreement.
    Agreement,
}

/// An adequacy decision.
#[derive(Clone, Debug, PartialEq)]
pub struct AdequacyRow {
    /// Id.
    pub id: Arc<str>,
    /// Regime that decided.
    pub regime: RegimeId,
    /// Countries.
    pub countries: BTreeSet<Country>,
    /// Whether it holds by itself (`all`) or must be claimed by a safeguard.
    pub holds_by_itself: bool,
    /// What it covers, for people.
    pub scope: String,
    /// When it holds.
    pub validity: Validity,
    /// The legal act.
    pub instrument: String,
    /// Whether a source settles it; what is unsettled carries nothing.
    pub verified: bool,
}

/// Law of one framework of the Data Privacy Framework.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameworkLaw {
    /// Regime that it serves.
    pub regime: RegimeId,
    /// Country of its participants' processing.
    pub country: Country,
    /// When it carries transfers.
    pub validity: Validity,
    /// Data that must be flagged to the importer as sensitive, since the framework's own list does not name it.
    pub flagged: Vec<CategoryPattern>,
}

impl LawPack {
    /// Forms of an instrument.
    pub fn forms(&self, of: FormOf) -> impl Iterator<Item = &Form> {
        self.forms.iter().filter(move |form| form.of == of)
    }

    /// The form of this version.
    pub fn form(&self, of: FormOf, version: &str) -> Option<&Form> {
        self.forms(of).find(|form| form.version.as_deref() == Some(version))
    }

    /// Reads an alpha-2 or alpha-3 code.
    pub fn country(&self, code: &str) -> Option<Country> {
        self.codes.get(&code.to_ascii_uppercase()).copied()
    }

    /// Country of a provider's region; without a provider only where all providers that know the region agree.
    pub fn region(&self, provider: Option<&str>, region: &str) -> Option<Country> {
        if let Some(p) = provider {
            return self.regions.get(p).and_then(|r| r.get(region)).copied();
        }
        let mut found = self.regions.values().filter_map(|r| r.get(region));
        let first = found.next().copied()?;
        found.all(|c| *c == first).then_some(first)
    }

    /// The country of the region that a zone belongs to. Zones are called after their region, with something that is no digit behind
    /// (`eu-west-1a`, `europe-west1-b`); of two regions that fit, the longer name is meant.
    pub fn zone(&self, provider: Option<&str>, zone: &str) -> Option<Country> {
        let ends = (1..=zone.len()).rev().filter(|end| zone.is_char_boundary(*end));
        let region = ends.map(|end| zone.split_at(end)).find(|(region, rest)| {
            !rest.starts_with(|c: char| c.is_ascii_digit()) && self.region(provider, region).is_some()
        });
        region.and_then(|(region, _)| self.region(provider, region))
    }

    /// The regime that has `country` as territory.
    pub fn regime_of(&self, country: Country) -> Option<&Regime> {
        self.regimes.values().find(|r| r.territory.contains(&country))
    }

    /// Rows by which `regime` finds `country` adequate, whatever their validity.
    pub fn adequacy_rows<'a>(
        &'a self,
        regime: &RegimeId,
        country: Country,
    ) -> impl Iterator<Item = &'a AdequacyRow> {
        self.adequacy_index
            .get(&(regime.clone(), country))
            .into_iter()
            .flatten()
            .filter_map(|id| self.adequacy.get(id))
    }
}
