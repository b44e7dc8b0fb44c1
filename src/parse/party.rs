//! Party.

use kube::ResourceExt;

use super::{Errors, value};
use crate::{
    api::v1alpha1 as api,
    core::{law::LawPack, party::Party},
};

/// Reads a Party.
pub fn party(object: &api::Party, law: &LawPack) -> Result<Party, Errors> {
    let mut errors = Errors::default();
    let spec = &object.spec;
    let country = errors.take(value::country("spec.country", &spec.country, law));
    let list = spec.runs.as_ref().map_or(&[][..], |r| &r.namespaces);
    let mut namespaces: Vec<String> = value::names(&mut errors, "spec.runs.namespaces", list);
    namespaces.sort();
    namespaces.dedup();
    let party = country.map(|country| Party {
        name: object.name_any().into(),
        legal_name: spec.legal_name.clone(),
        country,
        regime: law.regime_of(country).map(|r| r.id.clone()),
        group: spec.group.clone(),
        namespaces,
    });
    errors.finish(party)
}
