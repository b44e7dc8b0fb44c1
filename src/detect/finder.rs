//! Collects what the walk over a Pod finds, and decides how far each claim reaches.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use super::{
    ConfigMapLookup, Detection, Finding, PodSubject, downward,
    names::{addresses, names, percent_decoded},
    outside,
};
use crate::core::{
    ids::{ObjectKey, PartyName},
    selector::Labels,
    settings::ClaimsFrom,
    snapshot::Snapshot,
    transfer::{Sending, Use, UseAccess},
    volume::overlap,
};

/// Collects what is found. `'a` is the life of the snapshot and of the Pod.
pub(super) struct Finder<'a> {
    snapshot: &'a Snapshot,
    namespace: Arc<str>,
    config_maps: Option<&'a ConfigMapLookup<'a>>,
    searches: &'a [String],
    annotations: &'a BTreeMap<String, String>,
    labels: &'a Labels,
    found: BTreeMap<ObjectKey, Found>,
    sends: BTreeMap<(PartyName, Arc<str>), BTreeSet<String>>,
    erasure_secrets: BTreeSet<(ObjectKey, ObjectKey, String)>,
    findings: BTreeSet<Finding>,
}

/// A store that is used.
#[derive(Default)]
struct Found {
    via: BTreeSet<String>,
    /// None until something is known; what is found reads, unless only its author speaks of it.
    access: Option<UseAccess>,
}

impl Found {
    fn add(&mut self, via: String, access: UseAccess) {
        self.via.insert(via);
        self.access = Some(self.access.map_or(access, |before| before.and(access)));
    }
}

/// Words of one container, kept because a bucket and its endpoint may stand apart.
#[derive(Default, Clone)]
pub(super) struct Words<'a> {
    words: Vec<Cow<'a, str>>,
    endpoints: BTreeSet<String>,
}

type ByKey = HashMap<ObjectKey, Vec<ObjectKey>>;

impl<'a> Finder<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, subject: &PodSubject<'a>) -> Self {
        let searches =
            subject.spec.dns_config.as_ref().and_then(|d| d.searches.as_deref()).unwrap_or_default();
        Self {
            snapshot,
            namespace: subject.namespace.into(),
            config_maps: subject.config_maps,
            searches,
            annotations: subject.annotations,
            labels: subject.labels,
            found: BTreeMap::new(),
            sends: BTreeMap::new(),
            erasure_secrets: BTreeSet::new(),
            findings: BTreeSet::new(),
        }
    }

    pub(super) fn finish(mut self) -> Detection {
        if self.found.is_empty() {
            // No personal data is known to go anywhere.
            self.sends.clear();
            self.findings.retain(|f| !matches!(f, Finding::UndeclaredHost { .. }));
        }
        let found = &self.found;
        self.findings
            .retain(|f| !matches!(f, Finding::EndpointOfStore { store, .. } if found.contains_key(store)));
        let uses = self.found.into_iter().map(|(store, Found { via, access })| Use {
            store,
            via: via.into_iter().collect(),
            access: access.unwrap_or_default(),
        });
        let sends = self.sends.into_iter().map(|((party, host), via)| Sending {
            party,
            host,
            via: via.into_iter().collect(),
        });
        Detection {
            uses: uses.collect(),
            sends: sends.collect(),
            erasure_secrets: self.erasure_secrets.into_iter().collect(),
            findings: self.findings.into_iter().collect(),
        }
    }

    pub(super) fn finding(&mut self, finding: Finding) {
        self.findings.insert(finding);
    }

    /// The author of a Pod says that it uses `store`; false where there is no such store.
    pub(super) fn declared(&mut self, store: &ObjectKey, access: UseAccess) -> bool {
        let known = self.snapshot.stores.contains_key(store);
        if known {
            let via = format!("annotation {}", crate::api::labels::USES);
            self.found.entry(store.clone()).or_default().add(via, access);
        }
        known
    }

    /// A Secret of the Pod's own namespace: a Pod reaches no other.
    pub(super) fn secret(&mut self, name: &str, at: fmt::Arguments<'_>) {
        let snapshot = self.snapshot;
        if snapshot.reach.secrets.is_empty() && snapshot.reach.erasure_secrets.is_empty() {
            return;
        }
        let key = self.own(name);
        self.by_key(&snapshot.reach.secrets, &key, "Secret", at);
        for store in snapshot.reach.erasure_secrets.get(&key).into_iter().flatten() {
            let via = format!("{at}: erasure Secret {key}");
            self.erasure_secrets.insert((key.clone(), store.clone(), via.clone()));
            self.found.entry(store.clone()).or_default().add(via, UseAccess::Read);
        }
    }

    /// A SecretProviderClass of the Pod's own namespace: the driver reads no other.
    pub(super) fn secret_provider_class(&mut self, name: &str, at: fmt::Arguments<'_>) {
        let snapshot = self.snapshot;
        self.by_key(&snapshot.reach.secret_provider_classes, &self.own(name), "SecretProviderClass", at);
    }

    /// A ConfigMap of the Pod's own namespace, and with `--read-configmaps` the names in it.
    pub(super) fn config_map(&mut self, name: &str, words: &mut Words<'a>, at: fmt::Arguments<'_>) {
        let snapshot = self.snapshot;
        let key = self.own(name);
        self.by_key(&snapshot.reach.config_maps, &key, "ConfigMap", at);
        let Some(lookup) = self.config_maps else { return };
        match lookup(&key) {
            Some(data) => {
                for (field, text) in data.iter() {
                    self.owned_text(text, words, format_args!("{at}, ConfigMap {key}, {field}"));
                }
            }
            None => self.finding(Finding::ConfigMapUnread { config_map: key, at: at.to_string() }),
        }
    }

    /// A claim of the Pod's own namespace.
    pub(super) fn claim(&mut self, name: &str, at: fmt::Arguments<'_>) {
        let snapshot = self.snapshot;
        self.by_key(&snapshot.reach.claims, &self.own(name), "PersistentVolumeClaim", at);
    }

    /// A claim of any namespace, as a volume's `dataSourceRef` may name one.
    pub(super) fn claim_in(&mut self, namespace: &str, name: &str, at: fmt::Arguments<'_>) {
        let snapshot = self.snapshot;
        let key = ObjectKey::new(namespace, name);
        self.by_key(&snapshot.reach.claims, &key, "PersistentVolumeClaim", at);
    }

    /// A directory of the node: whoever has a claimed volume's directory needs no claim.
    pub(super) fn directory(&mut self, path: &str, at: fmt::Arguments<'_>) {
        for (directory, store) in &self.snapshot.reach.directories {
            if overlap(directory, path) {
                self.hit(store, format_args!("{at}: directory {path}"));
            }
        }
    }

    /// A directory of an NFS server.
    pub(super) fn nfs(&mut self, server: &str, path: &str, at: fmt::Arguments<'_>) {
        let server = server.trim_end_matches('.').to_ascii_lowercase();
        for (directory, store) in self.snapshot.reach.nfs.get(&server).into_iter().flatten() {
            if overlap(directory, path) {
                self.hit(store, format_args!("{at}: {server}:{path}"));
            }
        }
    }

    /// The Pod's ServiceAccount.
    pub(super) fn service_account(&mut self, name: &str, at: fmt::Arguments<'_>) {
        let snapshot = self.snapshot;
        self.by_key(&snapshot.reach.service_accounts, &self.own(name), "ServiceAccount", at);
    }

    /// What the downward API hands over at this path.
    pub(super) fn handed(&self, path: &'a str) -> Vec<&'a str> {
        downward::texts(path, self.annotations, self.labels)
    }

    /// A literal text.
    pub(super) fn text(&mut self, text: &'a str, words: &mut Words<'a>, at: fmt::Arguments<'_>) {
        for name in names(text) {
            self.name(name.text, name.port, words, at);
            words.words.push(Cow::Borrowed(name.text));
        }
        for address in addresses(text) {
            self.name(address.text, address.port, words, at);
        }
        self.undeclared(text, at);
        if text.contains('%')
            && let Some(decoded) = percent_decoded(text)
        {
            self.plain_text(&decoded, words, at);
        }
    }

    /// A literal text that lives no longer than this call.
    pub(super) fn owned_text(&mut self, text: &str, words: &mut Words<'a>, at: fmt::Arguments<'_>) {
        self.plain_text(text, words, at);
        self.undeclared(text, at);
        if text.contains('%')
            && let Some(decoded) = percent_decoded(text)
        {
            self.plain_text(&decoded, words, at);
        }
    }

    fn plain_text(&mut self, text: &str, words: &mut Words<'a>, at: fmt::Arguments<'_>) {
        for name in names(text) {
            self.name(name.text, name.port, words, at);
            words.words.push(Cow::Owned(name.text.to_owned()));
        }
        for address in addresses(text) {
            self.name(address.text, address.port, words, at);
        }
    }

    /// A container has been read: endpoint and bucket may stand apart in it.
    pub(super) fn end_of_container(&mut self, words: &Words<'a>, at: fmt::Arguments<'_>) {
        let snapshot = self.snapshot;
        for endpoint in &words.endpoints {
            let Some(buckets) = snapshot.reach.buckets.get(endpoint) else { continue };
            for word in &words.words {
                for store in buckets.get(&*lower(word)).into_iter().flatten() {
                    self.hit(store, format_args!("{at}: bucket {word} at {endpoint}"));
                }
            }
        }
    }

    fn name(&mut self, written: &str, port: Option<u16>, words: &mut Words<'a>, at: fmt::Arguments<'_>) {
        let name = lower(written);
        self.full_name(&name, port, words, at);
        self.party_host(&name, port, at);
        for search in self.searches {
            let full = format!("{name}.{}", lower(search.trim_end_matches('.')));
            self.full_name(&full, port, words, at);
        }
    }

    /// A party's host: as it is declared, or below a domain that is its own.
    fn party_host(&mut self, name: &str, port: Option<u16>, at: fmt::Arguments<'_>) {
        let hosts = &self.snapshot.reach.party_hosts;
        if hosts.is_empty() {
            return;
        }
        let below = name.match_indices('.').map(|(dot, _)| Cow::Owned(format!("*{}", &name[dot..])));
        for declared in std::iter::once(Cow::Borrowed(name)).chain(below) {
            for (of, party) in hosts.get(&*declared).into_iter().flatten() {
                if of.is_none() || port.is_none() || *of == port {
                    let key = (party.clone(), Arc::from(&*declared));
                    self.sends.entry(key).or_default().insert(format!("{at}: host {name}"));
                }
            }
        }
    }

    /// An address outside the cluster that is nobody's, as far as is declared: a gap.
    fn undeclared(&mut self, text: &str, at: fmt::Arguments<'_>) {
        // Every address has one, most literals have none.
        if !text.contains(':') {
            return;
        }
        for (host, port) in outside::hosts(text) {
            let snapshot = self.snapshot;
            let namespace = host.rsplit_once('.').map(|(_, last)| last);
            let inside = namespace.is_some_and(|n| snapshot.namespaces.contains_key(n));
            if inside || self.is_known(&host, port) {
                continue;
            }
            self.finding(Finding::UndeclaredHost { host, at: at.to_string() });
        }
    }

    /// Whether a host is a store's or a party's.
    fn is_known(&self, host: &str, port: Option<u16>) -> bool {
        let reach = &self.snapshot.reach;
        let fits = |of: &Option<u16>| of.is_none() || port.is_none() || *of == port;
        let mut below = host.match_indices('.');
        reach.hosts.get(host).into_iter().flatten().any(|(of, _)| fits(of))
            || reach.party_hosts.get(host).into_iter().flatten().any(|(of, _)| fits(of))
            || reach.buckets.contains_key(host)
            || below.any(|(dot, _)| {
                let domain = reach.party_hosts.get(&format!("*{}", &host[dot..]));
                domain.into_iter().flatten().any(|(of, _)| fits(of))
                    || reach.buckets.get(&host[dot + 1..]).is_some_and(|b| b.contains_key(&host[..dot]))
            })
    }

    fn full_name(&mut self, name: &str, port: Option<u16>, words: &mut Words<'a>, at: fmt::Arguments<'_>) {
        let reach = &self.snapshot.reach;
        for (declared, store) in reach.hosts.get(name).into_iter().flatten() {
            if declared.is_none() || port.is_none() || *declared == port {
                self.hit(store, format_args!("{at}: host {name}"));
            }
        }
        if !reach.services.is_empty() || !reach.endpoints.is_empty() {
            self.service(name, at);
        }
        if reach.buckets.is_empty() {
            return;
        }
        if reach.buckets.contains_key(name) {
            words.endpoints.insert(name.to_owned());
        }
        for (dot, _) in name.match_indices('.') {
            let (bucket, endpoint) = (&name[..dot], &name[dot + 1..]);
            for store in reach.buckets.get(endpoint).and_then(|b| b.get(bucket)).into_iter().flatten() {
                self.hit(store, format_args!("{at}: bucket {bucket} at {endpoint}"));
            }
        }
    }

    /// `name`, `name.namespace`, `name.namespace.svc[...]`, and each with a Pod's host name before it.
    fn service(&mut self, name: &str, at: fmt::Arguments<'_>) {
        let short = name.find(".svc").filter(|i| {
            let after = &name[i + 4..];
            after.is_empty() || after.starts_with('.')
        });
        let short = short.map_or(name, |i| &name[..i]);
        for path in [Some(short), (short.len() < name.len()).then_some(name)].into_iter().flatten() {
            let (before, last) = path.rsplit_once('.').map_or((None, path), |(b, l)| (Some(b), l));
            self.one_service(&self.own(last), at);
            if let Some(before) = before {
                let service = before.rsplit_once('.').map_or(before, |(_, s)| s);
                self.one_service(&ObjectKey::new(last, service), at);
            }
        }
    }

    fn one_service(&mut self, service: &ObjectKey, at: fmt::Arguments<'_>) {
        let reach = &self.snapshot.reach;
        self.by_key(&reach.services, service, "Service", at);
        for store in reach.endpoints.get(service).into_iter().flatten() {
            self.finding(Finding::EndpointOfStore {
                store: store.clone(),
                service: service.clone(),
                at: at.to_string(),
            });
        }
    }

    fn by_key(&mut self, map: &'a ByKey, key: &ObjectKey, kind: &str, at: fmt::Arguments<'_>) {
        for store in map.get(key).into_iter().flatten() {
            self.hit(store, format_args!("{at}: {kind} {key}"));
        }
    }

    /// A claim reaches as far as its author: his own namespace, and others only where the cluster's operator says so.
    fn hit(&mut self, store: &ObjectKey, via: fmt::Arguments<'_>) {
        let reaches = store.namespace == self.namespace
            || match &self.snapshot.settings.claims_from {
                ClaimsFrom::All => true,
                ClaimsFrom::Namespaces(names) => names.contains(&*store.namespace),
            };
        if reaches {
            self.found.entry(store.clone()).or_default().add(via.to_string(), UseAccess::Read);
        } else {
            self.finding(Finding::ClaimNotReaching { store: store.clone(), via: via.to_string() });
        }
    }

    fn own(&self, name: &str) -> ObjectKey {
        ObjectKey::new(self.namespace.clone(), name)
    }
}

fn lower(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}
