//! A table that follows one watch.

use std::collections::{BTreeMap, btree_map};

use crate::core::ids::ObjectKey;

/// What a watch says, with its objects already read.
#[derive(Clone, Debug)]
pub enum TableEvent<V> {
    /// A list begins.
    Init,
    /// An object of the list.
    InitApply(ObjectKey, V),
    /// The list is whole: what it did not name is gone.
    InitDone,
    /// An object came or changed.
    Apply(ObjectKey, V),
    /// An object went.
    Delete(ObjectKey),
}

/// The objects of one watch by namespace (empty for cluster-scoped kinds) and name.
#[derive(Clone, Debug)]
pub struct Table<V> {
    live: BTreeMap<ObjectKey, V>,
    listing: Option<BTreeMap<ObjectKey, V>>,
    listed: bool,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { live: BTreeMap::new(), listing: None, listed: false }
    }
}

impl<V> Table<V> {
    /// Applies an event. Tells whether what [`Self::get`] answers may have changed.
    pub fn apply(&mut self, event: TableEvent<V>) -> bool {
        match event {
            TableEvent::Init => {
                self.listing = Some(BTreeMap::new());
                false
            }
            TableEvent::InitApply(key, value) => {
                self.listing.get_or_insert_default().insert(key, value);
                false
            }
            TableEvent::InitDone => {
                if let Some(listing) = self.listing.take() {
                    self.live = listing;
                }
                self.listed = true;
                true
            }
            TableEvent::Apply(key, value) => {
                self.live.insert(key, value);
                true
            }
            TableEvent::Delete(key) => self.live.remove(&key).is_some(),
        }
    }

    /// Whether a list was whole once.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// Says that nothing is watched: the table is whole as it is.
    pub fn unwatched(&mut self) {
        self.listed = true;
    }

    /// One object.
    pub fn get(&self, key: &ObjectKey) -> Option<&V> {
        self.live.get(key)
    }

    /// All objects, in order.
    pub fn iter(&self) -> btree_map::Iter<'_, ObjectKey, V> {
        self.live.iter()
    }
}

impl<'a, V> IntoIterator for &'a Table<V> {
    type Item = (&'a ObjectKey, &'a V);
    type IntoIter = btree_map::Iter<'a, ObjectKey, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("", name)
    }

    #[test]
    fn a_new_list_replaces_what_it_does_not_name_and_only_when_it_is_whole() {
        let mut table = Table::default();
        table.apply(TableEvent::Apply(key("old"), 1));
        for event in [TableEvent::Init, TableEvent::InitApply(key("new"), 2)] {
            assert!(!table.apply(event));
        }
        assert!(table.get(&key("old")).is_some() && !table.is_listed());
        assert!(table.apply(TableEvent::InitDone));
        assert!(table.get(&key("old")).is_none() && table.get(&key("new")) == Some(&2));
        assert!(table.is_listed());
    }

    #[test]
    fn a_list_that_broke_off_leaves_nothing_behind() {
        let mut table = Table::default();
        table.apply(TableEvent::Init);
        table.apply(TableEvent::InitApply(key("a"), 1));
        table.apply(TableEvent::Init);
        table.apply(TableEvent::InitApply(key("b"), 2));
        table.apply(TableEvent::InitDone);
        assert_eq!(table.iter().map(|(k, _)| k.name.to_string()).collect::<Vec<_>>(), ["b"]);
    }
}
