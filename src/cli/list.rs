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
    each(api, |object| all.push(object)).await?;
    Ok(all)
}

/// Hands over every object that `api` names, a page at a time: a hundred thousand Pods need not be held at once.
pub async fn each<K: Clone + DeserializeOwned + Debug>(
    api: &Api<K>,
    mut take: impl FnMut(K),
) -> Result<(), kube::Error> {
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let ObjectList { items, metadata, .. } = api.list(&page).await?;
        items.into_iter().for_each(&mut take);
        match metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(()),
        }
    }
}
