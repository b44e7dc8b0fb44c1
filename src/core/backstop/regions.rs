//! The regions that a Pod can be pinned to, with the countries that their names may mean here.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::{ids::Country, snapshot::Snapshot};

/// Regions by name. A name that several providers share means each of its countries; an unknown one is none of them.
pub(super) struct Regions {
    pub(super) countries: BTreeMap<String, BTreeSet<Option<Country>>>,
    /// The countries of the nodes.
    pub(super) nodes: BTreeSet<Option<Country>>,
    /// The regions of the nodes.
    pub(super) inhabited: BTreeSet<String>,
}

impl Regions {
    /// Those of all nodes, and those that the law pack knows of the providers seen: a node that comes is likely there.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut countries: BTreeMap<String, BTreeSet<Option<Country>>> = BTreeMap::new();
        let default = snapshot.settings.default_location.as_ref();
        let places = snapshot.nodes.values().map(|n| &n.place);
        let providers: BTreeSet<&str> =
            places.clone().chain(default).filter_map(|p| p.provider.as_deref()).collect();
        for known in providers.into_iter().filter_map(|p| snapshot.law.regions.get(p)) {
            for (region, country) in known {
                countries.entry(region.clone()).or_default().insert(Some(*country));
            }
        }
        let mut inhabited = BTreeSet::new();
        for place in places.clone() {
            if let Some(region) = &place.region {
                countries.entry(region.clone()).or_default().insert(place.country);
                inhabited.insert(region.clone());
            }
        }
        Self { countries, nodes: places.map(|p| p.country).collect(), inhabited }
    }

    /// Every country that is to be judged.
    pub(super) fn all(&self) -> BTreeSet<Option<Country>> {
        self.countries.values().flatten().chain(&self.nodes).copied().collect()
    }
}
