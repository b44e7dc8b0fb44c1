//! Whole lists, page by page.

use std::fmt::Debug;

use kube::{
    Api,
    api::{ListParams, ObjectList},
};
use serde::de::DeserializeOwned;

/// Objects of one page.
const PAGE: u32 = 500;

/// Every object that `api` names.
pub async fn list<K: Clone + DeserializeOwned + Debug>(api: &Api<K>) -> Result<Vec<K>, kube::Error> {
    let mut all = vec![];
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let ObjectList { items, metadata, .. } = api.list(&page).await?;
        all.extend(items);
        match metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(all),
        }
    }
}
