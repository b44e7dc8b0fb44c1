//! Datasets that are the same rows under other names: what one of them keeps, all keep.

use std::collections::BTreeMap;

use super::{
    Target,
    clock::{Clock, by_length},
};
use crate::core::store::{AnchorSource, Dataset, Engine, Store};

/// A dataset with its store.
pub(super) type Sibling<'a> = (&'a Store, &'a Dataset);

/// Stores by namespace.
pub(super) struct Neighbours<'a>(BTreeMap<&'a str, Vec<&'a Store>>);

impl<'a> Neighbours<'a> {
    pub fn of(stores: &[&'a Store]) -> Self {
        let mut map = BTreeMap::<_, Vec<_>>::new();
        for store in stores {
            map.entry(&*store.key.namespace).or_default().push(*store);
        }
        Self(map)
    }

    /// The other datasets on a dataset's table, by store and name: in its own store, and in every other of the
    /// namespace that names the same Secret.
    pub fn siblings(&self, store: &Store, dataset: &Dataset) -> Vec<Sibling<'a>> {
        let (Some(secret), Some(table)) = (secret_of(store), &dataset.table) else { return vec![] };
        let near = self.0.get(&*store.key.namespace).into_iter().flatten().copied();
        let mut found: Vec<_> = near
            .filter(|o| secret_of(o) == Some(secret))
            .flat_map(|o| o.datasets.iter().map(move |d| (o, d)))
            .filter(|(o, d)| {
                d.table.as_ref() == Some(table) && (o.key != store.key || d.name != dataset.name)
            })
            .collect();
        found.sort_by(|(s, d), (t, e)| (&s.key, &d.name).cmp(&(&t.key, &e.name)));
        found
    }
}

fn secret_of(store: &Store) -> Option<&str> {
    match &store.engine {
        Engine::Postgres(sql) | Engine::Mysql(sql) => Some(&sql.secret),
        Engine::ObjectStore { .. } | Engine::Volume { .. } | Engine::External => None,
    }
}

/// Joins what a sibling lets go (none = nothing) to a dataset's target, so that a row goes only when both let it go. The
/// error says why the dataset is kept.
pub(super) fn join(
    target: &mut Target,
    dataset: &Dataset,
    (store, other): Sibling<'_>,
    lets_go: Option<Target>,
) -> Result<(), String> {
    let name = format!("{}/{}", store.key.name, other.name);
    let Some(also) = lets_go else {
        return Err(format!("dataset {name} is on the same table and is kept"));
    };
    for clock in also.clocks {
        if source(dataset, &clock.event) != source(other, &clock.event) {
            let event = clock.event;
            return Err(format!("dataset {name} is on the same table and reads {event} from elsewhere"));
        }
        match target.clocks.iter_mut().find(|c| c.event == clock.event) {
            Some(own) => merge(own, clock),
            None => target.clocks.push(clock),
        }
    }
    target.clocks.sort_by(|a, b| a.event.cmp(&b.event));
    target.rules.extend(also.rules);
    target.rules.sort();
    target.rules.dedup();
    Ok(())
}

fn merge(own: &mut Clock, other: Clock) {
    own.cutoff = own.cutoff.min(other.cutoff);
    own.delete_after.extend(other.delete_after);
    own.keep_at_least.extend(other.keep_at_least);
    by_length(&mut own.delete_after);
    by_length(&mut own.keep_at_least);
}

fn source<'d>(dataset: &'d Dataset, event: &str) -> Option<&'d AnchorSource> {
    dataset.anchors.iter().find(|a| a.event == event).map(|a| &a.source)
}
