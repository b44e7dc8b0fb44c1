//! Holds, read live: at the start and before every batch.

use jiff::Timestamp;

use super::{
    cluster::ClusterView,
    error::EraseError,
    order::{Order, OrderTarget},
};
use crate::{api::v1alpha1::PlannedDataset, core::store::Store};

/// The first hold that stands on a dataset of the plan, read live. What cannot be read is an error: it stops, too.
pub(super) async fn new_hold(
    view: &impl ClusterView,
    order: &Order,
    targets: &[(&OrderTarget, &PlannedDataset)],
) -> Result<Option<EraseError>, EraseError> {
    let holds =
        view.holds().await.map_err(|e| EraseError::Cluster { what: "LegalHolds", why: e.to_string() })?;
    let now = Timestamp::now();
    let held = |stores: &[Store]| {
        targets.iter().find_map(|(target, _)| {
            let hold = order.held_among(stores, &target.dataset, &holds, now)?;
            Some(EraseError::Held { hold, dataset: target.dataset.clone() })
        })
    };
    if held(&order.siblings).is_none() {
        return Ok(None);
    }
    // It may name a store that was declared since: a hold widens only where a name is really not found.
    let stores = view.stores().await;
    let stores = stores.map_err(|e| EraseError::Cluster { what: "DataStores", why: e.to_string() })?.readable;
    Ok(held(&stores))
}
