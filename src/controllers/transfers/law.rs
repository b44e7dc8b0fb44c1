//! What another law pack changes for what runs, told once, when it is first judged by. Pure.

use crate::{
    api::v1alpha1::DataStore,
    index::{Entry, Owner},
    picture::Picture,
    platform::{EventKind, Note},
};

/// A note for each store of which more, or fewer, Pods and copies are violations than when another law pack was judged by.
pub fn changes(entries: &[Entry<DataStore>], picture: &Picture, law: &str) -> Vec<(Owner, Note)> {
    entries.iter().filter_map(|entry| change(entry, picture, law)).collect()
}

fn change(entry: &Entry<DataStore>, picture: &Picture, law: &str) -> Option<(Owner, Note)> {
    let said = entry.object.as_ref()?.status.as_ref()?.transfers.as_ref()?;
    let before = said.law.as_deref().filter(|before| *before != law)?;
    let now = picture.stores.get(&entry.key())?;
    let copies = i64::try_from(now.violating_copies.len()).unwrap_or(i64::MAX);
    if (now.violating, copies) == (said.violating, said.violating_copies) {
        return None;
    }
    let is_worse = now.violating > said.violating || copies > said.violating_copies;
    let note = format!(
        "law pack {law} is judged by, before it was {before}: of {} running Pods and {copies} copies nothing covers the data, \
         then of {} and {}",
        now.violating, said.violating, said.violating_copies
    );
    let kind = if is_worse { EventKind::Warning } else { EventKind::Normal };
    Some((owner(entry), Note { kind, reason: "LawPackChanged", action: "Judge", note }))
}

fn owner(entry: &Entry<DataStore>) -> Owner {
    use kube::Resource;
    let key = entry.key();
    Owner {
        api_version: DataStore::api_version(&()).into_owned(),
        kind: DataStore::kind(&()).into_owned(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        uid: entry.meta.uid.clone().unwrap_or_default(),
    }
}
