//! What leads to a store, and from where.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::core::{ids::ObjectKey, settings::ClaimsFrom, snapshot::Snapshot};

/// Stores by the name that leads to them.
pub type Names = BTreeMap<String, BTreeSet<ObjectKey>>;

/// What leads to a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Secrets; here and below as `namespace/name` where the namespace is not there yet.
    pub secrets: Names,
    /// Secrets that erase.
    pub erasure_secrets: Names,
    /// SecretProviderClasses.
    pub secret_provider_classes: Names,
    /// ConfigMaps.
    pub config_maps: Names,
    /// Claims.
    pub claims: Names,
    /// ServiceAccounts.
    pub service_accounts: Names,
    /// Whole words with a dot: hosts, Services, buckets with their endpoint.
    pub words: Names,
    /// Whole words without a dot: Services of the own namespace, and hosts.
    pub bare_words: Names,
    /// Services as `name.namespace`.
    pub services: Names,
    /// Hosts that count with one port, as `host` and as `host:port`.
    pub ports: Names,
    /// Buckets by the host of their endpoint.
    pub buckets: BTreeMap<String, Names>,
}

impl Traces {
    /// Every list of names but those of Secrets that erase.
    pub fn lists(&self) -> impl Iterator<Item = &Names> {
        let Self {
            secrets,
            erasure_secrets: _,
            secret_provider_classes,
            config_maps,
            claims,
            service_accounts,
            words,
            bare_words,
            services,
            ports,
            buckets,
        } = self;
        [
            secrets,
            secret_provider_classes,
            config_maps,
            claims,
            service_accounts,
            words,
            bare_words,
            services,
            ports,
        ]
        .into_iter()
        .chain(buckets.values())
    }

    /// Every store that a name leads to.
    pub fn stores(&self) -> BTreeSet<ObjectKey> {
        self.lists().flat_map(|names| names.values().flatten()).cloned().collect()
    }

    /// Takes over what leads to a store from a namespace that has no object of its own, by `namespace/name`: no name of an object
    /// has a slash. Words stay behind, since they would count in every namespace; Services are found by `name.namespace`.
    pub(super) fn take_references(&mut self, namespace: &str, from: Self) {
        for (into, from) in [
            (&mut self.secrets, from.secrets),
            (&mut self.erasure_secrets, from.erasure_secrets),
            (&mut self.secret_provider_classes, from.secret_provider_classes),
            (&mut self.config_maps, from.config_maps),
            (&mut self.claims, from.claims),
            (&mut self.service_accounts, from.service_accounts),
        ] {
            into.extend(from.into_iter().map(|(name, stores)| (format!("{namespace}/{name}"), stores)));
        }
    }

    /// Keeps what leads to a store that is `kept`. Secrets that erase are nobody's to use, whatever is enforced.
    pub(super) fn retain(&mut self, kept: impl Fn(&ObjectKey) -> bool) {
        let Self {
            secrets,
            erasure_secrets: _,
            secret_provider_classes,
            config_maps,
            claims,
            service_accounts,
            words,
            bare_words,
            services,
            ports,
            buckets,
        } = self;
        let lists = [
            secrets,
            secret_provider_classes,
            config_maps,
            claims,
            service_accounts,
            words,
            bare_words,
            services,
            ports,
        ];
        for names in lists.into_iter().chain(buckets.values_mut()) {
            names.retain(|_, stores| {
                stores.retain(&kept);
                !stores.is_empty()
            });
        }
        buckets.retain(|_, names| !names.is_empty());
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) everywhere: Traces,
    pub(super) by_namespace: BTreeMap<String, Traces>,
}

/// Sorts what leads to a store by where from: references by the namespace of what is referred to, words by how far the
/// claims of the store's namespace reach.
pub(super) fn of(snapshot: &Snapshot) -> Found {
    let reach = &snapshot.reach;
    let mut found = Sorter { snapshot, found: Found::default() };
    found.references(&reach.secrets, |t| &mut t.secrets);
    found.references(&reach.erasure_secrets, |t| &mut t.erasure_secrets);
    found.references(&reach.secret_provider_classes, |t| &mut t.secret_provider_classes);
    found.references(&reach.config_maps, |t| &mut t.config_maps);
    found.references(&reach.claims, |t| &mut t.claims);
    found.references(&reach.service_accounts, |t| &mut t.service_accounts);
    for (service, stores) in &reach.services {
        found.service(service, stores);
    }
    // An address of colons is no word.
    for (host, stores) in reach.hosts.iter().filter(|(host, _)| !host.contains(':')) {
        for (port, store) in stores {
            let traces = found.words_of(store);
            match port {
                None if host.contains('.') => add(&mut traces.words, host.clone(), store),
                None => add(&mut traces.bare_words, host.clone(), store),
                Some(port) if host.contains('.') => {
                    add(&mut traces.ports, host.clone(), store);
                    add(&mut traces.ports, format!("{host}:{port}"), store);
                }
                // A word like any other, which would have to be read with what follows: the webhook's alone.
                Some(_) => {}
            }
        }
    }
    for (endpoint, buckets) in &reach.buckets {
        for (bucket, stores) in buckets {
            for store in stores {
                let traces = found.words_of(store);
                add(&mut traces.words, format!("{bucket}.{endpoint}"), store);
                add(traces.buckets.entry(endpoint.clone()).or_default(), bucket.clone(), store);
            }
        }
    }
    found.found
}

struct Sorter<'a> {
    snapshot: &'a Snapshot,
    found: Found,
}

impl Sorter<'_> {
    fn reaches_all(&self, store: &ObjectKey) -> bool {
        match &self.snapshot.settings.claims_from {
            ClaimsFrom::All => true,
            ClaimsFrom::Namespaces(names) => names.contains(&*store.namespace),
        }
    }

    fn reaches(&self, store: &ObjectKey, namespace: &str) -> bool {
        &*store.namespace == namespace || self.reaches_all(store)
    }

    fn of(&mut self, namespace: &str) -> &mut Traces {
        self.found.by_namespace.entry(namespace.into()).or_default()
    }

    /// Where a word that leads to `store` counts.
    fn words_of(&mut self, store: &ObjectKey) -> &mut Traces {
        if self.reaches_all(store) { &mut self.found.everywhere } else { self.of(&store.namespace) }
    }

    fn references(
        &mut self,
        by: &HashMap<ObjectKey, Vec<ObjectKey>>,
        list: impl Fn(&mut Traces) -> &mut Names,
    ) {
        for (key, stores) in by {
            for store in stores {
                if self.reaches(store, &key.namespace) {
                    add(list(self.of(&key.namespace)), key.name.to_string(), store);
                }
            }
        }
    }

    /// Bare in its own namespace, with its namespace wherever the claim reaches.
    fn service(&mut self, service: &ObjectKey, stores: &[ObjectKey]) {
        let ObjectKey { namespace, name } = service;
        for store in stores {
            if self.reaches(store, namespace) {
                add(&mut self.of(namespace).bare_words, name.to_string(), store);
            }
            let traces = self.words_of(store);
            add(&mut traces.words, format!("{name}.{namespace}"), store);
            add(&mut traces.services, format!("{name}.{namespace}"), store);
            // What follows `.svc` in the name of a namespace would be read as the end of the name.
            if !namespace.starts_with("svc") {
                add(&mut traces.words, format!("{name}.{namespace}.svc"), store);
            }
        }
    }
}

fn add(names: &mut Names, name: String, store: &ObjectKey) {
    names.entry(name).or_default().insert(store.clone());
}
