//! Party.

use kube::ResourceExt;

use super::{Errors, day, value};
use crate::{
    api::v1alpha1 as api,
    core::{
        host,
        ids::Country,
        law::LawPack,
        party::{ChangeOfControl, Onward, OnwardContract, OnwardTerm, Party},
        validity::start_of,
    },
};

/// Reads a Party.
pub fn party(object: &api::Party, law: &LawPack) -> Result<Party, Errors> {
    let mut errors = Errors::default();
    let api::PartySpec {
        legal_name,
        country,
        group,
        runs,
        access_from,
        controlled_from,
        hosts,
        onward_to,
        change_of_control,
    } = &object.spec;
    let country = errors.take(value::country("spec.country", country, law));
    let list = runs.as_ref().map_or(&[][..], |r| &r.namespaces);
    let mut namespaces: Vec<String> = value::names(&mut errors, "spec.runs.namespaces", list);
    namespaces.sort();
    namespaces.dedup();
    let access_from = countries(&mut errors, access_from, law);
    let controlled_from = controlled_from
        .as_ref()
        .and_then(|code| errors.take(value::country("spec.controlledFrom", code, law)));
    let hosts = hosts.iter().enumerate().filter_map(|(i, h)| host_of(&mut errors, i, h)).collect();
    let name = object.name_any();
    let onward = onward_to.iter().enumerate().map(|(i, e)| edge(&mut errors, i, e, &name)).collect();
    let change_of_control = change_of_control.as_ref().and_then(|change| control(&mut errors, change));
    let party = country.map(|country| Party {
        name: name.as_str().into(),
        legal_name: legal_name.clone(),
        country,
        regime: law.regime_of(country).map(|r| r.id.clone()),
        group: group.clone(),
        namespaces,
        access_from,
        controlled_from,
        hosts,
        onward,
        change_of_control,
    });
    errors.finish(party)
}

fn countries(errors: &mut Errors, codes: &[String], law: &LawPack) -> Vec<Country> {
    let read = |(i, code): (usize, &String)| {
        errors.take(value::country(&format!("spec.accessFrom[{i}]"), code, law))
    };
    let mut countries: Vec<Country> = codes.iter().enumerate().filter_map(read).collect();
    countries.sort();
    countries.dedup();
    countries
}

fn host_of(errors: &mut Errors, i: usize, text: &str) -> Option<(String, Option<u16>)> {
    let domain = text.strip_prefix("*.");
    let found = host::normalise(domain.unwrap_or(text));
    // All of a top-level domain is nobody's.
    let found = found.filter(|(name, _)| domain.is_none() || name.contains('.'));
    if found.is_none() {
        errors.add(
            format!("spec.hosts[{i}]"),
            format!("`{text}` is no host"),
            "write a whole name such as api.example.com, api.example.com:443 or *.example.com",
        );
    }
    let (name, port) = found?;
    Some((if domain.is_some() { format!("*.{name}") } else { name }, port))
}

fn edge(errors: &mut Errors, i: usize, from: &api::OnwardTransfer, own: &str) -> Onward {
    let path = format!("spec.onwardTo[{i}]");
    let api::OnwardTransfer { party_ref, contract, categories } = from;
    if party_ref.name.is_empty() {
        errors.add(format!("{path}.partyRef.name"), "is empty", "name the Party that receives");
    }
    if party_ref.name == own {
        errors.add(
            format!("{path}.partyRef.name"),
            "is this very Party",
            "name another, or remove the entry",
        );
    }
    let categories = categories.as_ref().map(|list| {
        if list.is_empty() {
            let fix = "name the categories, or leave the list out for everything";
            errors.add(format!("{path}.categories"), "is empty", fix);
        }
        let read = |(i, c): (usize, &String)| {
            errors.take(value::category_pattern(&format!("{path}.categories[{i}]"), c))
        };
        list.iter().enumerate().filter_map(read).collect()
    });
    Onward { to: party_ref.name.as_str().into(), categories, contract: bound_by(contract.as_ref()) }
}

/// What a contract does not ask for. What is left out is not agreed.
fn bound_by(contract: Option<&api::OnwardContract>) -> OnwardContract {
    let Some(api::OnwardContract { reference, limited_purposes, same_principles, notice }) = contract else {
        return OnwardContract::Missing;
    };
    let terms = [
        (OnwardTerm::Reference, !reference.is_empty()),
        (OnwardTerm::LimitedPurposes, *limited_purposes == Some(true)),
        (OnwardTerm::SamePrinciples, *same_principles == Some(true)),
        (OnwardTerm::Notice, *notice == Some(true)),
    ];
    OnwardContract::Without(
        terms.into_iter().filter_map(|(term, is_there)| (!is_there).then_some(term)).collect(),
    )
}

fn control(errors: &mut Errors, from: &api::ChangeOfControl) -> Option<ChangeOfControl> {
    let api::ChangeOfControl { on, reference } = from;
    let on = errors.take(day("spec.changeOfControl.on", on))?;
    Some(ChangeOfControl { on: start_of(on), reference: reference.clone() })
}
