//! What is declared, as it was written.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Resource, ResourceExt};
use serde_json::Value;

use crate::{
    api::{
        labels::GROUP,
        v1alpha1::{
            DataPrivacyFrameworkSnapshot, DataStore, LegalHold, Party, RetentionPolicy, TransferException,
            TransferSafeguard,
        },
    },
    index::{Context, Entry, Kind, State, TableEvent, Watched},
};

/// What is declared, kind by kind.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Parties.
    pub parties: Vec<Watched<Party>>,
    /// DataStores.
    pub stores: Vec<Watched<DataStore>>,
    /// TransferSafeguards.
    pub safeguards: Vec<Watched<TransferSafeguard>>,
    /// TransferExceptions.
    pub exceptions: Vec<Watched<TransferException>>,
    /// DataPrivacyFrameworkSnapshots.
    pub framework_lists: Vec<Watched<DataPrivacyFrameworkSnapshot>>,
    /// RetentionPolicies.
    pub policies: Vec<Watched<RetentionPolicy>>,
    /// LegalHolds.
    pub holds: Vec<Watched<LegalHold>>,
}

/// A manifest that cannot be put over what is declared.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It does not fit its schema, or means nothing.
    #[error("{kind} {name} in the manifests cannot be read: {why}")]
    Unreadable {
        /// Kind.
        kind: String,
        /// Name.
        name: String,
        /// Why.
        why: String,
    },
}

impl Declared {
    /// Tells the index about everything.
    pub fn apply(&self, context: &Context, state: &mut State) {
        let Self { parties, stores, safeguards, exceptions, framework_lists, policies, holds } = self;
        all(parties, context, state);
        all(stores, context, state);
        all(safeguards, context, state);
        all(exceptions, context, state);
        all(framework_lists, context, state);
        all(policies, context, state);
        all(holds, context, state);
    }

    /// Puts a manifest over the object of its name. False = it is of no kind that is declared.
    pub fn put(
        &mut self,
        manifest: &Value,
        default_namespace: &str,
        context: &Context,
    ) -> Result<bool, EditError> {
        let kind = manifest["kind"].as_str().unwrap_or_default();
        let group = manifest["apiVersion"].as_str().and_then(|v| v.split_once('/')).map(|(group, _)| group);
        if group != Some(GROUP) {
            return Ok(false);
        }
        let here = Some(default_namespace);
        match kind {
            "Party" => put(&mut self.parties, manifest, None, context)?,
            "DataStore" => put(&mut self.stores, manifest, here, context)?,
            "TransferSafeguard" => put(&mut self.safeguards, manifest, None, context)?,
            "TransferException" => put(&mut self.exceptions, manifest, None, context)?,
            "DataPrivacyFrameworkSnapshot" => put(&mut self.framework_lists, manifest, None, context)?,
            "RetentionPolicy" => put(&mut self.policies, manifest, here, context)?,
            "LegalHold" => put(&mut self.holds, manifest, None, context)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Takes an object away; tells whether it was there.
pub fn without<K: Kind>(all: &mut Vec<Watched<K>>, name: &str) -> bool {
    let before = all.len();
    all.retain(|object| object.name_any() != name);
    all.len() < before
}

fn all<K: Kind>(objects: &[Watched<K>], context: &Context, state: &mut State) {
    for object in objects {
        let entry = Entry::new(object.clone(), context);
        state.apply(K::change(TableEvent::Apply(entry.key(), entry)));
    }
}

fn put<K: Kind>(
    all: &mut Vec<Watched<K>>,
    manifest: &Value,
    namespace: Option<&str>,
    context: &Context,
) -> Result<(), EditError> {
    let mut new = manifest.clone();
    if let Some(namespace) = namespace
        && new["metadata"]["namespace"].as_str().is_none_or(str::is_empty)
    {
        new["metadata"]["namespace"] = namespace.into();
    }
    let name = new["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let unreadable =
        |why: String| EditError::Unreadable { kind: K::kind(&()).into_owned(), name: name.clone(), why };
    let mut new: Watched<K> = serde_json::from_value(new).map_err(|e| unreadable(e.to_string()))?;
    let same = |a: &ObjectMeta, b: &ObjectMeta| a.name == b.name && a.namespace == b.namespace;
    let old = all.iter().position(|old| same(old.meta(), new.meta()));
    if let Some(at) = old {
        // What the API server gave it stays: an exception's end is reckoned from its creation.
        let (uid, created) = (all[at].meta().uid.clone(), all[at].meta().creation_timestamp.clone());
        new.meta_mut().uid = uid;
        new.meta_mut().creation_timestamp = created;
    }
    if let Err(why) = Entry::new(new.clone(), context).value {
        return Err(unreadable(why.to_string()));
    }
    match old {
        Some(at) => all[at] = new,
        None => all.push(new),
    }
    Ok(())
}
