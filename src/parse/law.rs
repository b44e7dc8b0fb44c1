//! The law pack: one YAML document, checked as a whole when it is loaded.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde::Deserialize;

use super::{Errors, FieldError, value};
use crate::core::{
    ids::{Country, RegimeId},
    law::{AdequacyRow, ClausesNeed, Form, FormOf, FrameworkLaw, LawPack, Regime},
    safeguard::FrameworkName,
    validity::{Validity, end_of, start_of},
};

const PACK: &str = include_str!("../../law/pack.yaml");
const COUNTRIES: &str = include_str!("../../law/countries.yaml");

/// Why a law pack was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LawError {
    /// The text is not a law pack in YAML.
    #[error("reading the law pack: {0}")]
    Yaml(String),
    /// The pack contradicts itself.
    #[error("checking the law pack:\n{0}")]
    Invalid(Errors),
}

/// The pack that this build carries.
pub fn built_in() -> Result<LawPack, LawError> {
    from_yaml(PACK)
}

/// Reads a whole pack; the codes of the countries are always those of ISO 3166-1.
pub fn from_yaml(text: &str) -> Result<LawPack, LawError> {
    let file: File = serde_saphyr::from_str(text).map_err(|e| LawError::Yaml(e.to_string()))?;
    let mut pack = LawPack {
        version: file.version.clone(),
        as_of: file.as_of.clone(),
        codes: country_codes()?,
        ..LawPack::default()
    };
    let mut errors = Errors::default();
    if file.version.is_empty() {
        errors.add("version", "is empty", "name the version");
    }
    errors.take(value::day("asOf", &file.as_of));
    regimes(&mut errors, &file, &mut pack);
    frameworks(&mut errors, &file, &mut pack);
    forms(&mut errors, &file, &mut pack);
    adequacy(&mut errors, &file, &mut pack);
    regions(&mut errors, &file, &mut pack);
    if errors.0.is_empty() { Ok(pack) } else { Err(LawError::Invalid(errors)) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    version: String,
    as_of: String,
    #[serde(default)]
    sources: BTreeMap<String, String>,
    regimes: Vec<RegimeFile>,
    frameworks: Vec<FrameworkFile>,
    #[serde(default)]
    forms: Vec<FormFile>,
    adequacy: Vec<RowFile>,
    regions: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RegimeFile {
    id: String,
    name: String,
    territory: Vec<String>,
    clauses_need: Need,
}

#[derive(Deserialize)]
enum Need {
    Nothing,
    UKAddendum,
    SwissAmendments,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FrameworkFile {
    name: crate::api::v1alpha1::FrameworkName,
    regime: String,
    country: String,
    valid_from: String,
    valid_through: Option<String>,
    #[serde(default)]
    flagged: Vec<String>,
    #[serde(rename = "instrument")]
    _instrument: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FormFile {
    of: FormName,
    version: Option<String>,
    regime: String,
    signed_from: String,
    signed_through: Option<String>,
    #[serde(rename = "instrument")]
    _instrument: String,
}

#[derive(Clone, Copy, Deserialize)]
enum FormName {
    StandardContractualClauses,
    UKAddendum,
    InternationalDataTransferAgreement,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RowFile {
    id: String,
    regime: String,
    countries: Vec<String>,
    scope: Scope,
    covers: Option<String>,
    valid_from: String,
    valid_through: Option<String>,
    instrument: String,
    source: String,
    as_of: String,
    confidence: Confidence,
    #[serde(rename = "note")]
    _note: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scope {
    All,
    Claimed,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Confidence {
    Primary,
    Secondary,
    Unverified,
}

#[derive(Deserialize)]
struct Codes {
    codes: BTreeMap<String, String>,
}

fn country_codes() -> Result<HashMap<String, Country>, LawError> {
    let file: Codes = serde_saphyr::from_str(COUNTRIES).map_err(|e| LawError::Yaml(e.to_string()))?;
    let mut codes = HashMap::with_capacity(2 * file.codes.len());
    for (alpha2, alpha3) in file.codes {
        let bytes: [u8; 2] = alpha2
            .as_bytes()
            .try_into()
            .map_err(|_| LawError::Yaml(format!("`{alpha2}` is no alpha-2 code")))?;
        codes.insert(alpha2, Country(bytes));
        codes.insert(alpha3, Country(bytes));
    }
    Ok(codes)
}

fn countries(errors: &mut Errors, path: &str, list: &[String], pack: &LawPack) -> BTreeSet<Country> {
    if list.is_empty() {
        errors.add(path, "is empty", "name the countries");
    }
    let read = |(i, c): (usize, &String)| errors.take(value::country(&format!("{path}[{i}]"), c, pack));
    list.iter().enumerate().filter_map(read).collect()
}

fn interval(errors: &mut Errors, path: &str, from: &str, through: Option<&String>) -> Validity {
    let from = errors.take(value::day(&format!("{path}.validFrom"), from)).map(start_of);
    let until = through.and_then(|t| errors.take(value::day(&format!("{path}.validThrough"), t))).map(end_of);
    let validity = Validity { from, until };
    if validity.is_empty() {
        errors.add(format!("{path}.validThrough"), "lies before validFrom", "end it after it begins");
    }
    validity
}

fn regimes(errors: &mut Errors, file: &File, pack: &mut LawPack) {
    let mut taken: BTreeMap<Country, RegimeId> = BTreeMap::new();
    for (i, from) in file.regimes.iter().enumerate() {
        let path = format!("regimes[{i}]");
        let territory = countries(errors, &format!("{path}.territory"), &from.territory, pack);
        let id = RegimeId(from.id.as_str().into());
        for country in &territory {
            if let Some(other) = taken.insert(*country, id.clone()) {
                let problem = format!("{country} is territory of {other} already");
                errors.add(format!("{path}.territory"), problem, "give each country to one regime");
            }
        }
        let regime = Regime {
            id: id.clone(),
            name: from.name.clone(),
            territory,
            clauses_need: match from.clauses_need {
                Need::Nothing => ClausesNeed::Nothing,
                Need::UKAddendum => ClausesNeed::UkAddendum,
                Need::SwissAmendments => ClausesNeed::SwissAmendments,
            },
        };
        if pack.regimes.insert(id, regime).is_some() {
            errors.add(format!("{path}.id"), format!("`{}` is there twice", from.id), "rename one");
        }
    }
    if file.regimes.is_empty() {
        errors.add("regimes", "is empty", "a pack without a regime judges nothing");
    }
}

fn frameworks(errors: &mut Errors, file: &File, pack: &mut LawPack) {
    use crate::api::v1alpha1::FrameworkName as Written;
    for (i, from) in file.frameworks.iter().enumerate() {
        let path = format!("frameworks[{i}]");
        let regime = errors.take(value::regime(&format!("{path}.regime"), &from.regime, pack));
        let country = errors.take(value::country(&format!("{path}.country"), &from.country, pack));
        let validity = interval(errors, &path, &from.valid_from, from.valid_through.as_ref());
        let name = match from.name {
            Written::EuUs => FrameworkName::EuUs,
            Written::UKExtension => FrameworkName::UkExtension,
            Written::SwissUs => FrameworkName::SwissUs,
        };
        let read = |(j, text): (usize, &String)| {
            errors.take(value::category_pattern(&format!("{path}.flagged[{j}]"), text))
        };
        let flagged = from.flagged.iter().enumerate().filter_map(read).collect();
        let (Some(regime), Some(country)) = (regime, country) else { continue };
        if pack.frameworks.insert(name, FrameworkLaw { regime, country, validity, flagged }).is_some() {
            errors.add(format!("{path}.name"), "is there twice", "keep one entry for each framework");
        }
    }
}

fn forms(errors: &mut Errors, file: &File, pack: &mut LawPack) {
    for (i, from) in file.forms.iter().enumerate() {
        let path = format!("forms[{i}]");
        let regime = errors.take(value::regime(&format!("{path}.regime"), &from.regime, pack));
        let first = errors.take(value::day(&format!("{path}.signedFrom"), &from.signed_from)).map(start_of);
        let last = from.signed_through.as_ref();
        let until =
            last.and_then(|t| errors.take(value::day(&format!("{path}.signedThrough"), t))).map(end_of);
        let signing = Validity { from: first, until };
        if signing.is_empty() {
            errors.add(format!("{path}.signedThrough"), "lies before signedFrom", "end it after it begins");
        }
        let of = match from.of {
            FormName::StandardContractualClauses => FormOf::Clauses,
            FormName::UKAddendum => FormOf::UkAddendum,
            FormName::InternationalDataTransferAgreement => FormOf::Agreement,
        };
        if pack.forms.iter().any(|f| f.of == of && f.version == from.version) {
            errors.add(path, "is there twice", "keep one entry for each version of a form");
        } else if let Some(regime) = regime {
            pack.forms.push(Form { of, version: from.version.clone(), regime, signing });
        }
    }
}

fn adequacy(errors: &mut Errors, file: &File, pack: &mut LawPack) {
    for (i, from) in file.adequacy.iter().enumerate() {
        let path = format!("adequacy[{i}]");
        let regime = errors.take(value::regime(&format!("{path}.regime"), &from.regime, pack));
        let countries = countries(errors, &format!("{path}.countries"), &from.countries, pack);
        let validity = interval(errors, &path, &from.valid_from, from.valid_through.as_ref());
        errors.take(value::day(&format!("{path}.asOf"), &from.as_of));
        if !file.sources.contains_key(&from.source) {
            let problem = format!("`{}` is not among the sources", from.source);
            errors.add(format!("{path}.source"), problem, "name one of `sources`");
        }
        if from.scope == Scope::Claimed && from.covers.is_none() {
            errors.add(format!("{path}.covers"), "is missing", "say which recipients the row covers");
        }
        let Some(regime) = regime else { continue };
        let id: Arc<str> = from.id.as_str().into();
        for country in &countries {
            pack.adequacy_index.entry((regime.clone(), *country)).or_default().push(id.clone());
        }
        let row = AdequacyRow {
            id: id.clone(),
            regime,
            countries,
            holds_by_itself: from.scope == Scope::All,
            scope: from.covers.clone().unwrap_or_else(|| "all recipients".into()),
            validity,
            instrument: from.instrument.clone(),
            verified: from.confidence != Confidence::Unverified,
        };
        if pack.adequacy.insert(id, row).is_some() {
            errors.add(format!("{path}.id"), format!("`{}` is there twice", from.id), "rename one");
        }
    }
}

fn regions(errors: &mut Errors, file: &File, pack: &mut LawPack) {
    for (provider, by_country) in &file.regions {
        let mut known = BTreeMap::new();
        for (code, regions) in by_country {
            let path = format!("regions.{provider}.{code}");
            let Some(country) = errors.take(value::country(&path, code, pack)) else { continue };
            for region in regions {
                if known.insert(region.clone(), country).is_some() {
                    let problem = format!("{region} is there twice");
                    errors.0.push(FieldError::new(path.clone(), problem, "keep one"));
                }
            }
        }
        pack.regions.insert(provider.clone(), known);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_built_in_pack_loads() {
        super::built_in().unwrap();
    }
}
