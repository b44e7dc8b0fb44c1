//! What contradicts the location that a store declares: its hosts, its bucket's endpoint, the volume behind its claim. A store
//! that says two things of where it is, is nowhere that is known.

use std::collections::HashMap;

use super::{
    ids::{Country, ObjectKey},
    law::LawPack,
    store::{Engine, Store},
    volume::Volume,
};

/// Volumes by the claim that they are bound to.
pub type Volumes = HashMap<ObjectKey, std::sync::Arc<Volume>>;

/// The first thing that says another country than `location`; none where nothing does, or where the location says none.
pub fn contradiction(store: &Store, law: &LawPack, volumes: &Volumes) -> Option<String> {
    let declared = store.place.country?;
    let elsewhere = |country: &Country| *country != declared;
    let engine_host = match &store.engine {
        Engine::ObjectStore { endpoint_host, .. } => endpoint_host.as_ref(),
        Engine::Postgres(_) | Engine::Mysql(_) | Engine::Volume { .. } | Engine::External => None,
    };
    let provider = store.place.provider.as_deref();
    for host in engine_host.into_iter().chain(store.access.hosts.iter().map(|(host, _)| host)) {
        let said =
            host.split('.').find_map(|label| Some((label, region(law, provider, label).filter(elsewhere)?)));
        if let Some((label, country)) = said {
            return Some(format!("host {host} says {label} ({country}), spec.location says {declared}"));
        }
    }
    let own = match &store.engine {
        Engine::Volume { claim } => Some(ObjectKey::new(store.key.namespace.clone(), claim.as_str())),
        Engine::Postgres(_) | Engine::Mysql(_) | Engine::ObjectStore { .. } | Engine::External => None,
    };
    for claim in own.iter().chain(&store.access.claims) {
        let Some(volume) = volumes.get(claim) else { continue };
        let regions = volume.regions.iter().map(|r| (r, law.region(provider, r)));
        let zones = volume.zones.iter().map(|z| (z, law.zone(provider, z)));
        let said = regions.chain(zones).find_map(|(name, country)| Some((name, country.filter(elsewhere)?)));
        if let Some((name, country)) = said {
            return Some(format!(
                "PersistentVolume {} of claim {claim} is bound to {name} ({country}), spec.location says {declared}",
                volume.name
            ));
        }
    }
    None
}

/// The country that a label of a host name says: the region of the store's provider, or one that every provider has in the
/// same country and that nobody takes for a word.
fn region(law: &LawPack, provider: Option<&str>, label: &str) -> Option<Country> {
    let label = label.strip_prefix("s3-").unwrap_or(label);
    match provider.filter(|p| law.regions.contains_key(*p)) {
        Some(provider) => law.region(Some(provider), label),
        None if label.contains('-') => law.region(None, label),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        core::retention::testing::store,
        parse::{self},
    };

    fn said(provider: Option<&str>, edit: impl FnOnce(&mut Store), volume: Option<Volume>) -> Option<String> {
        let law = parse::law::built_in().expect("the built-in pack");
        let mut store = store("identity", "accounts", vec![]);
        store.place.provider = provider.map(Into::into);
        store.place.country = law.country("IE");
        edit(&mut store);
        let volumes = volume.into_iter().map(|v| (v.claim.clone(), Arc::new(v))).collect();
        contradiction(&store, &law, &volumes)
    }

    fn host(provider: Option<&str>, host: &str) -> Option<String> {
        said(provider, |s| s.access.hosts = vec![(host.into(), None)], None)
    }

    #[test]
    fn a_host_in_another_country_contradicts_and_one_without_a_region_says_nothing() {
        assert_eq!(
            host(Some("aws"), "a.c9.us-east-1.rds.amazonaws.com").as_deref(),
            Some("host a.c9.us-east-1.rds.amazonaws.com says us-east-1 (US), spec.location says IE")
        );
        assert!(host(Some("aws"), "bucket.s3-us-west-2.amazonaws.com").is_some());
        assert!(host(None, "a.us-east-1.rds.amazonaws.com").is_some());
        for same in [
            "a.eu-west-1.rds.amazonaws.com",
            "db.example.com",
            "us-east-1a.example.com",
            "my-us-east-1.example.com",
        ] {
            assert_eq!(host(Some("aws"), same), None, "{same}");
        }
    }

    #[test]
    fn an_endpoint_counts_like_a_host() {
        let bucket = |host: &str| Engine::ObjectStore {
            bucket: "b".into(),
            endpoint_host: Some(host.into()),
            secret: "s".into(),
        };
        assert!(said(Some("aws"), |s| s.engine = bucket("s3.us-east-1.amazonaws.com"), None).is_some());
        assert_eq!(said(Some("aws"), |s| s.engine = bucket("s3.eu-west-1.amazonaws.com"), None), None);
    }

    #[test]
    fn a_volume_that_is_bound_elsewhere_contradicts_by_region_or_zone() {
        let volume = |region: Option<&str>, zone: Option<&str>| Volume {
            name: "pv-1".into(),
            claim: ObjectKey::new("identity", "files"),
            directory: None,
            nfs: None,
            regions: region.into_iter().map(Into::into).collect(),
            zones: zone.into_iter().map(Into::into).collect(),
        };
        let files = |s: &mut Store| s.engine = Engine::Volume { claim: "files".into() };
        assert!(said(Some("aws"), files, Some(volume(Some("us-east-1"), None))).is_some());
        assert!(said(Some("aws"), files, Some(volume(None, Some("us-east-1b")))).is_some());
        assert_eq!(said(Some("aws"), files, Some(volume(None, Some("eu-west-1b")))), None);
        assert_eq!(said(Some("aws"), files, Some(volume(None, None))), None);
    }

    #[test]
    fn a_location_that_says_no_country_cannot_be_contradicted() {
        let unknown = |s: &mut Store| {
            s.place.country = None;
            s.access.hosts = vec![("a.us-east-1.rds.amazonaws.com".into(), None)];
        };
        assert_eq!(said(Some("aws"), unknown, None), None);
    }
}
