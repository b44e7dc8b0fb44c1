//! From the direct controller of a Pod to the object that a person wrote.

use std::collections::{HashMap, HashSet};

use futures::{StreamExt, stream};
use k8s_openapi::{
    api::{apps::v1::ReplicaSet, batch::v1::Job},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{Api, Client};

use crate::index::{Owner, owner_of};

/// Top-level owners, looked up once for each uid.
pub struct Owners {
    client: Client,
    known: HashMap<String, Owner>,
}

/// Look-ups at a time.
const TOGETHER: usize = 16;

impl Owners {
    /// Knows nothing yet.
    pub fn new(client: Client) -> Self {
        Self { client, known: HashMap::new() }
    }

    /// Looks up those that are not known, and forgets those that are not named.
    pub async fn learn(&mut self, direct: &[Owner]) {
        let named: HashSet<&str> = direct.iter().map(|o| o.uid.as_str()).collect();
        self.known.retain(|uid, _| named.contains(uid.as_str()));
        let mut asked = HashSet::new();
        let unknown: Vec<Owner> = direct
            .iter()
            .filter(|o| is_intermediate(o) && !self.known.contains_key(&o.uid) && asked.insert(&o.uid))
            .cloned()
            .collect();
        let found: Vec<_> = stream::iter(unknown)
            .map(|o| {
                let client = self.client.clone();
                async move {
                    let found = above(client, &o).await;
                    (o, found)
                }
            })
            .buffer_unordered(TOGETHER)
            .collect()
            .await;
        for (direct, above) in found {
            match above {
                Ok(above) => {
                    self.known.insert(direct.uid.clone(), above.unwrap_or_else(|| direct.clone()));
                }
                // Asked again next time; until then the direct controller is told.
                Err(error) => tracing::warn!(
                    %error, kind = direct.kind, namespace = direct.namespace, name = direct.name,
                    "looking up an owner"
                ),
            }
        }
    }

    /// The top-level owner, or the direct one where that is all that is known.
    pub fn top(&self, direct: &Owner) -> Owner {
        self.known.get(&direct.uid).unwrap_or(direct).clone()
    }
}

fn is_intermediate(owner: &Owner) -> bool {
    matches!(
        (owner.api_version.as_str(), owner.kind.as_str()),
        ("apps/v1", "ReplicaSet") | ("batch/v1", "Job")
    )
}

async fn above(client: Client, direct: &Owner) -> Result<Option<Owner>, kube::Error> {
    let meta: Option<ObjectMeta> = if direct.kind == "Job" {
        let api: Api<Job> = Api::namespaced(client, &direct.namespace);
        api.get_metadata_opt(&direct.name).await?.map(|m| m.metadata)
    } else {
        let api: Api<ReplicaSet> = Api::namespaced(client, &direct.namespace);
        api.get_metadata_opt(&direct.name).await?.map(|m| m.metadata)
    };
    let references = meta
        .filter(|m| m.uid.as_deref() == Some(direct.uid.as_str()))
        .and_then(|m| m.owner_references)
        .unwrap_or_default();
    Ok(references.iter().find(|r| r.controller == Some(true)).map(|r| owner_of(r, &direct.namespace)))
}
