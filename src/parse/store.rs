//! DataStore.

mod dataset;
mod engine;
mod traces;

pub use traces::store_traces;

use std::collections::BTreeSet;

use kube::ResourceExt;

use super::{Errors, RegionCheck, location, value};
use crate::{
    api::v1alpha1 as api,
    core::{
        host,
        ids::{ObjectKey, PartyName},
        law::LawPack,
        store::{Access, Copy, Origins, Role, Store},
    },
};

/// The word that takes origins away from what is judged.
const UNRESTRICTED: &str = "Unrestricted";

/// Reads a DataStore.
///
/// [`RegionCheck::Lenient`] reads what the law pack does not know in the strict direction: an unknown region has no
/// country, an unknown regime among the origins makes the origins unknown.
pub fn store(object: &api::DataStore, law: &LawPack, check: RegionCheck) -> Result<Store, Errors> {
    let mut errors = Errors::default();
    let spec = &object.spec;
    let key = ObjectKey::new(object.namespace().unwrap_or_default(), object.name_any());
    let exporter = reference(&mut errors, "spec.exporterRef", &spec.exporter_ref);
    let role = role(&mut errors, spec);
    let place = errors.take(location("spec.location", &spec.location, law, check));
    let origins = origins(&mut errors, spec, law, check);
    let engine = engine::read(&mut errors, &spec.engine);
    let access = access(&mut errors, &key, spec.access.as_ref());
    let copies = copies(&mut errors, spec, law, check);
    let datasets = dataset::read_all(&mut errors, spec, role.as_ref());
    let store = match (place, engine) {
        (Some(place), Some(engine)) => Some(Store {
            key,
            uid: object.uid().unwrap_or_default(),
            labels: object.labels().clone(),
            exporter,
            place,
            origins,
            engine,
            access,
            copies,
            datasets,
            erased_here: spec.erasure != Some(api::Erasure::Elsewhere),
        }),
        _ => None,
    };
    errors.finish(store)
}

fn reference(errors: &mut Errors, path: &str, from: &api::LocalRef) -> PartyName {
    if from.name.is_empty() {
        errors.add(format!("{path}.name"), "is empty", "name a Party");
    }
    from.name.as_str().into()
}

fn role(errors: &mut Errors, spec: &api::DataStoreSpec) -> Option<Role> {
    match (spec.role, &spec.controller_ref) {
        (api::Role::Controller, None) => Some(Role::Controller),
        (api::Role::Processor, Some(c)) => Some(Role::Processor(reference(errors, "spec.controllerRef", c))),
        (api::Role::Processor, None) => {
            errors.add("spec.controllerRef", "is missing for a Processor", "name the controller's Party");
            None
        }
        (api::Role::Controller, Some(_)) => {
            errors.add(
                "spec.controllerRef",
                "is set although the role is Controller",
                "remove it, or write role: Processor",
            );
            None
        }
    }
}

fn origins(errors: &mut Errors, spec: &api::DataStoreSpec, law: &LawPack, check: RegionCheck) -> Origins {
    let Some(list) = &spec.origins else { return Origins::Unknown };
    let reason = spec.origins_reason.as_deref().is_some_and(|r| !r.trim().is_empty());
    let unrestricted = list.iter().any(|o| o == UNRESTRICTED);
    if list.is_empty() {
        let fix = "name the regimes, or leave it out, which means every regime";
        errors.add("spec.origins", "is empty", fix);
    } else if unrestricted && list.len() > 1 {
        let fix = "remove Unrestricted, or the regimes";
        errors.add("spec.origins", "names Unrestricted beside regimes", fix);
    } else if unrestricted && !reason {
        errors.add("spec.originsReason", "is missing", "say why no regime follows the people");
    } else if unrestricted {
        return Origins::Unrestricted;
    }
    let mut regimes = BTreeSet::new();
    for (i, id) in list.iter().enumerate().filter(|(_, id)| *id != UNRESTRICTED) {
        match value::regime(&format!("spec.origins[{i}]"), id, law) {
            Ok(regime) => drop(regimes.insert(regime)),
            Err(_) if check == RegionCheck::Lenient => return Origins::Unknown,
            Err(error) => errors.0.push(error),
        }
    }
    Origins::Regimes(regimes)
}

fn access(errors: &mut Errors, key: &ObjectKey, from: Option<&api::Access>) -> Access {
    let Some(from) = from else { return Access::default() };
    let mut keys = |field: &str, list: &[api::NamespacedRef]| -> Vec<ObjectKey> {
        for (i, _) in list.iter().enumerate().filter(|(_, r)| r.name.is_empty()) {
            errors.add(format!("spec.access.{field}[{i}].name"), "is empty", "name the object");
        }
        list.iter()
            .map(|r| match &r.namespace {
                Some(namespace) => ObjectKey::new(namespace.as_str(), r.name.as_str()),
                None => ObjectKey::new(key.namespace.clone(), r.name.as_str()),
            })
            .collect()
    };
    Access {
        secrets: keys("secrets", &from.secrets),
        secret_provider_classes: keys("secretProviderClasses", &from.secret_provider_classes),
        config_maps: keys("configMaps", &from.config_maps),
        services: keys("services", &from.services),
        claims: keys("persistentVolumeClaims", &from.persistent_volume_claims),
        service_accounts: keys("serviceAccounts", &from.service_accounts),
        hosts: from.hosts.iter().enumerate().filter_map(|(i, h)| access_host(errors, i, h)).collect(),
    }
}

fn access_host(errors: &mut Errors, i: usize, text: &str) -> Option<(String, Option<u16>)> {
    let found = host::normalise(text);
    if found.is_none() {
        let path = format!("spec.access.hosts[{i}]");
        errors.add(path, format!("`{text}` is no host"), "write `host` or `host:port`");
    }
    found
}

fn copies(errors: &mut Errors, spec: &api::DataStoreSpec, law: &LawPack, check: RegionCheck) -> Vec<Copy> {
    let mut seen = BTreeSet::new();
    let mut copies = vec![];
    for (i, from) in spec.copies.iter().enumerate() {
        let path = format!("spec.copies[{i}]");
        if !seen.insert(&from.name) {
            errors.add(format!("{path}.name"), format!("`{}` is there twice", from.name), "rename one");
        }
        if let Some(text) = &from.kept_for
            && !text.parse::<jiff::Span>().is_ok_and(jiff::Span::is_positive)
        {
            let problem = format!("`{text}` is no ISO 8601 period");
            errors.add(format!("{path}.keptFor"), problem, "write for example P35D");
        }
        let party = reference(errors, &format!("{path}.partyRef"), &from.party_ref);
        let keys_held_by = from
            .encrypted
            .as_ref()
            .map(|e| reference(&mut *errors, &format!("{path}.encrypted.keysHeldBy"), &e.keys_held_by));
        let place = errors.take(location(&format!("{path}.location"), &from.location, law, check));
        copies.extend(place.map(|place| Copy {
            name: from.name.clone(),
            is_replica: from.kind == api::CopyKind::Replica,
            place,
            party,
            keys_held_by,
        }));
    }
    copies
}
