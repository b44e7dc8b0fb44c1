//! From parsed objects to a snapshot: who runs what, what leads to which store.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{Reach, Snapshot, SnapshotBuilder};
use crate::core::{
    claim::ClonedClaim,
    contradiction::{Volumes, contradiction},
    endpoints::Endpoints,
    exception::Exception,
    ids::{ObjectKey, PartyName},
    party::Party,
    safeguard::Safeguard,
    store::{Access, Engine, Store},
};

impl SnapshotBuilder {
    /// Derives the indexes. The order in which objects were collected does not matter.
    pub fn build(self) -> Snapshot {
        let mut reach = Reach::default();
        for store in &self.stores {
            reach.add(&store.key, &store.access, [&store.engine]);
        }
        for store in &self.unreadable_stores {
            // Both: an edit that cannot be read may name what is new, and must not take away what was there.
            reach.add(&store.key, &store.access, &store.engines);
            if let Some(last) = &store.last_good {
                reach.add(&last.key, &last.access, [&last.engine]);
            }
        }
        for party in &self.parties {
            for (host, port) in &party.hosts {
                reach.party_hosts.entry(host.clone()).or_default().push((*port, party.name.clone()));
            }
        }
        reach.add_clones(&self.clones);
        reach.add_endpoints(&self.endpoints);
        let volumes: Volumes = self.volumes.into_iter().map(|v| (v.claim.clone(), v)).collect();
        reach.add_volumes(&volumes);
        reach.sort();
        let mut contradicted = BTreeMap::new();
        let stores = self.stores.into_iter().map(|store| match contradiction(&store, &self.law, &volumes) {
            None => (store.key.clone(), store),
            Some(why) => {
                contradicted.insert(store.key.clone(), why);
                let mut nowhere = Store::clone(&store);
                nowhere.place.country = None;
                (store.key.clone(), Arc::new(nowhere))
            }
        });
        Snapshot {
            stores: stores.collect(),
            volumes,
            contradicted,
            runs: runs(&self.parties),
            reach: Arc::new(reach),
            by_importer: by_party(&self.safeguards, Safeguard::importers),
            by_exporter: by_party(&self.safeguards, Safeguard::exporters),
            exceptions_in: by_namespace(&self.exceptions),
            law: self.law,
            settings: self.settings,
            parties: self.parties.into_iter().map(|p| (p.name.clone(), p)).collect(),
            unreadable_stores: self.unreadable_stores.into_iter().map(|s| (s.key.clone(), s)).collect(),
            safeguards: self.safeguards.into_iter().map(|s| (s.name.clone(), s)).collect(),
            exceptions: self.exceptions.into_iter().map(|e| (e.name.clone(), e)).collect(),
            framework_list: self.framework_lists.into_iter().max_by(|a, b| a.order().cmp(&b.order())),
            policies: self.policies.into_iter().map(|p| (p.key.clone(), p)).collect(),
            holds: self.holds.into_iter().map(|h| (h.name.clone(), h)).collect(),
            namespaces: self.namespaces,
            unowned_jobs: self.unowned_jobs,
            nodes: self.nodes.into_iter().map(|n| (n.name.clone(), n)).collect(),
            invalid: self.invalid,
        }
    }
}

impl Snapshot {
    /// The same with this safeguard in place of the one of its name. What leads to a store does not hang on safeguards, and is
    /// shared.
    #[must_use]
    pub fn with_safeguard(&self, safeguard: &Arc<Safeguard>) -> Self {
        let mut safeguards = self.safeguards.clone();
        safeguards.insert(safeguard.name.clone(), safeguard.clone());
        let all: Vec<Arc<Safeguard>> = safeguards.values().cloned().collect();
        Self {
            by_importer: by_party(&all, Safeguard::importers),
            by_exporter: by_party(&all, Safeguard::exporters),
            safeguards,
            ..self.clone()
        }
    }
}

/// Party by namespace. Where two claim one, nobody is known to run it: an unknown importer, which no safeguard names.
fn runs(parties: &[Arc<Party>]) -> HashMap<String, PartyName> {
    let mut runs: HashMap<String, PartyName> = HashMap::new();
    let mut disputed = HashSet::new();
    for party in parties {
        for namespace in &party.namespaces {
            let first = runs.entry(namespace.clone()).or_insert_with(|| party.name.clone());
            if *first != party.name {
                disputed.insert(namespace.clone());
            }
        }
    }
    runs.retain(|namespace, _| !disputed.contains(namespace));
    runs
}

/// Safeguards by the parties that they name, in the order in which they are relied on.
fn by_party<'a, P: IntoIterator<Item = &'a PartyName>>(
    safeguards: &'a [Arc<Safeguard>],
    parties: impl Fn(&'a Safeguard) -> P,
) -> HashMap<PartyName, Vec<Arc<Safeguard>>> {
    let mut by: HashMap<PartyName, Vec<Arc<Safeguard>>> = HashMap::new();
    for safeguard in safeguards {
        for party in parties(safeguard) {
            by.entry(party.clone()).or_default().push(safeguard.clone());
        }
    }
    for list in by.values_mut() {
        list.sort_by(|a, b| a.order().cmp(&b.order()));
    }
    by
}

fn by_namespace(exceptions: &[Arc<Exception>]) -> HashMap<String, Vec<Arc<Exception>>> {
    let mut by: HashMap<String, Vec<Arc<Exception>>> = HashMap::new();
    for exception in exceptions {
        by.entry(exception.namespace.clone()).or_default().push(exception.clone());
    }
    for list in by.values_mut() {
        list.sort_by(|a, b| a.name.cmp(&b.name));
    }
    by
}

impl Reach {
    fn add<'a>(&mut self, store: &ObjectKey, access: &Access, engines: impl IntoIterator<Item = &'a Engine>) {
        for (by, keys) in [
            (&mut self.secrets, &access.secrets),
            (&mut self.secret_provider_classes, &access.secret_provider_classes),
            (&mut self.config_maps, &access.config_maps),
            (&mut self.services, &access.services),
            (&mut self.claims, &access.claims),
            (&mut self.service_accounts, &access.service_accounts),
        ] {
            for key in keys {
                by.entry(key.clone()).or_default().push(store.clone());
            }
        }
        for (host, port) in &access.hosts {
            self.hosts.entry(host.clone()).or_default().push((*port, store.clone()));
        }
        for engine in engines {
            self.add_engine(store, engine);
        }
    }

    /// A claim that started with a store's files has them, and so has one that was made from that one.
    fn add_clones(&mut self, clones: &[Arc<ClonedClaim>]) {
        let mut made_from: HashMap<&ObjectKey, Vec<&ObjectKey>> = HashMap::new();
        for clone in clones {
            made_from.entry(&clone.from).or_default().push(&clone.claim);
        }
        if made_from.is_empty() {
            return;
        }
        let mut open: Vec<(ObjectKey, ObjectKey)> = self
            .claims
            .iter()
            .flat_map(|(claim, stores)| stores.iter().map(|store| (claim.clone(), store.clone())))
            .collect();
        while let Some((claim, store)) = open.pop() {
            for copy in made_from.get(&claim).into_iter().flatten() {
                let stores = self.claims.entry((*copy).clone()).or_default();
                // Names may be used again, so that claims may seem to be made from each other.
                if !stores.contains(&store) {
                    stores.push(store.clone());
                    open.push(((*copy).clone(), store.clone()));
                }
            }
        }
    }

    /// Services behind which an address of a store was written by hand.
    fn add_endpoints(&mut self, all: &[Arc<Endpoints>]) {
        for endpoints in all {
            for (host, port) in &endpoints.hosts {
                for (declared, store) in self.hosts.get(host).into_iter().flatten() {
                    if declared.is_none() || port.is_none() || declared == port {
                        self.endpoints.entry(endpoints.service.clone()).or_default().push(store.clone());
                    }
                }
            }
        }
    }

    /// Who has a claimed volume's directory on a node or on a server needs no claim.
    fn add_volumes(&mut self, volumes: &Volumes) {
        for (claim, stores) in &self.claims {
            let Some(volume) = volumes.get(claim) else { continue };
            for store in stores {
                self.directories.extend(volume.directory.iter().map(|path| (path.clone(), store.clone())));
                if let Some((server, path)) = &volume.nfs {
                    self.nfs.entry(server.clone()).or_default().push((path.clone(), store.clone()));
                }
            }
        }
    }

    fn add_engine(&mut self, store: &ObjectKey, engine: &Engine) {
        let here = |name: &str| ObjectKey::new(store.namespace.clone(), name);
        match engine {
            Engine::Postgres(sql) | Engine::Mysql(sql) => {
                self.erasure_secrets.entry(here(&sql.secret)).or_default().push(store.clone());
            }
            Engine::ObjectStore { bucket, endpoint_host, secret } => {
                self.erasure_secrets.entry(here(secret)).or_default().push(store.clone());
                if let Some(host) = endpoint_host {
                    let behind = self.buckets.entry(host.clone()).or_default();
                    behind.entry(bucket.to_ascii_lowercase()).or_default().push(store.clone());
                }
            }
            Engine::Volume { claim } => {
                self.claims.entry(here(claim)).or_default().push(store.clone());
            }
            Engine::External => {}
        }
    }

    fn sort(&mut self) {
        let Self {
            secrets,
            erasure_secrets,
            secret_provider_classes,
            config_maps,
            services,
            claims,
            service_accounts,
            endpoints,
            hosts,
            buckets,
            party_hosts,
            directories,
            nfs,
        } = self;
        for by in [
            secrets,
            erasure_secrets,
            secret_provider_classes,
            config_maps,
            services,
            claims,
            service_accounts,
            endpoints,
        ] {
            by.values_mut().for_each(sort);
        }
        hosts.values_mut().for_each(sort);
        party_hosts.values_mut().for_each(sort);
        sort(directories);
        nfs.values_mut().for_each(sort);
        buckets.values_mut().flat_map(HashMap::values_mut).for_each(sort);
    }
}

fn sort<T: Ord>(list: &mut Vec<T>) {
    list.sort();
    list.dedup();
}
