//! Declared use: the annotation `carnet.dev/uses: "identity/accounts=read, identity/uploads=write"`.

use std::collections::BTreeMap;

use super::{Finding, finder::Finder};
use crate::{
    api::labels,
    core::{ids::ObjectKey, transfer::UseAccess},
};

/// Adds what the annotation says; what it says wrongly is a finding.
pub(super) fn read(finder: &mut Finder<'_>, annotations: &BTreeMap<String, String>) {
    let Some(text) = annotations.get(labels::USES) else { return };
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        let Some((namespace, name, access)) = entry_of(entry) else {
            finder.finding(Finding::Misdeclared(entry.into()));
            continue;
        };
        let store = ObjectKey::new(namespace, name);
        if !finder.declared(&store, access) {
            finder.finding(Finding::NoSuchStore(store));
        }
    }
}

fn entry_of(entry: &str) -> Option<(&str, &str, UseAccess)> {
    let (store, access) = entry.split_once('=').unwrap_or((entry, "read"));
    let (namespace, name) = store.trim().split_once('/')?;
    let named = |s: &str| {
        !s.is_empty() && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c))
    };
    let access = match access.trim() {
        "read" => UseAccess::Read,
        "write" => UseAccess::Write,
        _ => return None,
    };
    (named(namespace) && named(name)).then_some((namespace, name, access))
}
